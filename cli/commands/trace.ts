import { Command } from 'commander'
import type { Answer } from '../../sdk/endpoints.ts'
import { type Cli, collect, examples } from '../cli.ts'
import { minuteOf, table } from '../text.ts'

const EXPORT_COLUMNS = [{ title: 'EXPORTED' }, { title: 'CALLER' }, { title: 'NAMESPACE' }, { title: 'REQUEST' }]
const SOURCE_COLUMNS = [{ title: 'CUBE' }, { title: 'SHARE', align: 'right' as const }]

/** `audit trace`: whose export a text carries the mark of, and which memories hold its words. */
export const traceCommand = (cli: Cli): Command =>
  new Command('trace')
    .description('find out where a text came from, by its watermark and by its words')
    .argument('<text>', 'the text, or -')
    .option('-n, --namespace <name>', 'look for its words here only; may be repeated', collect)
    .addHelpText('after', examples('audit trace "The ferry leaves at dawn."', 'audit trace - < found.txt'))
    .action((text: string, { namespace }: { namespace?: string[] }) => trace(cli, text, namespace))

async function trace(cli: Cli, given: string, namespaces: string[] | undefined): Promise<void> {
  const text = await cli.textOf(given)
  const report = await cli.client().call('traceText', { body: { text, namespaces } })
  cli.show(report, () => reportText(report, cli.io.columns))
}

function reportText({ genuineMarks, exports, sources }: Answer<'traceText'>, width: number): string {
  const marks = genuineMarks === 0 ? 'No mark of this server.' : `${genuineMarks} genuine marks.`
  const rows = exports.map(({ at, caller, namespace, requestId }) => [minuteOf(at), caller, namespace, requestId])
  const shares = sources.map(({ cubeId, share }) => [cubeId, `${Math.round(share * 100)} %`])
  return [
    `${marks}\n`,
    ...(rows.length === 0 ? [] : ['\n', table(EXPORT_COLUMNS, rows, width)]),
    ...(shares.length === 0 ? ['No memory holds its words.\n'] : ['\n', table(SOURCE_COLUMNS, shares, width)]),
  ].join('')
}
