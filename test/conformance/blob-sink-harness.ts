import { BlobChunkSink } from '../../worker/infrastructure/mip/blob-chunk-sink.ts'
import type { BlobStore } from '../../worker/ports/blob-store.ts'
import type { ChunkSinkHarness } from './chunk-sink.suite.ts'

const BYTES_MAX = 2 ** 30

/** Downloads into a blob store that is empty below these prefixes. */
export function blobSinkHarness(blobs: BlobStore, close: () => Promise<void>, prefix = ''): ChunkSinkHarness {
  const key = `${prefix}cubes/org/cube/one`
  return {
    open: (init) => new BlobChunkSink({ blobs, key, area: `${prefix}downloads/org/`, bytesMax: BYTES_MAX, ...init }),
    read: () => blobs.get(key),
    besides: async () => (await blobs.list(prefix)).filter((one) => one !== key),
    tooMuch: BYTES_MAX + 1,
    close,
  }
}
