import { Command } from 'commander'
import type { Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, wholeNumber } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { minuteOf, table } from '../text.ts'
import { addIdentityCommands } from './org-identity.ts'

const COLUMNS = [
  { title: 'ID' },
  { title: 'NAME' },
  { title: 'DATABASE' },
  { title: 'STATE' },
  { title: 'CUBES MAX', align: 'right' as const },
  { title: 'CREATED' },
]

type Organisation = Item<'listOrganisations'>

interface CreateOptions {
  cubesMax?: number
  database?: string
}

interface MoveOptions {
  abort?: boolean
}

export function organisationsCommand(cli: Cli): Command {
  const command = new Command('org').description(
    'create, list and move organisations (root key only); who one is among peers',
  )
  command
    .command('create')
    .description('create an organisation and its first key')
    .argument('<name>')
    .option('--cubes-max <number>', 'quota', wholeNumber)
    .option('--database <name>', 'database that holds its memory')
    .action((name: string, options: CreateOptions) => create(cli, name, options))
  command
    .command('list')
    .description('all organisations')
    .action(() => list(cli))
  command
    .command('move')
    .description('move an organisation to another database while it is read')
    .argument('<id>')
    .argument('[database]', 'name of the database')
    .option('--abort', 'end a move that has not reached the new database')
    .action((id: string, database: string | undefined, options: MoveOptions) => move(cli, id, database, options))
  addIdentityCommands(cli, command)
  return command
}

async function create(cli: Cli, name: string, { cubesMax, database }: CreateOptions): Promise<void> {
  const made = await cli.client().organisations.create({
    name,
    ...(cubesMax !== undefined && { cubesMax }),
    ...(database !== undefined && { database }),
  })
  cli.show(made, () => `${tableOf([made.organisation], cli.io.columns)}\n${made.secret}\n`)
  cli.note('The last line is the secret of its first key. It is not shown again.')
}

async function list(cli: Cli): Promise<void> {
  const found = await allOf(cli.client().organisations.list())
  cli.show(found, () => tableOf(found, cli.io.columns))
}

async function move(cli: Cli, id: string, database: string | undefined, { abort = false }: MoveOptions): Promise<void> {
  const { organisations } = cli.client()
  if (abort === (database !== undefined))
    throw new CliError('move to which database?', { next: 'Name a database, or give --abort.', exitCode: EXIT.usage })
  if (database === undefined) {
    const kept = await organisations.abortMove(id)
    return cli.show(kept, () => tableOf([kept], cli.io.columns))
  }
  const task = await organisations.move(id, { database })
  cli.show(task, () => `${task.id}\n`)
  cli.note('The move runs in the background. Writes to the organisation are refused until it is there: memos org list')
}

function tableOf(organisations: readonly Organisation[], width: number): string {
  const rows = organisations.map(({ id, name, database, state, cubesMax, createdAt }) => [
    id,
    name,
    database,
    state,
    cubesMax,
    minuteOf(createdAt),
  ])
  return table(COLUMNS, rows, width)
}
