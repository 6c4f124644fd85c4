import { Command } from 'commander'
import type { Item, Query } from '../../sdk/endpoints.ts'
import { allOf, type Cli, examples } from '../cli.ts'
import { minuteOf, table } from '../text.ts'

const COLUMNS = [
  { title: 'ID' },
  { title: 'KIND' },
  { title: 'STATE' },
  { title: 'DONE', align: 'right' as const },
  { title: 'UPDATED' },
  { title: 'WAITS FOR OR ERROR', flexible: true },
]

export function taskCommand(cli: Cli): Command {
  const command = new Command('task').description('work in the background, and what it waits for')
  command
    .command('list')
    .description('tasks of the organisation')
    .option('--state <state>', 'only those in this state')
    .action((query: Query<'listTasks'>) => list(cli, query))
  command
    .command('show')
    .description('how far a task is')
    .argument('<id>')
    .addHelpText('after', examples('task show 01J8Z3V5Y0QK6W2N4T7R9XABCD'))
    .action((id: string) => show(cli, id))
  command
    .command('cancel')
    .description('stop a task')
    .argument('<id>')
    .action((id: string) => cancel(cli, id))
  return command
}

async function list(cli: Cli, query: Query<'listTasks'>): Promise<void> {
  const found = await allOf(cli.client().tasks.list(query))
  cli.show(found, () => tableOf(found, cli.io.columns))
}

async function show(cli: Cli, id: string): Promise<void> {
  const task = await cli.client().tasks.get(id)
  cli.show(task, () => tableOf([task], cli.io.columns))
}

async function cancel(cli: Cli, id: string): Promise<void> {
  const task = await cli.client().tasks.cancel(id)
  cli.show(task, () => tableOf([task], cli.io.columns))
}

const tableOf = (tasks: readonly Item<'listTasks'>[], width: number): string =>
  table(
    COLUMNS,
    tasks.map(({ id, kind, state, progress, total, updatedAt, waitingFor, error }) => [
      id,
      kind,
      state,
      total === null ? (progress ?? '-') : `${progress}/${total}`,
      minuteOf(updatedAt),
      error ?? waitingFor ?? '',
    ]),
    width,
  )
