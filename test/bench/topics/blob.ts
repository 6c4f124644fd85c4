import { MIP_CHUNK_BYTES_DEFAULT } from '../../../schemas/limits-mip.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { type Child, startChild } from '../harness/child.ts'
import type { Recorder } from '../harness/report.ts'
import { percentile } from '../harness/statistics.ts'
import type { ProviderOrder, ProviderReady } from '../mip/blob-provider.ts'
import type { DownloaderOrder, DownloaderRequest, Transfer } from '../mip/downloader.ts'
import type { BenchOptions } from './topic.ts'

const MIB = 1024 * 1024
const ROUNDS = 7
const SEED = 1

/** What verifying a blob and writing it to disk costs against a stream that nobody verifies, and what a lost provider costs. */
export async function blob(recorder: Recorder, { quick }: BenchOptions): Promise<void> {
  const size = (quick ? 16 : 64) * MIB
  await rates(recorder, size, quick ? 2 : ROUNDS)
  await resume(recorder, size)
  recorder.target('verified.ofRaw', '>=', 80)
  recorder.target('resume.refetched', '<=', 0)
}

const startProvider = (size: number) => {
  const order: ProviderOrder = { size, chunk: MIP_CHUNK_BYTES_DEFAULT, seed: SEED }
  return startChild<ProviderReady>('mip/blob-provider.ts', order)
}

async function startDownloader(home: string, providers: Child<ProviderReady>[]) {
  const order: DownloaderOrder = { home, providers: providers.map(({ ready }) => ready) }
  const child = await startChild<null>('mip/downloader.ts', order)
  return { child, ask: (request: DownloaderRequest) => child.ask<Transfer>(request) }
}

/** The ways in turns, so that what else the machine does falls on all of them. */
async function rates(recorder: Recorder, size: number, rounds: number): Promise<void> {
  await using home = await tempDir()
  await using a = await startProvider(size)
  await using b = await startProvider(size)
  const { child, ask } = await startDownloader(home.path, [a, b])
  await using _ = child
  const ways: Record<string, DownloaderRequest> = {
    raw: { do: 'raw', from: 0 },
    verified: { do: 'download', from: [0] },
    twoProviders: { do: 'download', from: [0, 1] },
  }
  const runs: Record<string, Transfer[]> = { raw: [], verified: [], twoProviders: [] }
  // The first round is for the compiler.
  for (let round = 0; round <= rounds; round++) {
    recorder.progress(`round ${round} of ${rounds}`)
    for (const [name, request] of Object.entries(ways)) {
      const run = await ask(request)
      if (run.bytes !== size) throw new Error(`${name}: ${run.bytes} of ${size} bytes came`)
      if (round > 0) runs[name]?.push(run)
    }
  }
  const shares: Record<string, number[]> = { verified: [], twoProviders: [] }
  for (const [name, all] of Object.entries(runs)) {
    recorder.figure(
      `${name}.rate`,
      percentile(
        all.map(({ ms }) => size / MIB / (ms / 1000)),
        0.5,
      ),
      'MiB/s',
    )
    recorder.figure(
      `${name}.cpu`,
      percentile(
        all.map(({ cpuMs }) => cpuMs / (size / MIB)),
        0.5,
      ),
      'ms CPU of the reader per MiB',
    )
    for (const [i, { ms }] of all.entries()) shares[name]?.push((100 * (runs.raw?.[i]?.ms ?? 0)) / ms)
  }
  for (const [name, all] of Object.entries(shares)) recorder.figure(`${name}.ofRaw`, percentile(all, 0.5), '% of raw')
}

/** The only provider is killed at half; what is missing then comes from another one, and nothing else does. */
async function resume(recorder: Recorder, size: number): Promise<void> {
  await using home = await tempDir()
  await using dying = await startProvider(size)
  await using other = await startProvider(size)
  const { child, ask } = await startDownloader(home.path, [dying, other])
  await using _ = child
  const chunks = size / MIP_CHUNK_BYTES_DEFAULT
  const first = await ask({ do: 'download', from: [0], killAt: chunks / 2, keep: true })
  const second = await ask({ do: 'download', from: [1] })
  const verified = first.report?.fetched ?? 0
  const { resumed = 0, fetched = 0, wasted = 0 } = second.report ?? {}
  recorder.figure('resume.verifiedBefore', verified, 'chunks')
  recorder.figure('resume.fetchedAfter', fetched, 'chunks')
  recorder.figure('resume.refetched', verified + fetched + wasted - chunks, 'chunks')
  if (resumed !== verified) recorder.progress(`${verified} chunks were verified, ${resumed} were there after the loss`)
}
