import type { Subject } from '../../../schemas/administration.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { auditOf } from '../../ports/audit.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { KeyRing } from '../governance/key-ring.ts'
import type { VaultSession } from './vault-session.ts'

/** Cubes whose blobs are collected at a time. */
const PAGE_CUBES = 200

export interface EraserComponents {
  blobs: BlobStore
  keyRing: KeyRing
  /** Drops the vectors of a namespace from the index. */
  forgetVectors(session: VaultSession, orgId: string, namespaceId: number): Promise<void>
}

/** Erases whole namespaces and subjects: rows, index, vectors, blobs, keys, grants. */
export class Eraser {
  readonly #components: EraserComponents

  constructor(components: EraserComponents) {
    this.#components = components
  }

  /** Rows go in one batch; vectors before them (an index cannot be asked for what no row names), blobs after (nothing can read them then). */
  async namespace(session: VaultSession, { id }: NamespaceRow, context: RequestContext): Promise<void> {
    const blobs = await this.#blobKeys(session, id)
    await this.#components.forgetVectors(session, context.principal.orgId, id)
    await session.vault.apply([{ kind: 'delete_namespace', namespaceId: id }, auditOf(context, id)])
    await this.#components.blobs.delete(blobs)
  }

  /**
   * Revokes the subject's keys first, so that nothing is written behind the erasure, and removes its registration last, so that a retry
   * finds what a failure left. A subject that was never registered has memory, grants or keys all the same.
   * @throws MemosError not_found
   */
  async subject(session: VaultSession, subject: Subject, context: RequestContext): Promise<void> {
    const hadKeys = await this.#components.keyRing.revokeSubject(context.principal.orgId, subject)
    const owned = await session.namespaces.ownedBy(subject)
    const isKnown = (await session.permissions.known([subject])).size > 0
    if (!hadKeys && !isKnown && owned.length === 0) throw new MemosError('not_found')
    for (const namespace of owned) await this.namespace(session, namespace, context)
    await session.principals.remove(subject, auditOf(context, null))
  }

  async #blobKeys(session: VaultSession, namespaceId: number): Promise<string[]> {
    const keys = await session.pins.branchBlobKeys(namespaceId)
    for (let after = 0; ; ) {
      const ids = await session.cubes.withBlobs(namespaceId, PAGE_CUBES, after)
      for (const { cubeId } of ids) keys.push(...(await session.cubes.blobKeys(cubeId)))
      const last = ids.at(-1)
      if (last === undefined) return keys
      after = last.seq
    }
  }
}
