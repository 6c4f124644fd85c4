import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { CliError } from '../failure.ts'
import { counted } from '../stream.ts'
import { bytesText } from '../text.ts'

interface Options {
  output: string
  redact?: string
  watermark?: boolean
}

export const exportCommand = (cli: Cli): Command =>
  new Command('export')
    .description('write a namespace to one archive')
    .argument('<namespace>')
    .requiredOption('-o, --output <file>', 'file to write')
    .option('--redact <what>', 'leave out, as the server understands it')
    .option('--watermark', 'mark every text, so that memos audit trace can tell whose export it came from')
    .action((namespace: string, options: Options) => exportNamespace(cli, namespace, options))

async function exportNamespace(cli: Cli, namespace: string, { output, ...options }: Options): Promise<void> {
  const progress = cli.progress(`exporting ${namespace}`, bytesText)
  const archive = await cli.client().export({ namespace, ...options })
  let size = 0
  const stream = counted(archive, (done) => {
    size = done
    progress.update(done, null)
  })
  // Under another name until it is whole: a broken export must not look like a backup.
  const partial = `${output}.partial`
  try {
    await pipeline(stream, createWriteStream(partial))
    if (size === 0) throw new CliError(`the server sent an empty archive of ${namespace}`)
    await rename(partial, output)
  } finally {
    await rm(partial, { force: true })
    progress.end()
  }
  cli.show({ file: output, bytes: size }, () => `Wrote ${output} (${bytesText(size)}).\n`)
}
