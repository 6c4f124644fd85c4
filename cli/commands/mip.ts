import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import { codecOf } from '../../protocol/core/cid.ts'
import type { OpenedEntry } from '../../protocol/core/entry.ts'
import { type ArchivedBlock, type ArchivedEntry, writeLogArchive } from '../../protocol/core/log-archive.ts'
import { LogArchiveError } from '../../protocol/core/log-archive-error.ts'
import { readLogArchive } from '../../protocol/core/log-archive-reader.ts'
import { type LogState, newLogState } from '../../protocol/core/log-state.ts'
import { decodeRevision } from '../../protocol/core/revision.ts'
import type { Cid } from '../../schemas/cid.ts'
import { Did } from '../../schemas/did.ts'
import { MAIN_LOG } from '../../schemas/mip-entry.ts'
import { type Cli, examples } from '../cli.ts'
import { CliError, EXIT } from '../failure.ts'
import { Twin } from '../mip/twin.ts'
import { delegationsOf, VerifiedLog } from '../mip/verified-log.ts'

export function mipCommand(cli: Cli): Command {
  const command = new Command('mip').description('signed logs as files: export, verify, import')
  command
    .command('export')
    .description('write a log to one file (CAR), every signature verified on the way')
    .argument('<org>', 'did:key of the organisation')
    .argument('[log]', 'which log', MAIN_LOG)
    .requiredOption('-o, --output <file>', 'file to write')
    .addHelpText('after', examples('mip export did:key:z6Mk... memory -o memory.car'))
    .action((org: string, log: string, { output }: { output: string }) => exportLog(cli, org, log, output))
  command
    .command('verify')
    .description('verify a log in a file, without a server')
    .argument('<file>', 'a log as memos mip export writes it')
    .option('--main <file>', 'the main log of the organisation, for any other log')
    .addHelpText('after', examples('mip verify main.car', 'mip verify memory.car --main main.car'))
    .action((file: string, options: { main?: string }) => verify(cli, file, options))
  command
    .command('import')
    .description('read a log that is followed from a file; importing again changes nothing')
    .argument('<file>', 'a log as memos mip export writes it; the main log first')
    .addHelpText('after', examples('mip import main.car', 'mip import memory.car'))
    .action((file: string) => importLog(cli, file))
  return command
}

async function importLog(cli: Cli, file: string): Promise<void> {
  const facts = await stat(file).catch(() => undefined)
  if (!facts?.isFile()) throw new CliError(`there is no file ${file}`, { exitCode: EXIT.usage })
  // The same class at run time; Node and the platform's types describe it twice.
  const bytes = Readable.toWeb(createReadStream(file)) as unknown as ReadableStream<Uint8Array>
  const report = await cli.client().importLog(bytes)
  cli.show(report, () => {
    const { log, org, entries, verified, applied, error } = report
    const end = error === null ? '' : ` It stops there: ${error}.`
    return `${log} of ${org}: ${entries} entries read, ${verified} new, ${applied} applied.${end}\n`
  })
  if (report.error !== null) throw new CliError(`not all of ${file} was taken in: ${report.error}`)
}

async function exportLog(cli: Cli, org: string, log: string, output: string): Promise<void> {
  const did = Did.safeParse(org)
  if (!did.success) throw new CliError(`"${org}" is no did:key`, { exitCode: EXIT.usage })
  const twin = new Twin(cli)
  const nowMs = Date.now()
  const main = await twin.log(did.data, MAIN_LOG, nowMs)
  const read = log === MAIN_LOG ? main : await twin.log(did.data, log, nowMs, main.state.authority)
  const { cid } = read.state
  if (cid === null) throw new CliError(`the log ${log} is empty`)
  // Under another name until it is whole: a broken export must not look like a log.
  const partial = `${output}.partial`
  try {
    const pieces = writeLogArchive({ org: did.data, log, head: cid }, archived(twin, read))
    await pipeline(Readable.from(pieces), createWriteStream(partial))
    await rename(partial, output)
  } finally {
    await rm(partial, { force: true })
  }
  cli.show(
    { file: output, org, log, entries: read.entries.length, head: cid },
    () => `Wrote ${read.entries.length} entries to ${output}.\n`,
  )
}

/** Each entry with what it needs and names, so that it can be applied as it is read; what was revoked since is no longer served, and the log verifies without it. */
async function* archived(twin: Twin, read: VerifiedLog): AsyncGenerator<ArchivedEntry> {
  const sent = new Set<Cid>()
  for (const opened of read.entries) {
    const objects: ArchivedBlock[] = []
    for (const cid of delegationsOf([[opened.bytes, opened.signature]])) {
      const bytes = read.delegations.get(cid)
      // Whoever reads keeps these; a body is let go with its entry.
      if (bytes && !sent.has(cid)) objects.push({ cid, bytes })
      sent.add(cid)
    }
    objects.push(...(await bodyOf(twin, opened)))
    yield { wire: [opened.bytes, opened.signature], objects }
  }
}

async function bodyOf(twin: Twin, { entry }: OpenedEntry): Promise<ArchivedBlock[]> {
  if (entry.op !== 'cube.publish' || entry.body === null) return []
  const bytes = await twin.bytes(`/obj/${entry.body}`)
  if (bytes === null) return []
  const texts = decodeRevision(bytes).renditions.flatMap((one) =>
    one.kind === 'text' && one.blob ? [one.blob.cid] : [],
  )
  const blobs: ArchivedBlock[] = []
  for (const cid of texts.filter((one) => codecOf(one) === 'raw')) {
    const text = await twin.bytes(`/blob/${cid}`)
    if (text !== null) blobs.push({ cid, bytes: text })
  }
  return [{ cid: entry.body, bytes }, ...blobs]
}

async function verify(cli: Cli, file: string, { main }: { main?: string }): Promise<void> {
  const authority = main === undefined ? null : (await readFileLog(main, null)).state.authority
  const { state, entries, objects } = await readFileLog(file, authority)
  const { org, log, epoch, seq, cid } = state
  const found = { org, log, epoch, seq, cid, entries, objects }
  cli.show(
    found,
    () => `${log} of ${org}: ${entries} entries and ${objects} objects are as they were signed. Head ${cid}.\n`,
  )
}

/** @throws CliError with the reason, for a log that is not what it claims to be */
async function readFileLog(
  file: string,
  authority: LogState['authority'],
): Promise<{ state: LogState; entries: number; objects: number }> {
  let read: VerifiedLog | null = null
  let objects = 0
  try {
    for await (const item of readLogArchive(createReadStream(file))) {
      if (item.kind === 'header') read = new VerifiedLog(item.org as Did, item.log, { authority, nowMs: Date.now() })
      else if (item.kind === 'object') {
        objects += 1
        read?.delegations.set(item.cid, item.bytes)
      } else await read?.append([item.wire])
    }
  } catch (error) {
    if (error instanceof LogArchiveError) throw new CliError(`${file}: ${error.message}`)
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new CliError(`cannot read ${file}`, { exitCode: EXIT.usage })
    throw error
  }
  const state = read?.state ?? newLogState('' as Did, '')
  return { state, entries: read?.entries.length ?? 0, objects }
}
