import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession, VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { StoredCube } from '../../ports/vault-write.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { breathe } from '../lifecycle/budget.ts'
import { erasable } from './memory-writer.ts'

/** Cubes that one call erases: a batch of deletions takes some forty statements, and D1 counts a thousand against one invocation. */
export const EXPIRED_PER_SWEEP_MAX = 300
/** Cubes of one atomic batch. */
const CUBES_PER_BATCH_MAX = 50

const OPERATION = 'expireCubes'

export interface ExpirySweepComponents {
  blobs: BlobStore
  sessions: VaultSessions
  systemContext: (orgId: string, operation: string, nowMs: number, signal: AbortSignal) => RequestContext
  embeddings: Pick<EmbeddingBuilder, 'forget'>
  runtime: Runtime
  logger: Logger
}

/** Erases cubes whose time is over, just as a deletion does; their tombstones say that they expired. Safe to call again after a crash. */
export class ExpirySweep {
  readonly #components: ExpirySweepComponents

  constructor(components: ExpirySweepComponents) {
    this.#components = components
  }

  /** Erases those of the named cubes, by organisation, that are still over. One organisation's failure does not keep the others. */
  async erase(cubeIds: ReadonlyMap<string, readonly string[]>): Promise<void> {
    for (const [orgId, ids] of cubeIds) {
      try {
        for (let at = 0; at < ids.length; at += CUBES_PER_BATCH_MAX) {
          await breathe()
          await this.eraseBatch(orgId, ids.slice(at, at + CUBES_PER_BATCH_MAX), null)
        }
      } catch (error) {
        // A cube that was changed meanwhile aborts its batch: the next sweep looks again.
        this.#components.logger.warn('expiry_sweep_failed', {
          orgId,
          name: error instanceof Error ? error.name : 'unknown',
        })
      }
    }
  }

  /**
   * Erases those of the named cubes that are over: past the time that they name, or, where they name none, written last at `writtenUntilMs` or
   * before. Answers how many statements it took.
   * @throws GuardError when one of them was changed meanwhile
   */
  async eraseBatch(orgId: string, cubeIds: readonly string[], writtenUntilMs: number | null): Promise<number> {
    const { sessions, systemContext, runtime } = this.#components
    const context = systemContext(orgId, OPERATION, runtime.nowMs(), new AbortController().signal)
    const session = await sessions(context, 'write')
    const cubes = await this.#stored(session, await session.cubes.ended(cubeIds, writtenUntilMs))
    const byNamespace = Map.groupBy(cubes, (cube) => cube.namespaceId)
    if (byNamespace.size === 0) return 2
    const answers = await session.vault.apply([
      { kind: 'delete_cubes', cubes, atMs: context.nowMs, reason: 'expired' },
      ...[...byNamespace].map(([namespaceId, gone]) => {
        const ids = gone.map(({ cubeId }) => cubeId)
        return auditOf(context, namespaceId, ids)
      }),
    ])
    // The rows are gone: nothing reads blobs and vectors any more, so a crash here costs room only.
    await this.#components.blobs.delete(cubes.flatMap(({ blobs }) => blobs))
    for (const [namespaceId, gone] of byNamespace) {
      const seqs = gone.map(({ seq }) => seq)
      await this.#components.embeddings.forget(session, orgId, namespaceId, seqs)
    }
    return answers.length + 2 + byNamespace.size
  }

  async #stored(
    session: VaultSession,
    found: readonly { cube: FullCube['cube']; full: FullCube | null }[],
  ): Promise<StoredCube[]> {
    const ids = found.map(({ cube }) => cube.cubeId)
    const blobs = await session.cubes.blobKeysOfAll(ids)
    const caches = await session.cubes.cacheKeysOf(ids)
    return found.map((one) =>
      erasable(one, [...(blobs.get(one.cube.cubeId) ?? []), ...(caches.get(one.cube.cubeId) ?? [])]),
    )
  }
}
