import { Command } from 'commander'
import type { Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, wholeNumber } from '../cli.ts'
import { minuteOf, table } from '../text.ts'

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

export function organisationsCommand(cli: Cli): Command {
  const command = new Command('org').description('create and list organisations (root key only)')
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
