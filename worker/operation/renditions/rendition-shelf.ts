import { matchesCid } from '../../../protocol/core/cid.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { schedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { NodeTaskOutput } from '../../../schemas/node-task.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { NodeBlobArea } from '../../ports/node-hub.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { KvRenditionRow, NamespaceRow } from '../../ports/rows.ts'
import type { RenditionPlace } from '../../ports/writes/renditions.ts'
import { planId } from '../schedule/type-changes.ts'
import type { RemoveUnnamed } from '../time-machine/branches.ts'
import { chooseDemoted, type DemotedBecause } from './kept-caches.ts'

type KvRendition = NodeTaskOutput<'encode_kv'>['rendition']

export interface RenditionShelfComponents {
  blobs: BlobStore
  nodeBlobs: NodeBlobArea
  removeUnnamed: RemoveUnnamed
}

/** A cache that a node has made, and the cube that it is to be kept with. */
export interface NewCache {
  cube: { cubeId: string; cid: string; namespaceId: number }
  model: string
  /** Conversation whose last turn the cube is; empty for the cube's own text. */
  session: string
  digest: string
  rendition: KvRendition
  /** Cubes beside it that take part in it. */
  sources: readonly string[]
}

/**
 * KV caches of memory, kept beside the cubes they were made of and never inside their signed revisions. The text is what is remembered: keeping,
 * dropping and losing a cache changes nothing that can be read or searched.
 */
export class RenditionShelf {
  readonly #components: RenditionShelfComponents

  constructor(components: RenditionShelfComponents) {
    this.#components = components
  }

  /**
   * Keeps a cache: its bytes first, then the row that names them, then the budget of the namespace. Nothing is kept where the cube has changed
   * meanwhile. @throws MemosError node_failed when a node names bytes that it has not put here, or the cache is of another model
   */
  async keep(session: VaultSession, cache: NewCache, context: RequestContext): Promise<void> {
    const { rendition, model, digest, cube } = cache
    if (rendition.modelFingerprint !== model) throw mismatch('wrong_fingerprint')
    const { orgId } = context.principal
    for (const { cid, bytes } of [rendition.blob, rendition.tokens]) await this.#adopt(orgId, cube.cubeId, cid, bytes)
    const row: KvRenditionRow = {
      ...{ cubeId: cube.cubeId, namespaceId: cube.namespaceId, model, session: cache.session, digest, rendition },
      bytes: rendition.blob.bytes + rendition.tokens.bytes,
      usedAtMs: context.nowMs,
      createdAtMs: context.nowMs,
    }
    const before = await this.#superseded(session, cache)
    await session.vault.apply([{ kind: 'put_rendition', row, cid: cube.cid, sources: cache.sources }])
    await this.#removeBlobs(session, before)
  }

  /** Drops caches that are no use any more. */
  async drop(session: VaultSession, rows: readonly KvRenditionRow[]): Promise<void> {
    if (rows.length === 0) return
    await session.vault.apply([{ kind: 'drop_renditions', renditions: rows.map(placeOf) }])
    await this.#removeBlobs(session, rows)
  }

  /** Tells that caches were used, so that others go first. */
  async touch(session: VaultSession, rows: readonly KvRenditionRow[], { nowMs }: RequestContext): Promise<void> {
    if (rows.length === 0) return
    await session.vault.apply([{ kind: 'touch_renditions', renditions: rows.map(placeOf), atMs: nowMs }])
  }

  /** Demotes what the policy of a namespace has no room for; each choice is a decision with its reason. Answers how many went. */
  async demote(session: VaultSession, namespace: NamespaceRow, context: RequestContext): Promise<number> {
    const policy = schedulePolicy(namespace.settings)
    const chosen = chooseDemoted(await session.renditions.ofNamespace(namespace.id), policy, context.nowMs)
    if (chosen.length === 0) return 0
    const rows = chosen.map(({ one }) => one.row)
    // A cube that cooled off is promoted again when it is hot again; what had no room waits until it changes.
    const cooled = chosen.filter(
      ({ one: { row, updatedAtMs }, because }) => because !== 'over_budget' && row.session === '' && updatedAtMs > 0,
    )
    await session.vault.apply([
      { kind: 'drop_renditions', renditions: rows.map(placeOf) },
      ...chosen.map(({ one: { row }, because }) => demotion(row, because, policy.strategy, context)),
      {
        kind: 'reopen_promotions',
        taskIds: cooled.map(({ one: { row, updatedAtMs } }) => planId('promote', { cubeId: row.cubeId, updatedAtMs })),
        because: 'demoted',
        atMs: context.nowMs,
      },
    ])
    await this.#removeBlobs(session, rows)
    return rows.length
  }

  /** Puts bytes of a node under the cube's name. */
  async #adopt(orgId: string, cubeId: string, cid: Cid, size: number): Promise<void> {
    const { blobs, nodeBlobs } = this.#components
    const bytes = await nodeBlobs.read(orgId, cid)
    if (bytes === null || bytes.length !== size || !matchesCid(cid, bytes)) throw mismatch('result_mismatch')
    await blobs.put(blobKey(orgId, cubeId, cid), bytes)
  }

  /** Caches that a new one takes the place of. */
  async #superseded(session: VaultSession, { cube, model, session: name }: NewCache): Promise<KvRenditionRow[]> {
    if (name === '') return session.renditions.ofCubes([cube.cubeId], model)
    const before = await session.renditions.ofSession(cube.namespaceId, name, model)
    return before === null ? [] : [before]
  }

  async #removeBlobs(session: VaultSession, rows: readonly KvRenditionRow[]): Promise<void> {
    const byCube = new Map<string, string[]>()
    const { id } = session.vault.organisation
    for (const { cubeId, rendition } of rows) {
      const keys = [rendition.blob.cid, rendition.tokens.cid].map((cid) => blobKey(id, cubeId, cid))
      byCube.set(cubeId, [...(byCube.get(cubeId) ?? []), ...keys])
    }
    if (byCube.size > 0) await this.#components.removeUnnamed(session, byCube)
  }
}

const placeOf = ({ cubeId, model, session }: KvRenditionRow): RenditionPlace => ({ cubeId, model, session })

const mismatch = (reason: 'wrong_fingerprint' | 'result_mismatch'): MemosError =>
  new MemosError('node_failed', { reason, detail: `What the node has made is not what it says (${reason}).` })

const REASONS: Readonly<Record<DemotedBecause, string>> = {
  idle: 'The memory is used too little for its KV cache.',
  policy_changed: 'The policy asks for another form of KV caches.',
  over_budget: 'The KV caches of the namespace have no more room.',
}

const demotion = (
  row: KvRenditionRow,
  because: DemotedBecause,
  strategy: string,
  { nowMs, principal }: RequestContext,
) => ({
  kind: 'record_decision' as const,
  decision: {
    ...{ namespaceId: row.namespaceId, atMs: nowMs, kind: 'demote' as const, strategy, caller: principal.keyId },
    inputs: { model: row.model, bytes: row.bytes, usedAt: new Date(row.usedAtMs).toISOString() },
    choice: { action: 'drop_kv', because },
    ...{ reason: REASONS[because], taskId: null, cubeId: row.cubeId },
  },
})
