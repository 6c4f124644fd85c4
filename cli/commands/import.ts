import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { Command } from 'commander'
import type { Answer, Query } from '../../sdk/endpoints.ts'
import type { Cli } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { counted } from '../stream.ts'
import { bytesText, table } from '../text.ts'

const SKIPPED_SHOWN_MAX = 20
const COLUMNS = ['CREATED', 'UPDATED', 'UNCHANGED', 'SKIPPED'].map((title) => ({ title, align: 'right' as const }))

interface Options {
  namespace: string
  format: NonNullable<Query<'importArchive'>['format']>
}

export const importCommand = (cli: Cli): Command =>
  new Command('import')
    .description('import an archive; importing it again changes nothing')
    .argument('<file>')
    .option('-n, --namespace <name>', 'where it goes', 'default')
    .option('--format <format>', 'memos, memos-textual, mem0 or short-paper', 'memos')
    .action((file: string, options: Options) => importFile(cli, file, options))

async function importFile(cli: Cli, file: string, { namespace, format }: Options): Promise<void> {
  const facts = await stat(file).catch(() => undefined)
  if (!facts?.isFile()) throw new CliError(`there is no file ${file}`, { exitCode: EXIT.usage })
  const client = cli.client()
  const progress = cli.progress(`importing ${file}`, bytesText)
  // The same class at run time; Node and the platform's types describe it twice.
  const bytes = Readable.toWeb(createReadStream(file)) as unknown as ReadableStream<Uint8Array>
  try {
    const stream = counted(bytes, (done) => progress.update(done, facts.size))
    const report = await client.import(stream, { namespace, format })
    progress.end()
    cli.show(report, () => reportText(report, cli.io.columns))
  } finally {
    progress.end()
  }
}

function reportText({ created, updated, unchanged, skipped }: Answer<'importArchive'>, width: number): string {
  const shown = skipped.slice(0, SKIPPED_SHOWN_MAX).map(({ line, reason }) => `  entry ${line}: ${reason}\n`)
  const rest = skipped.length > shown.length ? `  and ${skipped.length - shown.length} more\n` : ''
  return table(COLUMNS, [[created, updated, unchanged, skipped.length]], width) + shown.join('') + rest
}
