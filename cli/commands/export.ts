import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { counted } from '../stream.ts'
import { bytesText } from '../text.ts'

interface Options {
  output: string
  redact?: string
}

export const exportCommand = (cli: Cli): Command =>
  new Command('export')
    .description('write a namespace to one archive')
    .argument('<namespace>')
    .requiredOption('-o, --output <file>', 'file to write')
    .option('--redact <what>', 'leave out, as the server understands it')
    .action((namespace: string, options: Options) => exportNamespace(cli, namespace, options))

async function exportNamespace(cli: Cli, namespace: string, { output, redact }: Options): Promise<void> {
  const progress = cli.progress(`exporting ${namespace}`, bytesText)
  const archive = await cli.client().export({ namespace, ...(redact !== undefined && { redact }) })
  let size = 0
  const stream = counted(archive, (done) => {
    size = done
    progress.update(done, null)
  })
  // Under another name until it is whole: a broken export must not look like a backup.
  const partial = `${output}.partial`
  try {
    await pipeline(Readable.fromWeb(stream as NodeReadableStream<Uint8Array>), createWriteStream(partial))
    await rename(partial, output)
  } finally {
    await rm(partial, { force: true })
    progress.end()
  }
  cli.show({ file: output, bytes: size }, () => `Wrote ${output} (${bytesText(size)}).\n`)
}
