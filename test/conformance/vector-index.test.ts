import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { EmbeddedVectorIndex } from '../../worker/drivers/vector-index/embedded-vector-index.ts'
import { exactScanIndex } from '../../worker/drivers/vector-index/exact-scan-index.ts'
import { readKernel } from '../../worker/drivers/vector-index/kernel/read-kernel.ts'
import { VectorizeIndex } from '../../worker/drivers/vector-index/vectorize-index.ts'
import { FakeVectorize } from '../support/fake-vectorize.ts'
import { testVectorIndex, type VectorIndexHarness } from './vector-index.suite.ts'

const kernel = await readKernel()
const logger = { info() {}, warn() {}, error() {} }

testVectorIndex('embedded', async (rows) => {
  const blobs = new MemoryBlobStore()
  const openAgain = async (): Promise<VectorIndexHarness> => {
    const index = new EmbeddedVectorIndex({ source: rows, blobs, kernel, logger }, { budgetBytes: 8 * 1024 * 1024 })
    const reopen = async () => {
      await index.stop()
      return openAgain()
    }
    return { index, settle: async () => {}, reopen, crash: openAgain }
  }
  return openAgain()
})

testVectorIndex(
  'exact scan',
  async () => {
    const openAgain = async (): Promise<VectorIndexHarness> => ({
      index: exactScanIndex(),
      settle: async () => {},
      reopen: openAgain,
      crash: openAgain,
    })
    return openAgain()
  },
  {
    'proposes candidates best first, no more than asked, each once':
      'it holds nothing: every row is scanned by the caller',
  },
)

testVectorIndex('vectorize', async (rows, dimensions) => {
  const vectorize = new FakeVectorize(dimensions)
  const openAgain = async (): Promise<VectorIndexHarness> => ({
    index: new VectorizeIndex({ vectorize, source: rows }, { dimensions }),
    settle: async () => vectorize.settle(),
    reopen: openAgain,
    crash: openAgain,
  })
  return openAgain()
})
