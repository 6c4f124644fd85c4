import { type SQL, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { VECTOR_CANDIDATES_MAX, VECTOR_TAIL_ROWS_MAX } from '../../../schemas/limits.ts'
import type { Row } from '../../ports/database.ts'
import type { SearchScope } from '../../ports/lexical.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Principal } from '../../ports/principal.ts'
import type { VectorCandidates, VectorIndex, VectorSpace } from '../../ports/vector-index.ts'
import type { VectorHit, VectorSearch, VectorSpaceState } from '../../ports/vectors.ts'
import { cubeAccess, namespaceAccess } from '../governance/access-sql.ts'
import { scopeSql } from './filter-sql.ts'
import { decodeVector, dot, encodeVector } from './half-float.ts'
import type { OrgVault } from './mem-vault.ts'
import { statement } from './sql.ts'

/**
 * Nearest neighbours: the index proposes, the rows decide. Candidates are scored again with the stored vectors in a statement that carries
 * permissions and filter, together with every row that the index has not absorbed yet, so an acknowledged vector is found at once and a
 * deleted one never.
 */
export class VectorReader implements VectorSearch {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number
  readonly #index: VectorIndex
  readonly #logger: Logger

  constructor(
    vault: OrgVault,
    principal: Principal,
    nowMs: number,
    { vectorIndex, logger }: { vectorIndex: VectorIndex; logger: Logger },
  ) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
    this.#index = vectorIndex
    this.#logger = logger
  }

  async spaces(namespaceId: number): Promise<VectorSpaceState[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select model, dimensions, state, built_seq from vector_spaces where namespace_id = ${namespaceId}`),
    )
    return rows.map(
      ([model, dimensions, state, builtSeq]) => ({ model, dimensions, state, builtSeq }) as VectorSpaceState,
    )
  }

  async nearest(
    namespaceId: number,
    model: string,
    query: Float32Array,
    limit: number,
    scope: SearchScope,
    signal: AbortSignal,
  ): Promise<VectorHit[]> {
    const space = { orgId: this.#principal.orgId, namespaceId, model, dimensions: query.length }
    const { hits, absorbedChange } = await this.#propose(space, query, Math.min(limit, VECTOR_CANDIDATES_MAX), signal)
    // A filter or hidden rows could take away all that the index proposes; then every row is compared, in the database.
    const rows = await this.#score(space, query, { seqs: hits.map((hit) => hit.seq), absorbedChange, scope, limit })
    const isShort = hits.length > 0 && rows.length < Math.min(limit, hits.length)
    return isShort ? await this.#score(space, query, { seqs: [], absorbedChange: -1, scope, limit }) : rows
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

  async #score(
    space: { namespaceId: number; model: string; dimensions: number },
    query: Float32Array,
    among: Among,
  ): Promise<VectorHit[]> {
    const here = sql`e.namespace_id = ${space.namespaceId} and e.model = ${space.model}`
    // `cross join` fixes the order: from the few candidates to their rows, never over the whole namespace.
    const visible = sql`cross join cubes c on c.namespace_id = ${space.namespaceId} and c.seq = e.seq cross join namespaces n on n.id = c.namespace_id
      where length(e.vector) = ${query.length * 2 + 1} and ${this.#visible(among.scope)}`
    const candidates = sql`json_each(${JSON.stringify(among.seqs)}) j cross join embeddings e on ${here} and e.seq = j.value ${visible}`
    const tail = sql`(select e.seq, e.vector from embeddings e where ${here} and e.change > ${among.absorbedChange} order by e.change limit ${VECTOR_TAIL_ROWS_MAX}) e ${visible}`
    const scored = this.#vault.database.vectorDistance ? this.#inDatabase : this.#inCode
    const found = [
      ...(among.seqs.length === 0 ? [] : await scored.call(this, candidates, query, among.limit)),
      ...(await scored.call(this, tail, query, among.limit)),
    ]
    const bySeq = new Map(found.map((hit) => [hit.seq, hit]))
    return [...bySeq.values()].sort((a, b) => b.cosine - a.cosine || a.seq - b.seq).slice(0, among.limit)
  }

  /** libSQL compares FLOAT16 vectors itself: no vector leaves the database. */
  async #inDatabase(rows: SQL, query: Float32Array, limit: number): Promise<VectorHit[]> {
    const found = await this.#vault.database.all(
      statement(
        sql`select e.seq, 1 - vector_distance_cos(e.vector, ${encodeVector(query)}) as cosine from ${rows} order by cosine desc, e.seq limit ${limit}`,
      ),
    )
    return found.map(([seq, cosine]) => ({ seq: seq as number, cosine: cosine as number }))
  }

  async #inCode(rows: SQL, query: Float32Array): Promise<VectorHit[]> {
    // D1 hands BLOBs over as arrays of numbers; as hex they take a third of the time.
    const found = await this.#vault.database.all(statement(sql`select e.seq, hex(e.vector) as vector from ${rows}`))
    return found.map((row) => ({ seq: row[0] as number, cosine: dot(query, vectorOf(row)) }))
  }

  #visible(scope: SearchScope): SQL {
    return sql`${namespaceAccess(this.#principal, 'read')} and ${cubeAccess(this.#principal, this.#nowMs)} and ${scopeSql(scope)}`
  }
}

interface Among {
  seqs: readonly number[]
  absorbedChange: number
  scope: SearchScope
  limit: number
}

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
