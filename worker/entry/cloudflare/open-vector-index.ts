import { VECTOR_INDEX_BYTES_MAX } from '../../../schemas/limits.ts'
import { R2BlobStore } from '../../drivers/blob-store/r2.ts'
import { jsonLinesLogger } from '../../drivers/logger/json-lines.ts'
import { EmbeddedVectorIndex } from '../../drivers/vector-index/embedded-vector-index.ts'
import kernel from '../../drivers/vector-index/kernel/vector-kernel.wasm'
import { MemVault } from '../../infrastructure/vault/mem-vault.ts'
import { vectorSource } from '../../infrastructure/vault/vector-source.ts'
import type { VectorIndex } from '../../ports/vector-index.ts'
import { d1Databases, type Env } from './env.ts'

/** The resident index inside a Durable Object: rows from D1, chunks in R2. */
export function openVectorIndex(env: Env): VectorIndex {
  const vault = new MemVault({ databases: d1Databases(env) })
  return new EmbeddedVectorIndex(
    {
      source: vectorSource(vault, Date.now),
      blobs: new R2BlobStore(env.BLOBS),
      kernel,
      logger: jsonLinesLogger(console.log, Date.now),
    },
    { budgetBytes: VECTOR_INDEX_BYTES_MAX },
  )
}
