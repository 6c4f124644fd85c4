import { Command } from 'commander'
import type { Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, examples } from '../cli.ts'
import { type InNamespace, inNamespace } from '../namespace-option.ts'
import { minuteOf, table } from '../text.ts'
import { addBranchCubes } from './branch-cubes.ts'

const COLUMNS = [{ title: 'NAME' }, { title: 'STATE' }, { title: 'CUBE' }, { title: 'CREATED' }, { title: 'BY' }]
const CHANGE_COLUMNS = [
  { title: 'CHANGE' },
  { title: 'CUBE' },
  { title: 'REVISION', align: 'right' as const },
  { title: 'UPDATED' },
]

export function branchCommand(cli: Cli): Command {
  const command = new Command('branch').description('try changes beside a namespace and merge them back')
  inNamespace(command.command('create').description('open a branch').argument('<name>'))
    .option('--cube <id>', 'of this memory only')
    .action((name: string, options: InNamespace & { cube?: string }) => create(cli, name, options))
  inNamespace(command.command('list').description('branches of a namespace')).action(({ namespace }: InNamespace) =>
    list(cli, namespace),
  )
  inNamespace(command.command('show').description('a branch and the memories that it changed').argument('<name>'))
    .addHelpText('after', examples('branch show what-if'))
    .action((name: string, { namespace }: InNamespace) => show(cli, namespace, name))
  addBranchCubes(cli, command)
  inNamespace(command.command('merge').description('merge a branch back and close it').argument('<name>'))
    .option('--strategy <strategy>', 'for what both sides changed: fail, ours or theirs', 'fail')
    .action((name: string, options: InNamespace & { strategy: Strategy }) => merge(cli, name, options))
  inNamespace(command.command('discard').description('forget a branch with its changes').argument('<name>')).action(
    (name: string, { namespace }: InNamespace) => discard(cli, namespace, name),
  )
  return command
}

type Strategy = NonNullable<Body<'mergeBranch'>['strategy']>

async function create(cli: Cli, name: string, { namespace, cube }: InNamespace & { cube?: string }): Promise<void> {
  const made = await cli.client().branches.create(namespace, { name, ...(cube !== undefined && { cubeId: cube }) })
  cli.show(made, () => tableOf([made], cli.io.columns))
}

async function list(cli: Cli, namespace: string): Promise<void> {
  const found = await allOf(cli.client().branches.list(namespace))
  cli.show(found, () => tableOf(found, cli.io.columns))
}

async function show(cli: Cli, namespace: string, name: string): Promise<void> {
  const branch = await cli.client().branches.get(namespace, name)
  const rows = branch.changes.map((one) => [one.change, one.cubeId, one.revision, minuteOf(one.updatedAt)])
  cli.show(branch, () => {
    const changes = rows.length === 0 ? 'Nothing changed on it.\n' : table(CHANGE_COLUMNS, rows, cli.io.columns)
    return `${tableOf([branch], cli.io.columns)}\n${changes}`
  })
}

const tableOf = (branches: readonly Item<'listBranches'>[], width: number): string => {
  const rows = branches.map((one) => [one.name, one.state, one.cubeId, minuteOf(one.createdAt), one.createdBy])
  return table(COLUMNS, rows, width)
}

async function merge(
  cli: Cli,
  name: string,
  { namespace, strategy }: InNamespace & { strategy: Strategy },
): Promise<void> {
  const done = await cli.client().branches.merge(namespace, name, { strategy })
  const { added, revised, archived, kept, conflicts } = done
  cli.show(
    done,
    () => `${added.length} added, ${revised.length} revised, ${archived.length} archived, ${kept.length} kept.\n`,
  )
  for (const { cubeId, field } of conflicts) cli.note(`${strategy} decided ${field} of ${cubeId}`)
}

async function discard(cli: Cli, namespace: string, name: string): Promise<void> {
  await cli.client().branches.discard(namespace, name)
  cli.show({ discarded: name }, () => `Discarded ${name}.\n`)
}
