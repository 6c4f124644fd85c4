import type { BlobStore } from '../../ports/blob-store.ts'
import type { LexicalIndex } from '../../ports/lexical.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { VectorIndex } from '../../ports/vector-index.ts'
import { PrincipalDirectory } from '../governance/principal-directory.ts'
import { IdempotencyStore } from '../log/idempotency-store.ts'
import { LogReader } from '../log/log-reader.ts'
import { TaskReader } from '../tasks/task-reader.ts'
import { CubeReader } from './cube-reader.ts'
import { cachedLexicalIndex, LexicalCache } from './lexical-cache.ts'
import { LexicalReader } from './lexical-reader.ts'
import type { MemVault, OrgVault } from './mem-vault.ts'
import { NamespaceReader } from './namespace-reader.ts'
import { VectorReader } from './vector-reader.ts'

/** One request's view of its organisation: every reader carries the caller's permissions. */
export interface VaultSession {
  vault: OrgVault
  cubes: CubeReader
  namespaces: NamespaceReader
  lexical: LexicalIndex
  vectors: VectorReader
  idempotency: IdempotencyStore
  log: LogReader
  tasks: TaskReader
  principals: PrincipalDirectory
}

export interface VaultSessionsComponents {
  vault: MemVault
  blobs: BlobStore
  vectorIndex: VectorIndex
  logger: Logger
}

/** Opens sessions. @throws MemosError not_found (no such organisation), organisation_moving (to write) */
export type VaultSessions = (context: RequestContext, access: 'read' | 'write') => Promise<VaultSession>

export function vaultSessions({ vault: memVault, blobs, vectorIndex, logger }: VaultSessionsComponents): VaultSessions {
  const lexicalCache = new LexicalCache()
  return async ({ principal, nowMs }, access) => {
    const vault = await memVault.of(principal.orgId, nowMs, access)
    return {
      vault,
      cubes: new CubeReader(vault, principal, nowMs, { blobs, logger }),
      namespaces: new NamespaceReader(vault, principal),
      lexical: cachedLexicalIndex(new LexicalReader(vault, principal, nowMs), lexicalCache, {
        place: vault.organisation.database,
        nowMs,
      }),
      vectors: new VectorReader(vault, principal, nowMs, { vectorIndex, logger }),
      idempotency: new IdempotencyStore(vault, principal.orgId),
      log: new LogReader(vault, principal),
      tasks: new TaskReader(vault, principal),
      principals: new PrincipalDirectory(vault, principal.orgId),
    }
  }
}
