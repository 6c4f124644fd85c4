import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { composeEdge } from '../../../worker/components.ts'
import { FileSystemBlobStore } from '../../../worker/drivers/blob-store/file-system.ts'
import { openLibsql } from '../../../worker/drivers/database/open-libsql.ts'
import { MemoryRateLimiter } from '../../../worker/drivers/rate-limiter/token-bucket.ts'
import { exactScanIndex } from '../../../worker/drivers/vector-index/exact-scan-index.ts'
import { hashSecret } from '../../../worker/infrastructure/governance/key-secret.ts'
import type { Edge } from '../../../worker/interface/edge.ts'
import type { Database } from '../../../worker/ports/database.ts'
import type { MipParts } from '../../../worker/ports/mip.ts'
import type { Runtime } from '../../../worker/ports/runtime.ts'

export const BENCH_RUNTIME: Runtime = {
  nowMs: Date.now,
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  defer: () => {},
}

/** A deployment on disk as it follows and is followed, with the organisation `default` and without models. */
export async function benchEdge(home: string, mip: MipParts): Promise<{ edge: Edge; database: Database }> {
  const { database } = await openLibsql('default', `file:${join(home, 'memos.db')}`)
  const { edge } = composeEdge({
    databases: new Map([['default', database]]),
    blobs: new FileSystemBlobStore(join(home, 'blobs')),
    embedders: [],
    reranker: null,
    webhook: null,
    languageModel: null,
    rateLimiter: new MemoryRateLimiter(),
    runtime: BENCH_RUNTIME,
    logger: { info() {}, warn() {}, error: (event, fields) => console.error(event, fields) },
    queue: { wake() {} },
    vectorIndex: exactScanIndex,
    rootHash: hashSecret('bench'),
    singleProcess: true,
    logRequests: false,
    mip,
  })
  await edge.organisations.ensureDefault()
  return { edge, database }
}
