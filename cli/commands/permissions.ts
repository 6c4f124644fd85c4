import { Command } from 'commander'
import type { Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, collect, examples } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { jsonIn } from '../json.ts'
import { minuteOf, table } from '../text.ts'

const COLUMNS = [
  { title: 'ID' },
  { title: 'SUBJECT' },
  { title: 'ACCESS' },
  { title: 'OPENS' },
  { title: 'CLEARANCE' },
  { title: 'UNTIL' },
  { title: 'CONTEXT', flexible: true },
]
const ROLE_COLUMNS = [
  { title: 'NAME' },
  { title: 'DESCRIPTION', flexible: true },
  { title: 'NAMESPACES', flexible: true },
]

type Permission = Item<'listPermissions'>
type SubjectKind = Permission['subject']['kind']
const SUBJECT_KINDS: readonly string[] = ['user', 'agent', 'role', 'org'] satisfies SubjectKind[]

/** `user:ana`, `agent:bot`, `role:manager`, `org`. @throws CliError */
function subjectOf(text: string, kinds: readonly string[] = SUBJECT_KINDS): { kind: SubjectKind; id?: string } {
  const at = text.indexOf(':')
  const kind = at < 0 ? text : text.slice(0, at)
  if (kinds.includes(kind) && (kind === 'org') === at < 0)
    return { kind: kind as SubjectKind, ...(at < 0 ? {} : { id: text.slice(at + 1) }) }
  throw new CliError(`"${text}" is no subject`, {
    next: `Write one as ${kinds.map((one) => (one === 'org' ? one : `${one}:ID`)).join(', ')}.`,
    exitCode: EXIT.usage,
  })
}

export function permissionCommand(cli: Cli): Command {
  const command = new Command('permission').description('open namespaces and single cubes to others')
  command
    .command('grant')
    .description('open a namespace, or one cube of it')
    .argument('<subject>', 'user:ID, agent:ID, role:NAME or org')
    .requiredOption('-n, --namespace <name>', 'namespace')
    .option('--cube <id>', 'only this cube of it')
    .option('--access <access>', 'read or write', 'read')
    .option('--clearance <level>', 'most sensitive cubes: none, personal or secret', 'personal')
    .option('--purpose <word>', 'only for this purpose; may be repeated', collect)
    .option('--task <word>', 'only in this task; may be repeated', collect)
    .option('--from <time>', 'not before')
    .option('--until <time>', 'ends at')
    .action((subject: string, options: GrantOptions) => grant(cli, subject, options))
  command
    .command('list')
    .description('who may use a namespace')
    .requiredOption('-n, --namespace <name>', 'namespace')
    .action(({ namespace }: { namespace: string }) => list(cli, namespace))
  command
    .command('revoke')
    .description('take a permission back at once')
    .argument('<id>')
    .action((id: string) => revoke(cli, id))
  return command
}

interface GrantOptions {
  namespace: string
  cube?: string
  access: Body<'createPermission'>['access']
  clearance: NonNullable<Body<'createPermission'>['clearance']>
  purpose?: string[]
  task?: string[]
  from?: string
  until?: string
}

async function grant(cli: Cli, subject: string, options: GrantOptions): Promise<void> {
  const { namespace, cube, access, clearance, purpose, task, from, until } = options
  const made = await cli.client().permissions.grant({
    subject: subjectOf(subject),
    namespace,
    access,
    clearance,
    ...(cube !== undefined && { cubeId: cube }),
    ...(purpose && { purposes: purpose }),
    ...(task && { tasks: task }),
    ...(from !== undefined && { notBefore: from }),
    ...(until !== undefined && { expiresAt: until }),
  })
  cli.show(made, () => tableOf([made], cli.io.columns))
}

async function list(cli: Cli, namespace: string): Promise<void> {
  const found = await allOf(cli.client().permissions.list(namespace))
  cli.show(found, () => tableOf(found, cli.io.columns))
}

async function revoke(cli: Cli, id: string): Promise<void> {
  await cli.client().permissions.revoke(id)
  cli.show({ revoked: id }, () => `Revoked ${id}.\n`)
}

function tableOf(permissions: readonly Permission[], width: number): string {
  const rows = permissions.map((one) => [
    one.id,
    one.subject.id === undefined ? one.subject.kind : `${one.subject.kind} ${one.subject.id}`,
    one.access,
    one.cubeId ?? one.namespace,
    one.clearance,
    one.expiresAt && minuteOf(one.expiresAt),
    [...(one.purposes ?? []), ...(one.tasks ?? [])].join(' '),
  ])
  return table(COLUMNS, rows, width)
}

export function roleCommand(cli: Cli): Command {
  const command = new Command('role').description('define roles, and who holds them')
  command
    .command('set')
    .description('define a role and apply its template')
    .argument('<name>')
    .requiredOption('--template <file>', 'JSON file: {"namespaces": [{"name", "access", "clearance", "tasks"}]}')
    .option('--description <text>', 'what the role is')
    .action((name: string, options: { template: string; description?: string }) => setRole(cli, name, options))
  command
    .command('members')
    .description('who holds a role; with subjects, replace them')
    .argument('<name>')
    .argument('[subjects...]', 'user:ID or agent:ID')
    .action((name: string, subjects: string[]) => members(cli, name, subjects))
  command
    .command('show')
    .description('what a role opens')
    .argument('<name>')
    .addHelpText('after', examples('role show manager'))
    .action((name: string) => showRole(cli, name))
  command
    .command('list')
    .description('roles of the organisation')
    .action(() => listRoles(cli))
  command
    .command('delete')
    .description('take a role and what it opened from everyone who holds it')
    .argument('<name>')
    .action((name: string) => removeRole(cli, name))
  return command
}

async function setRole(
  cli: Cli,
  name: string,
  { template, description }: { template: string; description?: string },
): Promise<void> {
  const made = await cli.client().roles.set(name, {
    template: await jsonIn<Body<'setRole'>['template']>(template),
    ...(description !== undefined && { description }),
  })
  cli.show(made, () => rolesTable([made], cli.io.columns))
}

async function members(cli: Cli, name: string, subjects: readonly string[]): Promise<void> {
  const { roles } = cli.client()
  const named = subjects.map((text) => {
    const { kind, id } = subjectOf(text, ['user', 'agent'])
    return { subject: { kind: kind as 'user' | 'agent', id: id ?? '' } }
  })
  const found = await (named.length === 0 ? roles.members(name) : roles.setMembers(name, named))
  cli.show(found.members, () => found.members.map(({ subject }) => `${subject.kind} ${subject.id}\n`).join(''))
}

async function showRole(cli: Cli, name: string): Promise<void> {
  const role = await cli.client().roles.get(name)
  cli.show(role, () => rolesTable([role], cli.io.columns))
}

async function listRoles(cli: Cli): Promise<void> {
  const roles = await allOf(cli.client().roles.list())
  cli.show(roles, () => rolesTable(roles, cli.io.columns))
}

const rolesTable = (roles: readonly Item<'listRoles'>[], width: number): string =>
  table(
    ROLE_COLUMNS,
    roles.map(({ name, description, template }) => [
      name,
      description,
      template.namespaces.map((line) => `${line.name}(${line.access})`).join(' '),
    ]),
    width,
  )

async function removeRole(cli: Cli, name: string): Promise<void> {
  await cli.client().roles.delete(name)
  cli.show({ deleted: name }, () => `Deleted ${name}.\n`)
}
