import { Command } from 'commander'
import type { Item, Query } from '../../sdk/endpoints.ts'
import { allOf, type Cli, collect, examples, wholeNumber } from '../cli.ts'
import { minuteOf, table } from '../text.ts'

const NODES = [
  { title: 'ID' },
  { title: 'NAME' },
  { title: 'STATE' },
  { title: 'ON' },
  { title: 'RUNNING', align: 'right' as const },
  { title: 'SEEN' },
  { title: 'MODELS', flexible: true },
]
const TASKS = [
  { title: 'ID' },
  { title: 'KIND' },
  { title: 'STATE' },
  { title: 'LEASES', align: 'right' as const },
  { title: 'NODE' },
  { title: 'ERROR', flexible: true },
]
const HOUR_MS = 3_600_000

export function nodeCommand(cli: Cli): Command {
  const command = new Command('node').description('GPU nodes of the organisation, and what they do')
  command
    .command('list')
    .description('nodes that may serve the organisation')
    .action(() => list(cli))
  command
    .command('token')
    .description('a token that lets one node join once; shown once')
    .argument('<name>', 'name of the node')
    .option('--org <id>', 'organisation that it serves (root key only); may be repeated', collect)
    .option('--hours <number>', 'life of the token', wholeNumber)
    .addHelpText('after', examples('node token rack-1 --hours 1'))
    .action((name: string, options: { org?: string[]; hours?: number }) => token(cli, name, options))
  command
    .command('revoke')
    .description('end what a node may do, at once')
    .argument('<id>', 'as memos node list shows it')
    .action((id: string) => revoke(cli, id))
  command
    .command('tasks')
    .description('durable tasks of nodes, newest first')
    .option('--state <state>', 'queued, leased, done, failed or cancelled')
    .action((query: Pick<Query<'listNodeTasks'>, 'state'>) => tasks(cli, query))
  command
    .command('cancel')
    .description('cancel a durable task')
    .argument('<id>', 'as memos node tasks shows it')
    .action((id: string) => cancel(cli, id))
  return command
}

async function list(cli: Cli): Promise<void> {
  const found = await allOf(cli.client().iterate('listNodes', {}))
  const rows = found.map((node) => [
    node.id,
    node.name,
    node.state,
    node.runtime === null ? '' : `${node.runtime} ${node.provider ?? ''}`,
    `${node.running}/${node.concurrency}`,
    minuteOf(node.lastSeenAt),
    node.models.map(({ name }) => name).join(', '),
  ])
  cli.show(found, () => table(NODES, rows, cli.io.columns))
}

async function token(cli: Cli, name: string, { org, hours }: { org?: string[]; hours?: number }): Promise<void> {
  const body = { name, ...(org && { organisations: org }), ...(hours !== undefined && { lifeMs: hours * HOUR_MS }) }
  const made = await cli.client().call('createNodeToken', { body })
  cli.show(made, () => `${made.token}\nShown once; good until ${minuteOf(made.expiresAt)}, for one node.\n`)
}

async function revoke(cli: Cli, id: string): Promise<void> {
  await cli.client().call('revokeNode', { params: { id } })
  cli.show({ id, revoked: true }, () => `Revoked ${id}\n`)
}

async function tasks(cli: Cli, query: Pick<Query<'listNodeTasks'>, 'state'>): Promise<void> {
  const found = await allOf(cli.client().iterate('listNodeTasks', { query }))
  cli.show(found, () => tableOf(found, cli.io.columns))
}

async function cancel(cli: Cli, id: string): Promise<void> {
  const task = await cli.client().call('cancelNodeTask', { params: { id } })
  cli.show(task, () => tableOf([task], cli.io.columns))
}

const tableOf = (found: readonly Item<'listNodeTasks'>[], width: number): string =>
  table(
    TASKS,
    found.map(({ id, kind, state, attempts, nodeId, error }) => [id, kind, state, attempts, nodeId, error]),
    width,
  )
