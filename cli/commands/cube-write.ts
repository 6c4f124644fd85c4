import type { Command } from 'commander'
import type { Body } from '../../sdk/endpoints.ts'
import { type Cli, examples } from '../cli.ts'
import {
  addChangeOptions,
  addCubeOptions,
  type ChangeOptions,
  type CubeOptions,
  changeOf,
  cubeFields,
  cubeText,
} from '../cube-options.ts'
import { jsonIn } from '../json.ts'
import { table } from '../text.ts'

const COLUMNS = [{ title: 'CUBE' }, { title: 'NAMESPACE' }, { title: 'REVISION', align: 'right' as const }]

interface CreateOptions extends CubeOptions {
  namespace?: string
  user?: string
}

/** `cube create`, `create-many`, `update` and `delete`. */
export function addCubeWrites(cli: Cli, command: Command): void {
  const create = command
    .command('create')
    .description('create one memory exactly as told; memos add splits and dates a text itself')
    .argument('<text>', 'the text, or -')
    .option('-n, --namespace <name>', 'where it goes')
    .option('--user <id>', 'into the private namespace of this user')
  addCubeOptions(create)
    .addHelpText('after', examples('cube create "Alice prefers window seats." --kind user_preference --tag travel'))
    .action((text: string, options: CreateOptions) => createOne(cli, text, options))
  command
    .command('create-many')
    .description('create the memories of a JSON file, all or none')
    .argument('<file>', 'a list of what POST /v1/cubes takes')
    .addHelpText('after', examples('cube create-many cubes.json   # [{"content": "One."}, {"content": "Two."}]'))
    .action((file: string) => createMany(cli, file))
  const update = command
    .command('update')
    .description('append to, merge into or overwrite a memory')
    .argument('<id>')
    .argument('[text]', 'the text, or -')
  addChangeOptions(update)
    .addHelpText(
      'after',
      examples(
        'cube update "$CUBE" "Since May she prefers the aisle." --mode append',
        'cube update "$CUBE" --tag seat',
      ),
    )
    .action((id: string, text: string | undefined, options: ChangeOptions) => updateOne(cli, id, text, options))
  command
    .command('delete')
    .description('erase a memory everywhere; a tombstone without content stays')
    .argument('<id>')
    .addHelpText('after', examples('cube delete "$CUBE"'))
    .action((id: string) => remove(cli, id))
}

async function createOne(cli: Cli, given: string, { namespace, user, ...options }: CreateOptions): Promise<void> {
  const content = await cli.textOf(given)
  const cube = await cli.client().cubes.create({ content, namespace, userId: user, ...cubeFields(options) })
  cli.show(cube, () => table(COLUMNS, [[cube.cubeId, cube.namespace, cube.revision]], cli.io.columns))
}

async function createMany(cli: Cli, file: string): Promise<void> {
  const made = await cli.client().cubes.createMany(await jsonIn<Body<'createCubes'>['cubes']>(file))
  const rows = made.cubes.map(({ cubeId, namespace, revision }) => [cubeId, namespace, revision])
  cli.show(made, () => table(COLUMNS, rows, cli.io.columns))
}

async function updateOne(cli: Cli, id: string, text: string | undefined, options: ChangeOptions): Promise<void> {
  const cube = await cli.client().cubes.update(id, await changeOf(cli, text, options))
  cli.show(cube, () => cubeText(cube, cli.io.columns))
}

async function remove(cli: Cli, id: string): Promise<void> {
  await cli.client().cubes.delete(id)
  cli.show({ deleted: id }, () => `Deleted ${id}.\n`)
}
