import { type SQL, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { VECTOR_CANDIDATES_MAX, VECTOR_TAIL_ROWS_MAX } from '../../../schemas/limits.ts'
import type { Row } from '../../ports/database.ts'
import type { SearchScope } from '../../ports/lexical.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Principal } from '../../ports/principal.ts'
import type { VectorCandidates, VectorIndex, VectorSpace } from '../../ports/vector-index.ts'
import type { NearestVectors, VectorHit, VectorQuery, VectorSearch, VectorSpaceState } from '../../ports/vectors.ts'
import { cubeReach } from '../governance/access-sql.ts'
import { scopeSql } from './filter-sql.ts'
import { decodeVector, dot, encodeVector } from './half-float.ts'
import type { OrgVault } from './mem-vault.ts'
import { statement } from './sql.ts'

/** Candidates asked of the index, one step after the other, while those that may be seen do not fill the answer. */
const STEPS = [VECTOR_CANDIDATES_MAX, 256, 1024, 4096]
/** Matching rows that an exact scan compares where the database cannot: each of their vectors travels (3 kB at 768 dimensions). */
const VECTOR_SCAN_IN_CODE_ROWS_MAX = 5000

export interface VectorReaderComponents {
  vectorIndex: VectorIndex
  logger: Logger
}

export interface VectorReaderInit {
  /** Rows compared that the index has not absorbed. */
  tailRowsMax?: number
  /** Rows compared of those that match a filter which hides what the index proposes. */
  scanRowsMax?: number
}

/**
 * Nearest neighbours: the index proposes, the rows decide. Candidates are scored again with the stored vectors in a statement that carries
 * permissions and filter, together with the rows that the index has not absorbed yet, so an acknowledged vector is found at once and a
 * deleted one never.
 */
export class VectorReader implements VectorSearch {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number
  readonly #index: VectorIndex
  readonly #logger: Logger
  readonly #tailRowsMax: number
  readonly #scanRowsMax: number

  constructor(
    vault: OrgVault,
    principal: Principal,
    nowMs: number,
    { vectorIndex, logger }: VectorReaderComponents,
    { tailRowsMax = VECTOR_TAIL_ROWS_MAX, scanRowsMax }: VectorReaderInit = {},
  ) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
    this.#index = vectorIndex
    this.#logger = logger
    this.#tailRowsMax = tailRowsMax
    const { vectorDistance } = vault.database
    this.#scanRowsMax = scanRowsMax ?? (vectorDistance ? VECTOR_TAIL_ROWS_MAX : VECTOR_SCAN_IN_CODE_ROWS_MAX)
  }

  async spaces(namespaceId: number): Promise<VectorSpaceState[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select v.model, v.dimensions, v.state, v.built_seq, n.next_change - 1
        from vector_spaces v join namespaces n on n.id = v.namespace_id where v.namespace_id = ${namespaceId}`),
    )
    return rows.map(
      ([model, dimensions, state, builtSeq, lastChange]) =>
        ({ model, dimensions, state, builtSeq, lastChange }) as VectorSpaceState,
    )
  }

  async nearest(
    namespaceId: number,
    { model, vector: query, lastChange }: VectorQuery,
    limit: number,
    scope: SearchScope,
    signal: AbortSignal,
  ): Promise<NearestVectors> {
    const space = { orgId: this.#principal.orgId, namespaceId, model, dimensions: query.length }
    const asked: Asked = { space, query, limit, scope }
    const steps = STEPS.filter((step, at) => step >= limit || at === STEPS.length - 1)
    const found = new Map<number, VectorHit>()
    const add = (hits: readonly VectorHit[]) => hits.forEach((hit) => void found.set(hit.seq, hit))
    let proposed: number[] = []
    let visible = 0
    let notes: string[] = []
    for (const [at, step] of steps.entries()) {
      const { hits, absorbedChange } = await this.#propose(space, query, step, signal)
      const known = new Set(proposed)
      const fresh = hits.map(({ seq }) => seq).filter((seq) => !known.has(seq))
      if (at === 0) {
        const waiting = lastChange - absorbedChange
        if (waiting > 0) add(await this.#tail(asked, absorbedChange))
        const leftOut = waiting > this.#tailRowsMax ? await this.#leftOut(space, absorbedChange) : 0
        if (leftOut > 0) notes.push('Some vectors were not compared: the index has not taken them up yet.')
      }
      const seen = await this.#among(asked, fresh)
      add(seen)
      visible += seen.length
      proposed = [...proposed, ...fresh]
      if (visible >= Math.min(limit, proposed.length)) break
      if (hits.length >= step && at < steps.length - 1) continue
      const scan = await this.#scan(asked)
      add(scan.hits)
      notes = [...notes, ...scan.notes]
      break
    }
    if (scope.includeArchived) {
      const cold = await this.#cold(asked)
      add(cold.hits)
      notes = [...notes, ...cold.notes]
    }
    return { hits: best([...found.values()], limit), notes }
  }

  /** An index that fails costs speed: the rows are compared without it. */
  async #propose(
    space: VectorSpace,
    query: Float32Array,
    limit: number,
    signal: AbortSignal,
  ): Promise<VectorCandidates> {
    try {
      return await this.#index.candidates(space, query, limit, signal)
    } catch (error) {
      if (signal.aborted) throw new MemosError('deadline_exceeded', {}, { cause: error })
      this.#logger.warn('vector_index_failed', {
        namespaceId: space.namespaceId,
        error: error instanceof Error ? error.name : 'unknown',
      })
      return { hits: [], absorbedChange: 0 }
    }
  }

  /** Proposed rows that may be seen, scored with their stored vectors. */
  async #among(asked: Asked, seqs: readonly number[]): Promise<VectorHit[]> {
    if (seqs.length === 0) return []
    const { space, query, limit } = asked
    // `cross join` fixes the order: from the few candidates to their rows, never over the whole namespace.
    const rows = sql`json_each(${JSON.stringify(seqs)}) j cross join embeddings e on ${spaceSql(space)} and e.seq = j.value ${this.#seen(asked)}`
    return this.#score(rows, query, limit)
  }

  /** Rows that the index has not absorbed, the newest first where there are more than can be compared. */
  #tail(asked: Asked, absorbedChange: number): Promise<VectorHit[]> {
    const { space, query, limit } = asked
    const rows = sql`(select e.seq, e.vector from embeddings e where ${spaceSql(space)} and e.change > ${absorbedChange} order by e.change desc limit ${this.#tailRowsMax}) e ${this.#seen(asked)}`
    return this.#score(rows, query, limit)
  }

  /** How many rows the tail leaves out: changes of other spaces and of rows that are gone take numbers too, so they are counted. */
  async #leftOut(space: Space, absorbedChange: number): Promise<number> {
    const [row] = await this.#vault.database.all(
      statement(sql`select count(*) from embeddings e where ${spaceSql(space)} and e.change > ${absorbedChange}`),
    )
    return Math.max(0, Number(row?.[0] ?? 0) - this.#tailRowsMax)
  }

  /** Every row that matches, from the cubes to their vectors: what the index proposes is hidden by a filter that few rows pass. */
  async #scan(asked: Asked): Promise<{ hits: VectorHit[]; notes: string[] }> {
    const { space, query, limit, scope } = asked
    const max = this.#scanRowsMax
    const matching = sql`(select c.seq from cubes c cross join namespaces n on n.id = c.namespace_id
      where c.namespace_id = ${space.namespaceId} and ${this.#visible(scope)} order by c.seq desc limit ${max} + 1)`
    // The window sees the numbers only, not the vectors.
    const rows = sql`(select m.seq, count(*) over () as matching from ${matching} m) m
      cross join embeddings e on ${spaceSql(space)} and e.seq = m.seq where ${lengthSql(query)}`
    const scored = await this.#scored(rows, query, limit, sql`m.matching`)
    const isCut = scored.some(({ extra }) => extra > max)
    const note = `Only the newest ${max} memories that match were compared by their vectors.`
    return { hits: scored.map(({ seq, cosine }) => ({ seq, cosine })), notes: isCut ? [note] : [] }
  }

  /** Archived rows: no index holds them, so the newest of them are compared one by one. */
  async #cold(asked: Asked): Promise<{ hits: VectorHit[]; notes: string[] }> {
    const { space, query, limit } = asked
    const max = this.#scanRowsMax
    const newest = sql`(select e.seq from cold_embeddings e where ${spaceSql(space)} order by e.seq desc limit ${max} + 1)`
    const rows = sql`(select m.seq, count(*) over () as matching from ${newest} m) m
      cross join cold_embeddings e on ${spaceSql(space)} and e.seq = m.seq ${this.#seen(asked)}`
    const scored = await this.#scored(rows, query, limit, sql`m.matching`)
    const isCut = scored.some(({ extra }) => extra > max)
    const note = `Only the newest ${max} archived memories were compared by their vectors.`
    return { hits: scored.map(({ seq, cosine }) => ({ seq, cosine })), notes: isCut ? [note] : [] }
  }

  async #score(rows: SQL, query: Float32Array, limit: number): Promise<VectorHit[]> {
    const scored = await this.#scored(rows, query, limit, sql`0`)
    return scored.map(({ seq, cosine }) => ({ seq, cosine }))
  }

  /** libSQL compares FLOAT16 vectors itself, so that no vector leaves the database; elsewhere they are compared here. */
  async #scored(rows: SQL, query: Float32Array, limit: number, extra: SQL): Promise<(VectorHit & { extra: number })[]> {
    const { database } = this.#vault
    if (database.vectorDistance) {
      const distance = sql`1 - vector_distance_cos(e.vector, ${encodeVector(query)})`
      const found = await database.all(
        statement(
          sql`select e.seq, ${distance} as cosine, ${extra} from ${rows} order by cosine desc, e.seq limit ${limit}`,
        ),
      )
      return found.map((row) => ({ seq: Number(row[0]), cosine: Number(row[1]), extra: Number(row[2]) }))
    }
    // D1 hands BLOBs over as arrays of numbers; as hex they take a third of the time.
    const found = await database.all(
      statement(sql`select e.seq, hex(e.vector) as vector, ${extra} as extra from ${rows}`),
    )
    return best(
      found.map((row) => ({ seq: Number(row[0]), cosine: dot(query, vectorOf(row)), extra: Number(row[2]) })),
      limit,
    )
  }

  #seen({ space, query, scope }: Asked): SQL {
    return sql`cross join cubes c on c.namespace_id = ${space.namespaceId} and c.seq = e.seq cross join namespaces n on n.id = c.namespace_id
      where ${lengthSql(query)} and ${this.#visible(scope)}`
  }

  #visible(scope: SearchScope): SQL {
    return sql`${cubeReach(this.#principal, 'read', this.#nowMs)} and ${scopeSql(scope)}`
  }
}

type Space = Pick<VectorSpace, 'namespaceId' | 'model'>

interface Asked {
  space: Space
  query: Float32Array
  limit: number
  scope: SearchScope
}

const spaceSql = ({ namespaceId, model }: Space): SQL => sql`e.namespace_id = ${namespaceId} and e.model = ${model}`
const lengthSql = (query: Float32Array): SQL => sql`length(e.vector) = ${query.length * 2 + 1}`

const best = <T extends VectorHit>(hits: readonly T[], limit: number): T[] =>
  hits.toSorted((a, b) => b.cosine - a.cosine || a.seq - b.seq).slice(0, limit)

function vectorOf(row: Row): Float32Array {
  const text = String(row[1])
  const bytes = Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    Number.parseInt(text.slice(at * 2, at * 2 + 2), 16),
  )
  try {
    return decodeVector(bytes)
  } catch (cause) {
    throw new MemosError('data_corrupt', { detail: 'A stored vector is not readable.' }, { cause })
  }
}
