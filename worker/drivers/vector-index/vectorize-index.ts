import type { Vectorize, VectorizeVector } from '@cloudflare/workers-types'
import { VECTORIZE_DELETE_IDS_MAX, VECTORIZE_MATCHES_MAX, VECTORIZE_UPSERT_ROWS_MAX } from '../../../schemas/limits.ts'
import type { VectorCandidates, VectorEntry, VectorIndex, VectorSource, VectorSpace } from '../../ports/vector-index.ts'
import { expectVector, isVector } from './expect-vector.ts'
import { KeyQueue } from './key-queue.ts'
import { idOf, markerIdOf, seqOf, vectorizeNamespace } from './vectorize-names.ts'

/** Namespace of the markers, apart from every space. */
const MARKER_NAMESPACE = 'absorbed'
/** Queries that look for rows of a dropped space which the source no longer lists. */
const DROP_SWEEPS_MAX = 20

export interface VectorizeIndexComponents {
  vectorize: Pick<Vectorize, 'query' | 'upsert' | 'deleteByIds' | 'getByIds'>
  source: VectorSource
}

export interface VectorizeIndexInit {
  /** Dimensions that the Vectorize index was created with; a space of others is left to the caller's scan. */
  dimensions: number
}

interface SpaceState {
  namespace: string
  /** Rows with `change` up to here have been accepted by upsert(). */
  submitted: number
  /** Rows with `change` up to here are known to answer queries. */
  absorbed: number
  /** Renewed by drop(), so that a marker from before it proves nothing. */
  epoch: string
  /** Dropped here, and the marker of the new epoch has not been seen: others are ignored. */
  dropPending: boolean
}

/**
 * Driver for Cloudflare Vectorize, whose writes are queued and become visible seconds later.
 *
 * How far it has absorbed is written in Vectorize itself: after the rows up to change C have been accepted, a marker
 * vector {change: C} is upserted. Mutations are processed in order ("all changes before this mutation will be
 * reflected in the index state", VectorizeIndexInfo), so a marker that can be read proves that the rows before it can
 * be found. No isolate needs memory of its writes, and an unknown marker means 0: the caller scans everything.
 * `describe()` tells the last processed mutation but not its place among ours, so it cannot replace the marker.
 *
 * Rows are read from the source in order of change, never taken from the hint alone: a lost hint leaves no hole.
 * One writer for a space at a time (its Durable Object); a second one can only make it absorb later, except that a
 * writer which dies between its rows and its marker may leave an older vector in place of a newer one.
 */
export class VectorizeIndex implements VectorIndex {
  readonly #vectorize: VectorizeIndexComponents['vectorize']
  readonly #source: VectorSource
  readonly #dimensions: number
  readonly #states = new Map<string, SpaceState>()
  readonly #queue = new KeyQueue()

  constructor({ vectorize, source }: VectorizeIndexComponents, { dimensions }: VectorizeIndexInit) {
    this.#vectorize = vectorize
    this.#source = source
    this.#dimensions = dimensions
  }

