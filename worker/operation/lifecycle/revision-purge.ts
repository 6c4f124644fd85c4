import { LIFECYCLE_BATCH_CUBES } from '../../../schemas/limits.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { RequestContext } from '../../ports/request-context.ts'

/** Revisions that one batch removes: their bytes are read for the blobs that they name. */
const REVISIONS_PER_BATCH_MAX = 5 * LIFECYCLE_BATCH_CUBES

export interface RevisionPurgeComponents {
  /** Removes those of the given blobs that no revision names any more, by cube. */
  removeUnnamed(session: VaultSession, byCube: ReadonlyMap<string, readonly string[]>): Promise<unknown>
}

/** Removes revisions beyond what a namespace keeps, with the blobs that only they named. Revisions that a snapshot names stay. */
export class RevisionPurge {
  readonly #components: RevisionPurgeComponents

  constructor(components: RevisionPurgeComponents) {
    this.#components = components
  }

  /**
   * Purges the named cubes of one namespace. Answers how many statements it took.
   * @throws GuardError when a cube was changed, frozen or pinned meanwhile
   */
  async run(
    session: VaultSession,
    namespaceId: number,
    cubeIds: readonly string[],
    kept: number,
    context: RequestContext,
  ): Promise<number> {
    const revisions = await session.lifecycle.surplusRevisions(namespaceId, cubeIds, kept, REVISIONS_PER_BATCH_MAX)
    if (revisions.length === 0) return 1
    const ids = [...new Set(revisions.map(({ cubeId }) => cubeId))]
    // Blobs of all revisions, read before the rows go; what the others still name is told apart afterwards.
    const blobs = await session.cubes.blobKeysOfAll(ids)
    const answers = await session.vault.apply([
      { kind: 'purge_revisions', namespaceId, revisions },
      auditOf(context, namespaceId, ids),
    ])
    if (blobs.size > 0) await this.#components.removeUnnamed(session, blobs)
    return answers.length + 4
  }
}
