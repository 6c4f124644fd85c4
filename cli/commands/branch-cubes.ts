import type { Command } from 'commander'
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
import { type InNamespace, inNamespace } from '../namespace-option.ts'

/** Writes that stay on a branch: `branch add`, `branch edit`, `branch remove`. */
export function addBranchCubes(cli: Cli, command: Command): void {
  const add = command
    .command('add')
    .description('create a memory on a branch only')
    .argument('<name>', 'the branch')
    .argument('<text>', 'the text, or -')
  addCubeOptions(inNamespace(add))
    .addHelpText('after', examples('branch add what-if "The ferry leaves at noon." --tag ferry'))
    .action((name: string, text: string, options: InNamespace & CubeOptions) => create(cli, name, text, options))
  const edit = command
    .command('edit')
    .description('change a memory on a branch only')
    .argument('<name>', 'the branch')
    .argument('<id>', 'the memory')
    .argument('[text]', 'the text, or -')
  addChangeOptions(inNamespace(edit))
    .addHelpText(
      'after',
      examples('branch edit what-if "$CUBE" "The ferry leaves at ten."', 'branch edit what-if "$CUBE" --clear title'),
    )
    .action((branch: string, cubeId: string, text: string | undefined, options: InNamespace & ChangeOptions) =>
      update(cli, { branch, cubeId, text }, options),
    )
  const remove = command
    .command('remove')
    .description('take a memory away on a branch only; merging archives it')
    .argument('<name>', 'the branch')
    .argument('<id>', 'the memory')
  inNamespace(remove)
    .addHelpText('after', examples('branch remove what-if "$CUBE"'))
    .action((branch: string, cubeId: string, { namespace }: InNamespace) =>
      removeCube(cli, { namespace, branch, cubeId }),
    )
}

async function create(
  cli: Cli,
  branch: string,
  given: string,
  { namespace, ...options }: InNamespace & CubeOptions,
): Promise<void> {
  const content = await cli.textOf(given)
  const cube = await cli.client().branches.createCube(namespace, branch, { content, ...cubeFields(options) })
  cli.show(cube, () => cubeText(cube, cli.io.columns))
}

async function update(
  cli: Cli,
  { branch, cubeId, text }: { branch: string; cubeId: string; text: string | undefined },
  { namespace, ...options }: InNamespace & ChangeOptions,
): Promise<void> {
  const change = await changeOf(cli, text, options)
  const cube = await cli.client().branches.updateCube({ namespace, branch, cubeId }, change)
  cli.show(cube, () => cubeText(cube, cli.io.columns))
}

async function removeCube(
  cli: Cli,
  { namespace, branch, cubeId }: { namespace: string; branch: string; cubeId: string },
): Promise<void> {
  await cli.client().branches.removeCube(namespace, branch, cubeId)
  cli.show({ removed: cubeId, branch }, () => `Removed ${cubeId} on ${branch}.\n`)
}
