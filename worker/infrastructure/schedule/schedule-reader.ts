import { type SQL, sql } from 'drizzle-orm'
import type { DecisionKind } from '../../../schemas/schedule.ts'
import { cubes } from '../../../schemas/tables/cubes.ts'
import { decisions } from '../../../schemas/tables/schedule.ts'
import type { Principal } from '../../ports/principal.ts'
import type { CubeRow, DecisionRow } from '../../ports/rows.ts'
import { cubeAccess, namespaceAccess, namespaceClearance, reachableNamespaces } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { rowShape, statement } from '../vault/sql.ts'

export interface DecisionFilter {
  namespace: string | null
  kind: DecisionKind | null
  fromMs: number | null
  toMs: number | null
}

export type NamedDecision = DecisionRow & { namespace: string }

export interface HotRow {
  rank: number
  score: number
  cube: CubeRow
}

const CUBE = rowShape(cubes, 'c')
const DECISION = rowShape(decisions, 'd')

/** What the scheduler looks at and has decided. Each statement carries the permissions; what is archived is not scheduled. */
export class ScheduleReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  /** Cubes that were used, the last used first. */
  recent(namespaceId: number, limit: number): Promise<CubeRow[]> {
    return this.#first(
      sql`c.namespace_id = ${namespaceId} and c.last_used_at_ms is not null`,
      sql`c.last_used_at_ms desc, c.seq desc`,
      limit,
    )
  }

  /** Cubes in order of arrival, the newest first. */
  newest(namespaceId: number, limit: number): Promise<CubeRow[]> {
    return this.#first(sql`c.namespace_id = ${namespaceId}`, sql`c.seq desc`, limit)
  }

  /** Cubes of one of the types that are not text, the longest unused first. */
  ofType(namespaceId: number, type: 'activation' | 'parametric', limit: number): Promise<CubeRow[]> {
    const typed = sql`c.namespace_id = ${namespaceId} and c.memory_type != 'plaintext' and c.memory_type = ${type}`
    return this.#first(typed, sql`c.last_used_at_ms`, limit)
  }

  /** In no particular order. */
  bySeq(namespaceId: number, seqs: readonly number[]): Promise<CubeRow[]> {
    const on = sql`c.namespace_id = ${namespaceId} and c.seq = j.value and c.state != 'archived'`
    return this.#named(seqs, on)
  }

  /** In no particular order, archived ones too. The plus keeps SQLite from walking the namespace instead of the ids. */
  byId(namespaceId: number, cubeIds: readonly string[]): Promise<CubeRow[]> {
    return this.#named(cubeIds, sql`c.cube_id = j.value and +c.namespace_id = ${namespaceId}`)
  }

  /** The hot set, best first. */
  async hot(namespaceId: number): Promise<HotRow[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select h.rank, h.score, ${CUBE.columns} from hot_cubes h cross join cubes c on c.namespace_id = h.namespace_id and c.seq = h.seq
        cross join namespaces n on n.id = c.namespace_id where h.namespace_id = ${namespaceId} and ${this.#allowed} and c.state != 'archived' order by h.rank`),
    )
    return rows.map(([rank, score, ...cube]) => ({
      rank: Number(rank),
      score: Number(score),
      cube: CUBE.parse(cube),
    }))
  }

  /** Those of the given cubes that are at hand, as `NAMESPACE:SEQ`. They were read before, so that this asks for no permission. */
  async hotAmong(given: readonly Pick<CubeRow, 'namespaceId' | 'seq'>[]): Promise<ReadonlySet<string>> {
    const places = JSON.stringify(given.map(({ namespaceId, seq }) => [namespaceId, seq]))
    const rows = await this.#vault.database.all(
      statement(
        sql`select h.namespace_id, h.seq from json_each(${places}) j cross join hot_cubes h on h.namespace_id = j.value->>0 and h.seq = j.value->>1`,
      ),
    )
    return new Set(rows.map(([namespaceId, seq]) => `${namespaceId}:${seq}`))
  }

  /** Decisions on cubes that may be seen, newest first, below the id `before`. */
  async decisions(filter: DecisionFilter, limit: number, before: number | null): Promise<NamedDecision[]> {
    const { namespace, kind, fromMs, toMs } = filter
    const conditions: SQL[] = [
      // By the index of the namespace where one is named, else by that of the organisation.
      namespace === null
        ? sql`d.org_id = ${this.#principal.orgId} and d.namespace_id in ${reachableNamespaces(this.#principal, 'read')}`
        : sql`d.namespace_id = (select n.id from namespaces n where n.name = ${namespace} and ${namespaceAccess(this.#principal, 'read')})`,
      sql`(d.cube_id is null or exists (select 1 from cubes c where c.cube_id = d.cube_id and ${cubeAccess(this.#principal, this.#nowMs)}))`,
      ...(before === null ? [] : [sql`d.id < ${before}`]),
      ...(kind === null ? [] : [sql`d.kind = ${kind}`]),
      ...(fromMs === null ? [] : [sql`d.at_ms >= ${fromMs}`]),
      ...(toMs === null ? [] : [sql`d.at_ms <= ${toMs}`]),
    ]
    const rows = await this.#vault.database.all(
      statement(sql`select n.name, ${namespaceClearance(this.#principal, 'secret')}, ${DECISION.columns} from decisions d cross join namespaces n on n.id = d.namespace_id
        where ${sql.join(conditions, sql` and `)} order by d.id desc limit ${limit}`),
    )
    const found = rows.map(([name, readsAll, ...row]) => {
      const decision = { ...DECISION.parse(row), namespace: String(name) }
      return { decision, isTold: readsAll === 1 || decision.caller === this.#principal.keyId }
    })
    const shown = await this.#withoutHidden(found.map(({ decision }) => decision))
    return shown.map((decision, at) => (found[at]?.isTold === true ? decision : withoutCounts(decision)))
  }

  /** A hot set was chosen for everyone: what this caller may not see is not named to it. */
  async #withoutHidden(found: readonly NamedDecision[]): Promise<NamedDecision[]> {
    const named = new Set(found.flatMap(({ choice }) => idsOf(choice)))
    if (named.size === 0) return [...found]
    const rows = await this.#vault.database.all(
      statement(sql`select c.cube_id from json_each(${JSON.stringify([...named])}) j cross join cubes c on c.cube_id = j.value
        cross join namespaces n on n.id = c.namespace_id where ${this.#allowed}`),
    )
    const seen = new Set(rows.map(([cubeId]) => cubeId))
    return found.map((decision) => {
      const ids = idsOf(decision.choice)
      return ids.length === 0
        ? decision
        : { ...decision, choice: { ...decision.choice, cubeIds: ids.filter((id) => seen.has(id)) } }
    })
  }

  get #allowed(): SQL {
    return sql`${namespaceAccess(this.#principal, 'read')} and ${cubeAccess(this.#principal, this.#nowMs)}`
  }

  async #first(where: SQL, order: SQL, limit: number): Promise<CubeRow[]> {
    return this.#cubes(
      sql`cubes c cross join namespaces n on n.id = c.namespace_id
        where ${where} and c.state != 'archived' and ${this.#allowed} order by ${order} limit ${limit}`,
    )
  }

  /** From the list to the rows: left to itself, SQLite walks the whole namespace for a long list. */
  async #named(names: readonly (string | number)[], on: SQL): Promise<CubeRow[]> {
    if (names.length === 0) return []
    return this.#cubes(
      sql`json_each(${JSON.stringify(names)}) j cross join cubes c on ${on} cross join namespaces n on n.id = c.namespace_id where ${this.#allowed}`,
    )
  }

  async #cubes(from: SQL): Promise<CubeRow[]> {
    const rows = await this.#vault.database.all(statement(sql`select ${CUBE.columns} from ${from}`))
    return rows.map(CUBE.parse)
  }
}

const idsOf = ({ cubeIds }: Record<string, unknown>): string[] => (Array.isArray(cubeIds) ? cubeIds.map(String) : [])

/** A hot set chosen among cubes that this caller may not all read: how many were weighed and came or went is not told, and it counts what is shown. */
function withoutCounts(decision: NamedDecision): NamedDecision {
  if (decision.kind !== 'hot_set') return decision
  const inputs = without(decision.inputs, ['candidates', 'isCut'])
  const choice = { ...without(decision.choice, ['entered', 'left']), cubes: idsOf(decision.choice).length }
  return { ...decision, inputs, choice }
}

const without = (facts: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(facts).filter(([key]) => !keys.includes(key)))
