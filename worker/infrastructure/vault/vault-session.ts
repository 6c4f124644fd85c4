import { LEXICAL_CACHE_NUMBERS_MAX } from '../../../schemas/limits.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { LexicalIndex } from '../../ports/lexical.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { View } from '../../ports/time-machine.ts'
import type { VectorIndex } from '../../ports/vector-index.ts'
import { BlockReader } from '../blocks/block-reader.ts'
import { PermissionDirectory } from '../governance/permission-directory.ts'
import { PrincipalDirectory } from '../governance/principal-directory.ts'
import { EntityReader } from '../knowledge/entity-reader.ts'
import { FactReader } from '../knowledge/fact-reader.ts'
import { GraphReader } from '../knowledge/graph-reader.ts'
import { LifecycleReader } from '../lifecycle/lifecycle-reader.ts'
import { IdempotencyStore } from '../log/idempotency-store.ts'
import { LogReader } from '../log/log-reader.ts'
import { DenyReader } from '../mip/deny-reader.ts'
import { FollowedReader } from '../mip/followed-reader.ts'
import { LogRows } from '../mip/log-rows.ts'
import { ReceiptRows } from '../mip/receipt-rows.ts'
import { PipelineReader } from '../pipelines/pipeline-reader.ts'
import { RenditionReader } from '../renditions/rendition-reader.ts'
import { ScheduleReader } from '../schedule/schedule-reader.ts'
import { TaskReader } from '../tasks/task-reader.ts'
import { PinReader } from '../time-machine/pin-reader.ts'
import { StandingLexical } from '../time-machine/standing-lexical.ts'
import { TimeMachineReader } from '../time-machine/time-machine-reader.ts'
import { CubeReader } from './cube-reader.ts'
import { cachedLexicalIndex, LexicalCache } from './lexical-cache.ts'
import { LexicalReader } from './lexical-reader.ts'
import type { MemVault, OrgVault } from './mem-vault.ts'
import { NamespaceReader } from './namespace-reader.ts'
import { PartReader, partIndex } from './part-index.ts'
import { VectorReader } from './vector-reader.ts'

/** Searches that include archived memory are rare: what is kept for them is this part of what is kept for the others. */
const COLD_CACHE_SHARE = 8

/** One request's view of its organisation: every reader carries the caller's permissions. */
export interface VaultSession {
  vault: OrgVault
  cubes: CubeReader
  namespaces: NamespaceReader
  lexical: LexicalIndex
  /** The same with what is archived. */
  lexicalWithArchived: LexicalIndex
  lifecycle: LifecycleReader
  vectors: VectorReader
  entities: EntityReader
  facts: FactReader
  graph: GraphReader
  idempotency: IdempotencyStore
  log: LogReader
  schedule: ScheduleReader
  tasks: TaskReader
  /** KV caches that were made of memory. */
  renditions: RenditionReader
  /** Cubes as they stood at another point, and what of the index is still that of then. */
  past: TimeMachineReader
  standing(view: View, includeArchived: boolean): LexicalIndex
  pins: PinReader
  principals: PrincipalDirectory
  permissions: PermissionDirectory
  blocks: BlockReader
  pipelines: PipelineReader
  /** Signed logs, as they are stored. */
  mipLogs: LogRows
  /** Logs of others, and what came from them. */
  followed: FollowedReader
  /** What must not be taken in again. */
  denials: DenyReader
  /** What was erased for others, and what others have erased. */
  receipts: ReceiptRows
}

export interface VaultSessionsComponents {
  vault: MemVault
  blobs: BlobStore
  vectorIndex: VectorIndex
  logger: Logger
  /** A text without its sensitive passages. */
  redact(text: string): string
}

/** Opens sessions. @throws MemosError not_found (no such organisation), organisation_moving (to write) */
export type VaultSessions = (context: RequestContext, access: 'read' | 'write') => Promise<VaultSession>

export function vaultSessions(components: VaultSessionsComponents): VaultSessions {
  const { vault: memVault, blobs, vectorIndex, logger, redact } = components
  const lexicalCache = new LexicalCache()
  const coldCache = new LexicalCache(LEXICAL_CACHE_NUMBERS_MAX / COLD_CACHE_SHARE)
  return async ({ principal, nowMs }, access) => {
    const vault = await memVault.of(principal.orgId, nowMs, access)
    const parts = new PartReader(vault, principal, nowMs)
    const place = { place: vault.organisation.database, nowMs }
    const open = (index: LexicalIndex) => partIndex(index, parts)
    const cached = (includeArchived: boolean, cache: LexicalCache) =>
      open(cachedLexicalIndex(new LexicalReader(vault, principal, nowMs, { includeArchived }), cache, place))
    return {
      vault,
      cubes: new CubeReader(vault, principal, nowMs, { blobs, logger, redact }),
      namespaces: new NamespaceReader(vault, principal),
      lexical: cached(false, lexicalCache),
      lexicalWithArchived: cached(true, coldCache),
      lifecycle: new LifecycleReader(vault, principal, nowMs),
      vectors: new VectorReader(vault, principal, nowMs, { vectorIndex, logger }),
      entities: new EntityReader(vault, principal, nowMs),
      facts: new FactReader(vault, principal, nowMs),
      graph: new GraphReader(vault, principal, nowMs),
      idempotency: new IdempotencyStore(vault, principal.orgId),
      log: new LogReader(vault, principal),
      schedule: new ScheduleReader(vault, principal, nowMs),
      tasks: new TaskReader(vault, principal),
      renditions: new RenditionReader(vault, principal, nowMs),
      past: new TimeMachineReader(vault, principal, nowMs, { blobs }),
      standing: (view, includeArchived) =>
        open(new StandingLexical(vault, cached(true, coldCache), view, includeArchived)),
      pins: new PinReader(vault, principal, nowMs),
      principals: new PrincipalDirectory(vault, principal.orgId),
      permissions: new PermissionDirectory(vault, principal),
      blocks: new BlockReader(vault, principal, nowMs),
      pipelines: new PipelineReader(vault, principal, nowMs),
      mipLogs: new LogRows(vault),
      followed: new FollowedReader(vault, principal),
      denials: new DenyReader(vault, principal),
      receipts: new ReceiptRows(vault),
    }
  }
}
