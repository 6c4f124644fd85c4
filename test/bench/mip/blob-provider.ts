/** A peer that serves one blob of random bytes by its manifest, and the same bytes over a plain stream that nobody verifies. */
import { randomBytes } from 'node:crypto'
import { encodeManifest, manifestOf } from '../../../protocol/core/manifest.ts'
import { useNativeSha256 } from '../../../protocol/host/native-sha256.ts'
import { startMipNode } from '../../../protocol/host/node.ts'
import { nodeParts } from '../../../protocol/host/node-parts.ts'
import { seededRandom } from '../../conformance/seeded-random.ts'
import { MemoryMipSource } from '../../support/memory-mip-source.ts'
import { serveParent } from '../harness/child.ts'
import { RAW_PROTOCOL } from './raw-stream.ts'

export interface ProviderOrder {
  size: number
  chunk: number
  /** The same seed gives the same blob. */
  seed: number
}

export interface ProviderReady {
  addresses: string[]
  peerId: string
  pid: number
  manifest: Uint8Array
}

useNativeSha256()
await serveParent<ProviderOrder, ProviderReady>(async ({ size, chunk, seed }) => {
  const blob = blobOf(size, seed)
  const { cid, bytes } = encodeManifest(manifestOf(blob, chunk))
  const source = new MemoryMipSource().fill(64, 16 * 1024)
  source.blobs.set(cid, blob)
  const node = await startMipNode({
    seed: randomBytes(32),
    source,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    ...nodeParts(),
    gossip: { network: 'bench' },
  })
  await node.libp2p.handle(RAW_PROTOCOL, async (stream) => {
    for (let at = 0; at < size; at += chunk) {
      stream.send(blob.subarray(at, at + chunk))
      while (stream.writableNeedsDrain)
        await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
    }
    await stream.close()
  })
  return { ready: { addresses: node.addresses(), peerId: node.peerId, pid: process.pid, manifest: bytes } }
})

function blobOf(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed)
  const words = Uint32Array.from({ length: size / 4 }, () => random(2 ** 31))
  return new Uint8Array(words.buffer)
}
