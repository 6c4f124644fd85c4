import { env } from 'cloudflare:workers'
import { R2BlobStore } from '../../worker/drivers/blob-store/r2.ts'
import { blobSinkHarness } from './blob-sink-harness.ts'
import { testChunkSink } from './chunk-sink.suite.ts'

const { BLOBS } = env as unknown as { BLOBS: R2Bucket }
let opened = 0

testChunkSink('R2', async () => blobSinkHarness(new R2BlobStore(BLOBS as never), async () => {}, `sinks/${opened++}/`))
