import { Command } from 'commander'
import type { Answer, Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, collect, wholeNumber } from '../cli.ts'
import { dayOf, table } from '../text.ts'

const COLUMNS = [
  { title: 'ID' },
  { title: 'NAME' },
  { title: 'SUBJECT' },
  { title: 'STATE' },
  { title: 'EXPIRES' },
  { title: 'SCOPES', flexible: true },
]

type Key = Item<'listKeys'>

export function keysCommand(cli: Cli): Command {
  const command = new Command('keys').description('create, list, rotate and revoke API keys')
  command
    .command('create')
    .description('create a key; its secret is shown once')
    .argument('<name>', 'what the key is for')
    .option('--scope <scope>', 'what it may do; may be repeated (default: memory:read, memory:write)', collect)
    .option('--user <id>', 'sees what this user may see')
    .option('--agent <id>', 'sees what this agent may see')
    .option('-n, --namespace <name>', 'only namespace it may touch; may be repeated', collect)
    .option('--clearance <level>', 'most sensitive cubes it reads: none or personal')
    .option('--purpose <word>', 'only purpose its requests may claim; may be repeated', collect)
    .option('--task <word>', 'only task its requests may claim; may be repeated', collect)
    .option('--days <number>', 'lifetime, days', wholeNumber)
    .option('--rate <number>', 'requests per minute', wholeNumber)
    .action((name: string, options: CreateOptions) => create(cli, name, options))
  command
    .command('list')
    .description('keys of the organisation')
    .action(() => list(cli))
  command
    .command('rotate')
    .description('give a key a new secret')
    .argument('<id>')
    .option('--grace <seconds>', 'the old secret works this much longer', wholeNumber, 0)
    .action((id: string, { grace }: { grace: number }) => rotate(cli, id, grace))
  command
    .command('revoke')
    .description('end a key at once')
    .argument('<id>')
    .action((id: string) => revoke(cli, id))
  return command
}

interface CreateOptions {
  scope?: NonNullable<Body<'createKey'>['scopes']>
  user?: string
  agent?: string
  namespace?: string[]
  clearance?: NonNullable<Body<'createKey'>['clearance']>
  purpose?: string[]
  task?: string[]
  days?: number
  rate?: number
}

async function create(cli: Cli, name: string, options: CreateOptions): Promise<void> {
  const { scope, user, agent, namespace, clearance, purpose, task, days, rate } = options
  const subject =
    user === undefined ? agent && { kind: 'agent' as const, id: agent } : { kind: 'user' as const, id: user }
  const made = await cli.client().keys.create({
    name,
    ...(scope && { scopes: scope }),
    ...(subject && { subject }),
    ...(namespace && { namespaces: namespace }),
    ...(clearance && { clearance }),
    ...(purpose && { purposes: purpose }),
    ...(task && { tasks: task }),
    ...(days !== undefined && { expiresInDays: days }),
    ...(rate !== undefined && { ratePerMinute: rate }),
  })
  showSecret(cli, made)
}

async function rotate(cli: Cli, id: string, graceS: number): Promise<void> {
  showSecret(cli, await cli.client().keys.rotate(id, { graceMs: graceS * 1000 }))
}

function showSecret(cli: Cli, answer: Answer<'createKey'>): void {
  cli.show(answer, () => `${tableOf([answer.key], cli.io.columns)}\n${answer.secret}\n`)
  cli.note('The last line is the secret. It is not shown again. Use it as MEMOS_KEY.')
}

async function list(cli: Cli): Promise<void> {
  const keys = await allOf(cli.client().keys.list())
  cli.show(keys, () => tableOf(keys, cli.io.columns))
}

async function revoke(cli: Cli, id: string): Promise<void> {
  await cli.client().keys.revoke(id)
  cli.show({ revoked: id }, () => `Revoked ${id}.\n`)
}

function tableOf(keys: readonly Key[], width: number): string {
  const rows = keys.map(({ id, name, subject, revokedAt, expiresAt, scopes }) => [
    id,
    name,
    subject && `${subject.kind} ${subject.id}`,
    revokedAt === null ? 'active' : 'revoked',
    expiresAt && dayOf(expiresAt),
    scopes.join(' '),
  ])
  return table(COLUMNS, rows, width)
}