  /** Submits the rows of the source that have not been submitted. `entries` says that there are some. */
  async upsert(space: VectorSpace, entries: readonly VectorEntry[]): Promise<void> {
    for (const { vector } of entries) expectVector(vector, space.dimensions)
    const newest = Math.max(0, ...entries.map(({ change }) => change))
    if (space.dimensions !== this.#dimensions) return
    const namespace = await vectorizeNamespace(space)
    await this.#queue.run(namespace, async () => {
      const state = this.#stateOf(namespace)
      if (state.submitted === 0) await this.#readMarker(state)
      if (newest > state.submitted) await this.#submit(space, state)
    })
  }

  async remove(space: VectorSpace, seqs: readonly number[]): Promise<void> {
    if (space.dimensions !== this.#dimensions) return
    const namespace = await vectorizeNamespace(space)
    await this.#queue.run(namespace, () => this.#delete(seqs.map((seq) => idOf(namespace, seq))))
  }

  /** At most VECTORIZE_MATCHES_MAX hits. Rejects with Vectorize's own error when it does not answer. */
  async candidates(
    space: VectorSpace,
    query: Float32Array,
    limit: number,
    signal?: AbortSignal,
  ): Promise<VectorCandidates> {
    signal?.throwIfAborted()
    expectVector(query, space.dimensions)
    if (space.dimensions !== this.#dimensions || limit < 1) return { hits: [], absorbedChange: 0 }
    const namespace = await vectorizeNamespace(space)
    const state = this.#stateOf(namespace)
    if (state.absorbed === 0) await this.#readMarker(state)
    // What was absorbed before the query began is in its answer; a marker read beside it serves the next one.
    const absorbedChange = state.absorbed
    const topK = Math.min(limit, VECTORIZE_MATCHES_MAX)
    const [{ matches }] = await Promise.all([
      this.#vectorize.query(query, { topK, namespace, returnValues: false, returnMetadata: 'none' }),
      this.#readMarker(state),
    ])
    signal?.throwIfAborted()
    return { hits: matches.map(({ id, score }) => ({ seq: seqOf(id), score })), absorbedChange }
  }

  /**
   * Deletes the vectors of the rows that the source still lists and of those that queries find. Call it before the
   * rows go: a binding cannot list ids, and deletes show too late for queries to find every vector.
   */
  async drop(space: VectorSpace): Promise<void> {
    if (space.dimensions !== this.#dimensions) return
    const namespace = await vectorizeNamespace(space)
    await this.#queue.run(namespace, async () => {
      const state = { namespace, submitted: 0, absorbed: 0, epoch: crypto.randomUUID(), dropPending: true }
      this.#states.set(namespace, state)
      await this.#writeMarker(state, 0)
      const deleted = new Set<string>()
      for await (const page of this.#pages(space, 0)) await this.#deleteNew(namespace, page, deleted)
      for (let sweep = 0; sweep < DROP_SWEEPS_MAX; sweep++) {
        const values = Float32Array.from({ length: this.#dimensions }, () => Math.random() - 0.5)
        const { matches } = await this.#vectorize.query(values, { topK: VECTORIZE_MATCHES_MAX, namespace })
        const found = matches.map(({ id }) => ({ seq: seqOf(id) }))
        if (!(await this.#deleteNew(namespace, found, deleted))) break
      }
    })
  }

  #stateOf(namespace: string): SpaceState {
    const known = this.#states.get(namespace)
    if (known) return known
    const state = { namespace, submitted: 0, absorbed: 0, epoch: '', dropPending: false }
    this.#states.set(namespace, state)
    return state
  }

  async #submit(space: VectorSpace, state: SpaceState): Promise<void> {
    for await (const page of this.#pages(space, state.submitted)) {
      const vectors = page.filter(({ vector }) => isVector(vector, this.#dimensions))
      const { namespace } = state
      if (vectors.length > 0)
        await this.#vectorize.upsert(
          vectors.map(({ seq, vector }): VectorizeVector => ({ id: idOf(namespace, seq), values: vector, namespace })),
        )
      state.submitted = page.at(-1)?.change ?? state.submitted
      await this.#writeMarker(state, state.submitted)
    }
  }

  async *#pages(space: VectorSpace, afterChange: number): AsyncGenerator<VectorEntry[]> {
    for (let after = afterChange; ; ) {
      const page = await this.#source.read(space, after, VECTORIZE_UPSERT_ROWS_MAX)
      if (page.length > 0) yield page
      if (page.length < VECTORIZE_UPSERT_ROWS_MAX) return
      after = page.at(-1)?.change ?? after
    }
  }

  async #writeMarker({ namespace, epoch }: SpaceState, change: number): Promise<void> {
    const values = new Float32Array(this.#dimensions)
    values[0] = 1
    const metadata = { change, epoch }
    await this.#vectorize.upsert([{ id: markerIdOf(namespace), values, namespace: MARKER_NAMESPACE, metadata }])
  }

  async #readMarker(state: SpaceState): Promise<void> {
    const [marker] = await this.#vectorize.getByIds([markerIdOf(state.namespace)])
    const { change, epoch } = marker?.metadata ?? {}
    if (typeof change !== 'number' || typeof epoch !== 'string') return
    if (state.dropPending && state.epoch !== epoch) return
    const renewed = state.epoch !== epoch
    state.absorbed = renewed ? change : Math.max(state.absorbed, change)
    state.submitted = renewed ? change : Math.max(state.submitted, change)
    state.epoch = epoch
    state.dropPending = false
  }

  async #deleteNew(namespace: string, rows: readonly { seq: number }[], deleted: Set<string>): Promise<boolean> {
    const ids = rows.map(({ seq }) => idOf(namespace, seq)).filter((id) => !deleted.has(id))
    for (const id of ids) deleted.add(id)
    await this.#delete(ids)
    return ids.length > 0
  }

  async #delete(ids: readonly string[]): Promise<void> {
    for (let first = 0; first < ids.length; first += VECTORIZE_DELETE_IDS_MAX)
      await this.#vectorize.deleteByIds(ids.slice(first, first + VECTORIZE_DELETE_IDS_MAX))
  }
}
