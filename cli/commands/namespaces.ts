import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import type { Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { minuteOf, table } from '../text.ts'

const COLUMNS = [
  { title: 'NAME' },
  { title: 'LAYER' },
  { title: 'OWNER' },
  { title: 'CUBES', align: 'right' as const },
  { title: 'CREATED' },
]

type Namespace = Item<'listNamespaces'>

export function namespacesCommand(cli: Cli): Command {
  const command = new Command('namespaces').description('list, create and delete namespaces')
  command
    .command('list')
    .description('namespaces that the key may read')
    .action(() => list(cli))
  command
    .command('create')
    .description('create a namespace')
    .argument('<name>')
    .option('--layer <layer>', 'private, shared or global', 'shared')
    .option('--user <id>', 'user who owns it')
    .option('--agent <id>', 'agent that owns it')
    .action((name: string, options: CreateOptions) => create(cli, name, options))
  command
    .command('delete')
    .description('delete a namespace with all its memory')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .action((name: string, options: { yes?: boolean }) => remove(cli, name, options.yes === true))
  return command
}

async function list(cli: Cli): Promise<void> {
  const found = await allOf(cli.client().namespaces.list())
  cli.show(found, () => tableOf(found, cli.io.columns))
}

interface CreateOptions {
  layer: NonNullable<Body<'createNamespace'>['layer']>
  user?: string
  agent?: string
}

async function create(cli: Cli, name: string, { layer, user, agent }: CreateOptions): Promise<void> {
  const owner =
    user === undefined ? agent && { kind: 'agent' as const, id: agent } : { kind: 'user' as const, id: user }
  const made = await cli.client().namespaces.create({ name, layer, ...(owner && { owner }) })
  cli.show(made, () => tableOf([made], cli.io.columns))
}

async function remove(cli: Cli, name: string, isConfirmed: boolean): Promise<void> {
  const client = cli.client()
  if (!isConfirmed) await confirm(cli, name, (await client.namespaces.get(name)).cubes)
  await client.namespaces.delete(name)
  cli.show({ deleted: name }, () => `Deleted ${name}.\n`)
}

async function confirm({ io }: Cli, name: string, cubes: number): Promise<void> {
  if (!io.isInTerminal)
    throw new CliError(`this would delete ${name} with ${cubes} memories`, {
      next: 'Say --yes if that is meant.',
      exitCode: EXIT.usage,
    })
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await lines.question(`Delete ${name} with ${cubes} memories? Type its name to confirm: `)
  lines.close()
  if (answer.trim() !== name) throw new CliError('nothing was deleted')
}

function tableOf(namespaces: readonly Namespace[], width: number): string {
  const rows = namespaces.map(({ name, layer, owner, cubes, createdAt }) => [
    name,
    layer,
    owner && `${owner.kind} ${owner.id}`,
    cubes,
    minuteOf(createdAt),
  ])
  return table(COLUMNS, rows, width)
}
