/** Downloads a blob from peers into a file, chunk by chunk verified; and reads the plain stream of a peer. */
import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cidOf } from '../../../protocol/core/cid.ts'
import { decodeManifest, isPaged, type Manifest } from '../../../protocol/core/manifest.ts'
import { BlobStarvedError, type DownloadReport, downloadBlob } from '../../../protocol/host/blob-transfer.ts'
import { FileChunkSink } from '../../../protocol/host/file-chunk-sink.ts'
import { useNativeSha256 } from '../../../protocol/host/native-sha256.ts'
import { type MipNode, startMipNode } from '../../../protocol/host/node.ts'
import { nodeParts } from '../../../protocol/host/node-parts.ts'
import { RemoteChunks } from '../../../protocol/host/remote-chunks.ts'
import { MemoryMipSource } from '../../support/memory-mip-source.ts'
import { ownCpuMs, serveParent } from '../harness/child.ts'
import type { ProviderReady } from './blob-provider.ts'
import { readRaw } from './raw-stream.ts'

export interface DownloaderOrder {
  home: string
  providers: ProviderReady[]
}

export type DownloaderRequest =
  | { do: 'raw'; from: number }
  /** `killAt`: ends the process of the first provider after so many chunks. `keep`: leaves the file for the next request. */
  | { do: 'download'; from: number[]; killAt?: number; keep?: boolean }

export interface Transfer {
  ms: number
  cpuMs: number
  bytes: number
  report: DownloadReport | null
}

useNativeSha256()
await serveParent<DownloaderOrder, null>(async ({ home, providers }) => {
  const node = await startMipNode({
    seed: randomBytes(32),
    source: new MemoryMipSource(),
    listen: [],
    ...nodeParts(),
    gossip: { network: 'bench' },
  })
  for (const { addresses } of providers) await node.dial(addresses, { signal: AbortSignal.timeout(10_000) })
  const answer = async (request: DownloaderRequest): Promise<Transfer> => {
    const startMs = performance.now()
    const startCpuMs = ownCpuMs()
    const [bytes, report] =
      request.do === 'raw'
        ? [await readRaw(node, providers[request.from]!.peerId), null]
        : await download(node, providers, home, request)
    const transfer = { ms: performance.now() - startMs, cpuMs: ownCpuMs() - startCpuMs, bytes, report }
    if (request.do === 'download' && !request.keep) await checkAndRemove(home, providers[0]!)
    return transfer
  }
  return { ready: null, answer }
})

async function download(
  node: MipNode,
  all: readonly ProviderReady[],
  home: string,
  { from, killAt }: Extract<DownloaderRequest, { do: 'download' }>,
): Promise<[number, DownloadReport]> {
  const { manifest, cid } = manifestOfProvider(all[0]!)
  const sink = new FileChunkSink({ path: join(home, 'blob'), cid, ...manifest })
  const write = sink.write.bind(sink)
  let written = 0
  sink.write = async (index, bytes) => {
    await write(index, bytes)
    if (++written === killAt) process.kill(all[from[0]!]!.pid, 'SIGKILL')
  }
  const providers = from.map((i) => new RemoteChunks(node.remote(all[i]!.peerId), manifest))
  try {
    const report = await downloadBlob({ cid, manifest, providers, sink })
    return [manifest.size, report]
  } catch (error) {
    if (error instanceof BlobStarvedError) return [error.report.fetched * manifest.chunk, error.report]
    throw error
  }
}

function manifestOfProvider({ manifest: bytes }: ProviderReady) {
  const manifest = decodeManifest(bytes)
  if (isPaged(manifest)) throw new Error('the blob of the bench has no pages of hashes')
  return { manifest: manifest satisfies Manifest, cid: cidOf(bytes, 'object') }
}

/** The file is the blob: its chunks hash to the manifest again. */
async function checkAndRemove(home: string, provider: ProviderReady): Promise<void> {
  const { manifest } = manifestOfProvider(provider)
  const { manifestOf } = await import('../../../protocol/core/manifest.ts')
  const path = join(home, 'blob')
  const again = manifestOf(await readFile(path), manifest.chunk)
  if (!Buffer.from(again.hashes).equals(manifest.hashes)) throw new Error('the file is not the blob')
  await rm(path)
}
