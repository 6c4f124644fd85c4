import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import type { Item, Query } from '../../sdk/endpoints.ts'
import { type Cli, wholeNumber } from '../cli.ts'
import { CliError } from '../failure.ts'
import { table } from '../text.ts'
import { traceCommand } from './trace.ts'

const COLUMNS = [
  { title: 'AT' },
  { title: 'OPERATION' },
  { title: 'OUTCOME' },
  { title: 'CALLER' },
  { title: 'NAMESPACE' },
  { title: 'CUBES' },
]

interface FilterOptions {
  from?: string
  to?: string
  caller?: string
  operation?: string
  outcome?: string
  type?: 'plaintext' | 'activation' | 'parametric'
  cube?: string
}

export function auditCommand(cli: Cli): Command {
  const command = new Command('audit').description('who did what to which memory')
  withFilter(command.command('list').description('entries, newest first'))
    .option('-l, --limit <number>', 'entries to show', wholeNumber, 50)
    .action((options: FilterOptions & { limit: number }) => list(cli, options))
  withFilter(command.command('export').description('write entries as lines of JSON, oldest first'))
    .requiredOption('-o, --output <file>', 'file to write')
    .action((options: FilterOptions & { output: string }) => exportLog(cli, options))
  command
    .command('verify')
    .description('check that no entry was altered, dropped or moved')
    .action(() => verify(cli))
  command.addCommand(traceCommand(cli))
  return command
}

const withFilter = (command: Command): Command =>
  command
    .option('--from <time>', 'not before')
    .option('--to <time>', 'not after')
    .option('--caller <key id>', 'key that called')
    .option('--operation <name>', 'operation, as in the API reference')
    .option('--outcome <code>', 'ok, or an error code')
    .option('--type <memory type>', 'plaintext, activation or parametric')
    .option('--cube <id>', 'cube concerned')

const queryOf = ({ type, cube, from, to, caller, operation, outcome }: FilterOptions): Query<'exportLog'> => ({
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
  ...(caller !== undefined && { caller }),
  ...(operation !== undefined && { operation }),
  ...(outcome !== undefined && { outcome }),
  ...(type !== undefined && { memoryType: type }),
  ...(cube !== undefined && { cubeId: cube }),
})

async function list(cli: Cli, { limit, ...filter }: FilterOptions & { limit: number }): Promise<void> {
  const entries: Item<'queryLog'>[] = []
  for await (const entry of cli.client().log(queryOf(filter))) {
    if (entries.push(entry) >= limit) break
  }
  cli.show(entries, () =>
    table(
      COLUMNS,
      entries.map((e) => [e.at, e.operation, e.outcome, e.caller, e.namespace ?? '', String(e.cubeCount)]),
      cli.io.columns,
    ),
  )
}

async function exportLog(cli: Cli, { output, ...filter }: FilterOptions & { output: string }): Promise<void> {
  await pipeline(await cli.client().exportLog(queryOf(filter)), createWriteStream(output))
  cli.show({ file: output }, () => `Wrote ${output}.\n`)
}

async function verify(cli: Cli): Promise<void> {
  const report = await cli.client().verifyLog()
  const { checked, unsealed, head, fault } = report
  if (fault !== null) {
    if (cli.isJson) cli.show(report, () => '')
    throw new CliError(
      `the audit log is not what was written: ${fault.kind}${fault.at === null ? '' : ` at ${fault.at}, request ${fault.requestId}`}`,
      {
        next: 'Compare with an export or a backup: entries before the fault are sound.',
      },
    )
  }
  cli.show(
    report,
    () =>
      `${checked} entries are as they were written; ${unsealed} wait for the next seal.\nHead: ${head?.hash ?? 'none yet'}\n`,
  )
}
