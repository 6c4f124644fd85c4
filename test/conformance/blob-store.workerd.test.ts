import { env } from 'cloudflare:workers'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { R2BlobStore } from '../../worker/drivers/blob-store/r2.ts'
import { testBlobStore } from './blob-store.suite.ts'

const { BLOBS } = env as unknown as { BLOBS: R2Bucket }
const FLAT = 'keys are flat names: nothing lies outside'
const skip = { 'refuses keys that lead out of the store': FLAT }

testBlobStore('R2', async () => ({ blobs: new R2BlobStore(BLOBS as never), close: async () => {} }), skip)

testBlobStore('memory, workerd', async () => ({ blobs: new MemoryBlobStore(), close: async () => {} }), skip)
