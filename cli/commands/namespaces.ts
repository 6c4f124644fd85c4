import { Command } from 'commander'
import type { Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, examples } from '../cli.ts'
import { confirmDeletion } from '../confirm.ts'
import { jsonOf } from '../json.ts'
import { minuteOf, table } from '../text.ts'
import { grantsCommand } from './grants.ts'

const COLUMNS = [
  { title: 'NAME' },
  { title: 'LAYER' },
  { title: 'OWNER' },
  { title: 'CUBES', align: 'right' as const },
  { title: 'CREATED' },
]

type Namespace = Item<'listNamespaces'>

export function namespacesCommand(cli: Cli): Command {
  const command = new Command('namespaces').description('namespaces: their settings, and who may use them')
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
    .command('show')
    .description('a namespace with its settings')
    .argument('<name>')
    .addHelpText('after', examples('namespaces show team'))
    .action((name: string) => show(cli, name))
  command
    .command('set')
    .description('change settings: a group that is given replaces the one before, null takes it away')
    .argument('<name>')
    .argument('<settings>', 'JSON')
    .addHelpText('after', examples(`namespaces set team '{"lifecycle":{"idleDays":30}}'`))
    .action((name: string, settings: string) => change(cli, name, settings))
  command.addCommand(grantsCommand(cli))
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

async function show(cli: Cli, name: string): Promise<void> {
  const found = await cli.client().namespaces.get(name)
  cli.show(found, () => settingsText(found, cli.io.columns))
}

async function change(cli: Cli, name: string, json: string): Promise<void> {
  const settings = jsonOf<Body<'updateNamespace'>['settings']>(json, 'what to set')
  const changed = await cli.client().namespaces.update(name, { settings })
  cli.show(changed, () => settingsText(changed, cli.io.columns))
}

const settingsText = (namespace: Namespace, width: number): string =>
  `${tableOf([namespace], width)}\n${JSON.stringify(namespace.settings, null, 2)}\n`

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
  if (!isConfirmed) await confirmDeletion(cli, name, `${(await client.namespaces.get(name)).cubes} memories`)
  await client.namespaces.delete(name)
  cli.show({ deleted: name }, () => `Deleted ${name}.\n`)
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
