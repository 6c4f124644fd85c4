import type { ArchiveService } from '../infrastructure/archive/archive-service.ts'
import type { KeyRing } from '../infrastructure/governance/key-ring.ts'
import type { OrganisationDirectory } from '../infrastructure/governance/organisation-directory.ts'
import type { ActivityLog } from '../infrastructure/log/activity-log.ts'
import type { Metrics } from '../infrastructure/log/metrics.ts'
import type { OrganisationMoves } from '../infrastructure/placement/organisation-moves.ts'
import type { Eraser } from '../infrastructure/vault/eraser.ts'
import type { MemVault } from '../infrastructure/vault/mem-vault.ts'
import type { NamespaceDirectory } from '../infrastructure/vault/namespace-directory.ts'
import type { VaultSessions } from '../infrastructure/vault/vault-session.ts'
import type { EmbeddingBuilder } from '../operation/embed/embedding-builder.ts'
import type { MemoryWriter } from '../operation/organise/memory-writer.ts'
import type { packContext } from '../operation/retrieval/context.ts'
import type { MemOperator } from '../operation/search/mem-operator.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { Logger } from '../ports/logger.ts'
import type { RateLimiter } from '../ports/rate-limiter.ts'
import type { Runtime } from '../ports/runtime.ts'

/** Everything that routes may call. Built once per process by components.ts. */
export interface Edge {
  version: string
  /** Whether every request is logged, or only those that failed on our side. */
  logRequests: boolean
  vault: MemVault
  sessions: VaultSessions
  eraser: Eraser
  packContext: typeof packContext
  /** Names of the retrieval weights that a namespace may set. */
  weightNames: readonly string[]
  keyRing: KeyRing
  organisations: OrganisationDirectory
  moves: OrganisationMoves
  namespaces: NamespaceDirectory
  writer: MemoryWriter
  operator: MemOperator
  embeddings: EmbeddingBuilder
  archives: ArchiveService
  activity: ActivityLog
  metrics: Metrics
  blobs: BlobStore
  rateLimiter: RateLimiter
  runtime: Runtime
  logger: Logger
}
