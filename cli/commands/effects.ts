import type { Command } from 'commander'
import type { Item, Query } from '../../sdk/endpoints.ts'
import { allOf, type Cli, examples } from '../cli.ts'
import { minuteOf, table } from '../text.ts'

const COLUMNS = [
  { title: 'ID' },
  { title: 'KIND' },
  { title: 'STATE' },
  { title: 'ATTEMPTS', align: 'right' as const },
  { title: 'NEXT' },
  { title: 'ERROR', flexible: true },
]

/** `pipeline effects` and `pipeline retry`: what follows after the writes of a run. */
export function addEffectCommands(cli: Cli, command: Command): void {
  command
    .command('effects')
    .description('side effects of runs, newest first')
    .option('--state <state>', 'waiting, done or failed')
    .addHelpText('after', examples('pipeline effects --state failed'))
    .action((query: Pick<Query<'listEffects'>, 'state'>) => list(cli, query))
  command
    .command('retry')
    .description('try a failed side effect again')
    .argument('<id>', 'as memos pipeline effects shows it')
    .addHelpText('after', examples('pipeline retry "$EFFECT"'))
    .action((id: string) => retry(cli, id))
}

async function list(cli: Cli, query: Pick<Query<'listEffects'>, 'state'>): Promise<void> {
  const found = await allOf(cli.client().iterate('listEffects', { query }))
  cli.show(found, () => tableOf(found, cli.io.columns))
}

async function retry(cli: Cli, id: string): Promise<void> {
  const effect = await cli.client().call('retryEffect', { params: { id } })
  cli.show(effect, () => tableOf([effect], cli.io.columns))
}

const tableOf = (effects: readonly Item<'listEffects'>[], width: number): string =>
  table(
    COLUMNS,
    effects.map(({ id, kind, state, attempts, nextAt, error }) => [id, kind, state, attempts, minuteOf(nextAt), error]),
    width,
  )
