import { desc, sql } from 'drizzle-orm'
import { LIFECYCLE_STATES, nextState } from '../../../schemas/lifecycle.ts'
import { CONSOLIDATION_TERM_CUBES_MAX } from '../../../schemas/limits.ts'
import { transitions } from '../../../schemas/tables/lifecycle.ts'
import type { Principal } from '../../ports/principal.ts'
import type { CubeRow } from '../../ports/rows.ts'
import { cubeReach } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, statement, toJson } from '../vault/sql.ts'

export type TransitionRow = typeof transitions.$inferSelect

/** What of a namespace has come of age. Times in milliseconds since 1970; null where the policy asks for nothing of the kind. */
export interface AgeLimits {
  /** Not used, written or brought back since: to be archived. */
  unusedSinceMs: number | null
  /** Written last before, without a time of its own: to be erased. */
  writtenUntilMs: number | null
  revisionsKept: number
}

export interface AgedCube {
  seq: number
  cubeId: string
  isIdle: boolean
  isOver: boolean
  /** Whether it has revisions that are no longer kept. */
  hasSurplus: boolean
}

/** States from which a cube may go to rest. */
const RESTING = LIFECYCLE_STATES.filter((state) => nextState(state, 'idle') !== null)

/** A block's core stays at hand and its own: whoever has pinned it wants it in every context. */
const IS_CORE = sql.raw(
  'exists (select 1 from blocks b where b.namespace_id = c.namespace_id and b.core_cube_id = c.cube_id)',
)

/** Reads what MemLifecycle decides on, with the permissions of one principal. */
export class LifecycleReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  /** How a cube that was read before came to its state, newest first, below the id `before`. */
  transitions(
    { namespaceId, seq }: Pick<CubeRow, 'namespaceId' | 'seq'>,
    limit: number,
    before: number | null,
  ): Promise<TransitionRow[]> {
    const below = before === null ? sql`1` : sql`${transitions.id} < ${before}`
    return this.#vault.orm
      .select()
      .from(transitions)
      .where(sql`${transitions.namespaceId} = ${namespaceId} and ${transitions.seq} = ${seq} and ${below}`)
      .orderBy(desc(transitions.id))
      .limit(limit)
  }

  /** The aged among the next `count` cubes above `after`, and the last of those looked at; null when there was none. */
  async aged(
    namespaceId: number,
    after: number,
    count: number,
    { unusedSinceMs, writtenUntilMs, revisionsKept }: AgeLimits,
  ): Promise<{ lastSeq: number | null; aged: AgedCube[] }> {
    const next = sql`from cubes c where c.namespace_id = ${namespaceId} and c.seq > ${after} order by c.seq limit ${count}`
    const changedLately = sql`exists (select 1 from transitions t where t.namespace_id = ${namespaceId} and t.seq = c.seq and t.at_ms > ${unusedSinceMs})`
    const isIdle = sql`(max(c.updated_at_ms, coalesce(c.last_used_at_ms, 0)) <= ${unusedSinceMs} and c.state in ${inJson(RESTING)} and not ${changedLately} and not ${IS_CORE})`
    const isOver = sql`(c.expires_at_ms is null and c.updated_at_ms <= ${writtenUntilMs} and c.state != 'frozen')`
    const isNamed = sql`exists (select 1 from snapshots p cross join snapshot_cubes s on s.snapshot_id = p.id and s.cube_id = c.cube_id
      where p.namespace_id = ${namespaceId} and s.revision = r.number)`
    const surplus = sql`(c.revision > ${revisionsKept} and c.state != 'frozen' and exists (select 1 from revisions r where r.cube_id = c.cube_id
      and r.number <= c.revision - ${revisionsKept} and not ${isNamed}))`
    const [[last] = [], aged = []] = await this.#vault.database.read([
      statement(sql`select max(seq) from (select c.seq ${next})`),
      statement(sql`select * from (select c.seq, c.cube_id, coalesce(${isIdle}, 0) as idle, coalesce(${isOver}, 0) as over, ${surplus} as surplus ${next})
        where idle or over or surplus`),
    ])
    return {
      lastSeq: (last?.[0] as number | null | undefined) ?? null,
      aged: aged.map(([seq, cubeId, idle, over, more]) => ({
        seq: Number(seq),
        cubeId: String(cubeId),
        isIdle: idle === 1,
        isOver: over === 1,
        hasSurplus: more === 1,
      })),
    }
  }

  /** Numbers of the revisions of cubes that neither the newest `kept` are nor a snapshot names. */
  async surplusRevisions(
    namespaceId: number,
    cubeIds: readonly string[],
    kept: number,
    limit: number,
  ): Promise<{ cubeId: string; number: number }[]> {
    const isNamed = sql`exists (select 1 from snapshots p cross join snapshot_cubes s on s.snapshot_id = p.id and s.cube_id = c.cube_id
      where p.namespace_id = ${namespaceId} and s.revision = r.number)`
    const rows = await this.#vault.database.all(
      statement(sql`select r.cube_id, r.number from json_each(${toJson(cubeIds)}) j cross join cubes c on c.cube_id = j.value
        cross join revisions r on r.cube_id = c.cube_id and r.number <= c.revision - ${kept}
        where c.namespace_id = ${namespaceId} and not ${isNamed} limit ${limit}`),
    )
    return rows.map(([cubeId, number]) => ({ cubeId: String(cubeId), number: Number(number) }))
  }

  /** Numbers of the next cubes above `after` that are no block's core. */
  async next(namespaceId: number, after: number, count: number): Promise<number[]> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select c.seq from cubes c where c.namespace_id = ${namespaceId} and c.seq > ${after} and not ${IS_CORE} order by c.seq limit ${count}`,
      ),
    )
    return rows.map(([seq]) => Number(seq))
  }

  /** In how many cubes of the hot index each term is, counted up to one more than can still find any. */
  async frequencies(namespaceId: number, terms: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.#vault.database.all(
      statement(sql`select j.value, (select count(*) from (select 1 from postings p where p.namespace_id = ${namespaceId} and p.term = j.value
        limit ${CONSOLIDATION_TERM_CUBES_MAX + 1})) from json_each(${toJson(terms)}) j`),
    )
    return new Map(rows.map(([term, count]) => [String(term), Number(count)]))
  }

  /**
   * Older cubes outside of conversations that share some of the given terms with a cube, those that share the most first. The terms are chosen so that
   * whatever says the same has one of them (prefix filter, Chaudhuri et al. 2006).
   */
  async sharing(
    namespaceId: number,
    wanted: readonly { seq: number; terms: readonly string[] }[],
  ): Promise<Map<number, number[]>> {
    const rows = await this.#vault.database.all(
      statement(sql`select j.value->>0 as seq, p.seq as other, count(*) as shared
        from json_each(${toJson(wanted.map(({ seq, terms }) => [seq, terms]))}) j cross join json_each(j.value->1) t
        cross join postings p on p.namespace_id = ${namespaceId} and p.term = t.value and p.seq < j.value->>0
        cross join cubes c on c.namespace_id = ${namespaceId} and c.seq = p.seq
        cross join namespaces n on n.id = c.namespace_id
        where p.session_id is null and not ${IS_CORE} and ${cubeReach(this.#principal, 'write', this.#nowMs)}
        group by 1, 2 order by 1, 3 desc, 2`),
    )
    const found = Map.groupBy(rows, ([seq]) => Number(seq))
    return new Map([...found].map(([seq, list]) => [seq, list.map(([, other]) => Number(other))]))
  }
}
