import { Command } from 'commander'
import type { Body, Item } from '../../sdk/endpoints.ts'
import { allOf, type Cli, collect } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { jsonIn } from '../json.ts'
import { minuteOf, table } from '../text.ts'
import { addEffectCommands } from './effects.ts'

export function pipelinesCommand(cli: Cli): Command {
  const command = new Command('pipeline').description('pipelines of memory: keep, run, look back')
  command
    .command('list')
    .description('pipelines, those that are built in first')
    .action(() => list(cli))
  command
    .command('show')
    .description('a pipeline as JSON')
    .argument('<name>')
    .action((name: string) => show(cli, name))
  command
    .command('set')
    .description('keep a pipeline under a name')
    .argument('<name>')
    .argument('<file>', 'its definition, JSON')
    .action((name: string, file: string) => set(cli, name, file))
  command
    .command('delete')
    .description('forget a pipeline')
    .argument('<name>')
    .action((name: string) => remove(cli, name))
  command
    .command('run')
    .description('run a pipeline; all of it is written, or nothing')
    .argument('<name>', 'name of a pipeline, or a file with its definition')
    .option('-n, --namespace <name>', 'where it works')
    .option('-p, --parameter <name=value>', 'parameter; may be repeated', collect)
    .option('--dry-run', 'tell what would be written, and write nothing')
    .action((name: string, options: RunOptions) => run(cli, name, options))
  command
    .command('runs')
    .description('earlier runs, newest first')
    .action(() => runs(cli))
  addEffectCommands(cli, command)
  return command
}

interface RunOptions {
  namespace?: string
  parameter?: string[]
  dryRun?: boolean
}

async function list(cli: Cli): Promise<void> {
  const pipelines = await allOf(cli.client().iterate('listPipelines', {}))
  const rows = pipelines.map(({ name, builtIn, definition }) => [
    name,
    builtIn ? 'built in' : 'kept',
    String(definition.steps.length),
    Object.keys(definition.parameters).join(' '),
    definition.description ?? '',
  ])
  const columns = [
    { title: 'NAME' },
    { title: 'FROM' },
    { title: 'STEPS' },
    { title: 'PARAMETERS' },
    { title: 'WHAT', flexible: true },
  ]
  cli.show(pipelines, () => table(columns, rows, cli.io.columns))
}

async function show(cli: Cli, name: string): Promise<void> {
  const { definition } = await cli.client().call('getPipeline', { params: { name } })
  cli.io.out(`${JSON.stringify(definition, null, 2)}\n`)
}

async function set(cli: Cli, name: string, file: string): Promise<void> {
  const kept = await cli
    .client()
    .call('setPipeline', { params: { name }, body: await jsonIn<Body<'setPipeline'>>(file) })
  cli.show(kept, () => `Kept ${name} (${kept.definition.steps.length} steps).\n`)
}

async function remove(cli: Cli, name: string): Promise<void> {
  await cli.client().call('deletePipeline', { params: { name } })
  cli.show({ name }, () => `Forgot ${name}.\n`)
}

async function run(cli: Cli, name: string, { namespace, parameter = [], dryRun = false }: RunOptions): Promise<void> {
  const pipeline = name.endsWith('.json') ? await jsonIn<Body<'setPipeline'>>(name) : name
  const parameters = Object.fromEntries(parameter.map(parameterOf))
  const made = await cli.client().call('runPipeline', {
    body: { pipeline, parameters, dryRun, ...(namespace !== undefined && { namespace }) },
  })
  cli.show(made, () => stepsText(made, cli.io.columns))
}

function stepsText({ id, dryRun, steps, effects }: Item<'listPipelineRuns'>, columns: number): string {
  const rows = steps.map((step) => [step.id, step.kind, String(step.texts ?? '-'), String(step.written.length)])
  const shown = table([{ title: 'STEP' }, { title: 'KIND' }, { title: 'TEXTS' }, { title: 'WRITTEN' }], rows, columns)
  const after = effects.length === 0 ? '' : ` ${effects.length} side effects follow.`
  return `${shown}${dryRun ? 'Nothing was written: a dry run.' : `Run ${id}.${after}`}\n`
}

async function runs(cli: Cli): Promise<void> {
  const found = await allOf(cli.client().iterate('listPipelineRuns', {}))
  const rows = found.map(({ at, name, namespace, steps, id }) => {
    const written = steps.reduce((sum, step) => sum + step.written.length, 0)
    return [minuteOf(at), name, namespace, written, id]
  })
  const columns = [
    { title: 'AT' },
    { title: 'PIPELINE' },
    { title: 'NAMESPACE' },
    { title: 'WRITTEN' },
    { title: 'RUN' },
  ]
  cli.show(found, () => table(columns, rows, cli.io.columns))
}

function parameterOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at <= 0) throw new CliError(`expected --parameter name=value, got "${text}"`, { exitCode: EXIT.usage })
  return [text.slice(0, at), text.slice(at + 1)]
}
