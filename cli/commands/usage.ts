import { Command } from 'commander'
import type { Answer } from '../../sdk/endpoints.ts'
import { type Cli, examples } from '../cli.ts'
import { bytesText, table } from '../text.ts'

const COLUMNS = [
  { title: 'DAY' },
  { title: 'READS', align: 'right' as const },
  { title: 'WRITES', align: 'right' as const },
  { title: 'SEARCHES', align: 'right' as const },
]

/** `memos usage`: what the organisation keeps and asks for. */
export const usageCommand = (cli: Cli): Command =>
  new Command('usage')
    .description('what the organisation uses: memories, bytes, requests of each day')
    .addHelpText('after', examples('usage'))
    .action(() => usage(cli))

async function usage(cli: Cli): Promise<void> {
  const report = await cli.client().usage()
  cli.show(report, () => reportText(report, cli.io.columns))
}

function reportText({ cubes, bytes, cubesMax, days }: Answer<'getUsage'>, width: number): string {
  const rows = days.map(({ day, reads, writes, searches }) => [day, reads, writes, searches])
  const quota = cubesMax === null ? '' : ` of ${cubesMax}`
  return `${cubes}${quota} memories, ${bytesText(bytes)}.\n${rows.length === 0 ? '' : table(COLUMNS, rows, width)}`
}
