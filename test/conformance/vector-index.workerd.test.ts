import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { EmbeddedVectorIndex } from '../../worker/drivers/vector-index/embedded-vector-index.ts'
import kernel from '../../worker/drivers/vector-index/kernel/vector-kernel.wasm'
import { testVectorIndex, type VectorIndexHarness } from './vector-index.suite.ts'

const logger = { info() {}, warn() {}, error() {} }

testVectorIndex('embedded, workerd', async (rows) => {
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
