import { Command } from 'commander'
import type { Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, examples } from '../cli.ts'
import { confirmDeletion } from '../confirm.ts'
import { minuteOf, table } from '../text.ts'

const COLUMNS = [{ title: 'ID' }, { title: 'NAME', flexible: true }, { title: 'CREATED' }]

type Kind = 'user' | 'agent'

/** `memos user` and `memos agent`: both are made, listed and deleted in the same way. */
export function principalCommand(cli: Cli, kind: Kind): Command {
  const command = new Command(kind).description(`${kind}s of the organisation`)
  command
    .command('create')
    .description(`register ${kind === 'user' ? 'a user' : 'an agent'}`)
    .argument('<id>')
    .option('--name <text>', 'name for people')
    .addHelpText('after', examples(`${kind} create alice --name "Alice"`))
    .action((id: string, { name }: { name?: string }) => create(cli, kind, id, name))
  command
    .command('list')
    .description(`all ${kind}s`)
    .addHelpText('after', examples(`${kind} list`))
    .action(() => list(cli, kind))
  command
    .command('delete')
    .description('delete with keys, grants and private memory')
    .argument('<id>')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples(`${kind} delete alice`))
    .action((id: string, { yes = false }: { yes?: boolean }) => remove(cli, kind, id, yes))
  return command
}

const groupOf = (cli: Cli, kind: Kind) => (kind === 'user' ? cli.client().users : cli.client().agents)

async function create(cli: Cli, kind: Kind, id: string, displayName: string | undefined): Promise<void> {
  const made = await groupOf(cli, kind).create({ id, displayName })
  cli.show(made, () => tableOf([made], cli.io.columns))
}

async function list(cli: Cli, kind: Kind): Promise<void> {
  const found = await allOf(groupOf(cli, kind).list())
  cli.show(found, () => tableOf(found, cli.io.columns))
}

async function remove(cli: Cli, kind: Kind, id: string, isConfirmed: boolean): Promise<void> {
  const group = groupOf(cli, kind)
  if (!isConfirmed) await confirmDeletion(cli, id, 'its keys, grants and private memory')
  await group.delete(id)
  cli.show({ deleted: id }, () => `Deleted ${id}.\n`)
}

const tableOf = (principals: readonly Item<'listUsers'>[], width: number): string =>
  table(
    COLUMNS,
    principals.map(({ id, displayName, createdAt }) => [id, displayName, minuteOf(createdAt)]),
    width,
  )
