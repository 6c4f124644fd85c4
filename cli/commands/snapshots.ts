import { Command } from 'commander'
import type { Answer, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, examples } from '../cli.ts'
import { type InNamespace, inNamespace } from '../namespace-option.ts'
import { minuteOf, table } from '../text.ts'

const COLUMNS = [{ title: 'NAME' }, { title: 'CUBES', align: 'right' as const }, { title: 'CREATED' }, { title: 'BY' }]
const DIFF_COLUMNS = [{ title: 'CHANGE' }, { title: 'CUBE' }, { title: 'FROM' }, { title: 'TO' }]

export function snapshotCommand(cli: Cli): Command {
  const command = new Command('snapshot').description('pin a namespace under a name, compare it, bring it back')
  inNamespace(command.command('create').description('pin every memory as it is now').argument('<name>')).action(
    (name: string, { namespace }: InNamespace) => create(cli, namespace, name),
  )
  inNamespace(command.command('list').description('snapshots of a namespace')).action(({ namespace }: InNamespace) =>
    list(cli, namespace),
  )
  inNamespace(command.command('show').description('a snapshot with its digest').argument('<name>'))
    .addHelpText('after', examples('snapshot show before-import -n team'))
    .action((name: string, { namespace }: InNamespace) => show(cli, namespace, name))
  inNamespace(
    command
      .command('diff')
      .description('what differs between two points: a time, snapshot:NAME or now')
      .argument('<from>')
      .argument('[to]', 'the other point', 'now'),
  ).action((from: string, to: string, { namespace }: InNamespace) => diff(cli, namespace, { from, to }))
  inNamespace(
    command.command('restore').description('bring the namespace back, erasing nothing').argument('<name>'),
  ).action((name: string, { namespace }: InNamespace) => restore(cli, namespace, name))
  inNamespace(
    command.command('delete').description('drop a snapshot; the memories that it pins stay').argument('<name>'),
  ).action((name: string, { namespace }: InNamespace) => remove(cli, namespace, name))
  return command
}

const create = async (cli: Cli, namespace: string, name: string): Promise<void> =>
  detail(cli, await cli.client().snapshots.create(namespace, name))

const show = async (cli: Cli, namespace: string, name: string): Promise<void> =>
  detail(cli, await cli.client().snapshots.get(namespace, name))

function detail(cli: Cli, snapshot: Answer<'getSnapshot'>): void {
  cli.show(snapshot, () => tableOf([snapshot], cli.io.columns))
  cli.note(`digest ${snapshot.digest}`)
}

async function list(cli: Cli, namespace: string): Promise<void> {
  const found = await allOf(cli.client().snapshots.list(namespace))
  cli.show(found, () => tableOf(found, cli.io.columns))
}

const tableOf = (snapshots: readonly Item<'listSnapshots'>[], width: number): string => {
  const rows = snapshots.map(({ name, cubes, createdAt, createdBy }) => [name, cubes, minuteOf(createdAt), createdBy])
  return table(COLUMNS, rows, width)
}

async function diff(cli: Cli, namespace: string, query: { from: string; to: string }): Promise<void> {
  const found = await allOf(cli.client().snapshots.diff(namespace, query))
  const side = (one: Item<'diffNamespace'>['from']) => one && `${one.revision ?? 'purged'} ${one.state}`
  cli.show(found, () => {
    if (found.length === 0) return 'Nothing differs.\n'
    const rows = found.map(({ change, cubeId, from, to }) => [change, cubeId, side(from), side(to)])
    return table(DIFF_COLUMNS, rows, cli.io.columns)
  })
}

async function restore(cli: Cli, namespace: string, name: string): Promise<void> {
  const done = await cli.client().snapshots.restore(namespace, name)
  const { revised, archived, broughtBack, erased } = done
  cli.show(done, () => `${revised.length} revised, ${archived.length} archived, ${broughtBack.length} brought back.\n`)
  if (erased > 0) cli.note(`${erased} memories of the snapshot have been erased since; nothing brings them back`)
}

async function remove(cli: Cli, namespace: string, name: string): Promise<void> {
  await cli.client().snapshots.delete(namespace, name)
  cli.show({ deleted: name }, () => `Deleted ${name}.\n`)
}
