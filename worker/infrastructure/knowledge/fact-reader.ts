import { type SQL, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { FACTS_PER_GROUP_MAX } from '../../../schemas/limits.ts'
import { factLinks, facts } from '../../../schemas/tables/knowledge.ts'
import type { Row } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import type { FactLinkRow, FactRow } from '../../ports/rows.ts'
import type { FactGroup } from '../../ports/writes/facts.ts'
import { cubeReach } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, rowShape, statement, toJson } from '../vault/sql.ts'
import { knownAt, nextChange } from './fact-sql.ts'

/** A fact as one caller sees it: ended only by what that caller may read. */
export interface SeenFact {
  fact: FactRow
  namespace: string
  validToMs: number | null
  supersededBy: string | null
  /** Cube of the statement that ended it. */
  supersededByCube: string | null
}

export interface FactQuery {
  subject: string | null
  predicate: string | null
  /** Valid time: those that held then; null for all. */
  validAtMs: number | null
  /** System time: as it was known then; null: the present. */
  knownAtMs: number | null
}

/** A place in the list of facts, latest first. */
export interface FactPlace {
  validFromMs: number
  id: string
}

/** Facts that a principal may see: those whose cube it may read. */
export class FactReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  /** Facts of a namespace, the latest valid time first, after the place `after`. */
  page(namespaceId: number, query: FactQuery, limit: number, after: FactPlace | null): Promise<SeenFact[]> {
    const { subject, predicate, validAtMs, knownAtMs } = query
    const conditions = [
      sql`f.namespace_id = ${namespaceId}`,
      ...(subject === null ? [] : [sql`f.subject = ${subject}`]),
      ...(predicate === null ? [] : [sql`f.predicate = ${predicate}`]),
      ...(after === null ? [] : [sql`(f.valid_from_ms, f.id) < (${after.validFromMs}, ${after.id})`]),
      ...(validAtMs === null
        ? []
        : [
            sql`f.valid_from_ms <= ${validAtMs} and (f.stated_to_ms is null or f.stated_to_ms > ${validAtMs})`,
            sql`coalesce(next->>0 > ${validAtMs}, 1)`,
          ]),
    ]
    return this.#select(sql`facts f`, sql.join(conditions, sql` and `), { knownAtMs, limit })
  }

  /** @throws MemosError not_found for absent and forbidden facts alike */
  async get(id: string, access: 'read' | 'write' = 'read'): Promise<SeenFact> {
    const [found] = await this.#select(sql`facts f`, sql`f.id = ${id}`, { limit: 1, access, isRetractedToo: true })
    if (found === undefined) throw new MemosError('not_found')
    return found
  }

  /** Present facts of cubes, by namespace and sequence number. */
  ofCubes(places: readonly { namespaceId: number; seq: number }[]): Promise<SeenFact[]> {
    if (places.length === 0) return Promise.resolve([])
    const rows = toJson(places.map(({ namespaceId, seq }) => [namespaceId, seq]))
    const source = sql`json_each(${rows}) j cross join facts f on f.namespace_id = j.value->>0 and f.seq = j.value->>1`
    return this.#select(source, sql`1`, {})
  }

  /** Links of a fact to others that may be seen, undone ones too. */
  async links(fact: Pick<FactRow, 'namespaceId' | 'id'>): Promise<FactLinkRow[]> {
    const linked = (
      links: SQL,
      far: SQL,
    ) => sql`select ${LINK.columns} from ${links} cross join facts f on f.id = ${far}
      cross join cubes c on c.namespace_id = f.namespace_id and c.seq = f.seq cross join namespaces n on n.id = f.namespace_id
      where l.namespace_id = ${fact.namespaceId} and ${cubeReach(this.#principal, 'read', this.#nowMs)}`
    const [to, from] = await this.#vault.database.read([
      statement(sql`${linked(sql`fact_links l`, sql`l.to_id`)} and l.from_id = ${fact.id}`),
      statement(sql`${linked(sql`fact_links l indexed by fact_links_to`, sql`l.from_id`)} and l.to_id = ${fact.id}`),
    ])
    return [...(to ?? []), ...(from ?? [])].map(LINK.parse).sort((a, b) => a.createdAtMs - b.createdAtMs)
  }

  /** Facts that rules or a model found in cubes and that were not retracted; for planning, so without asking who may read them. */
  async extractedFrom(namespaceId: number, seqs: readonly number[]): Promise<FactRow[]> {
    if (seqs.length === 0) return []
    const rows = await this.#vault.database.all(
      statement(sql`select ${FACT.columns} from facts f where f.namespace_id = ${namespaceId} and f.seq in ${inJson(seqs)}
        and f.source != 'caller' and f.retracted_at_ms is null`),
    )
    return rows.map(FACT.parse)
  }

  /** Those of the cubes that are not secret: what may be shown to a model. */
  async openAmong(namespaceId: number, seqs: readonly number[]): Promise<ReadonlySet<number>> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select c.seq from cubes c where c.namespace_id = ${namespaceId} and c.seq in ${inJson(seqs)} and c.sensitivity != 'secret'`,
      ),
    )
    return new Set(rows.map(([seq]) => Number(seq)))
  }

  /** Present facts about subjects, from cubes that are not secret, the latest first. */
  async openAbout(namespaceId: number, subjects: readonly string[], limit: number): Promise<FactRow[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${FACT.columns} from facts f join cubes c on c.namespace_id = f.namespace_id and c.seq = f.seq
        where f.namespace_id = ${namespaceId} and f.subject in ${inJson(subjects)} and f.retracted_at_ms is null and f.valid_to_ms is null
          and c.sensitivity != 'secret' order by f.valid_from_ms desc, f.id desc limit ${limit}`),
    )
    return rows.map(FACT.parse)
  }

  /** Everything known of subjects and slots, with the links; for planning, so without asking who may read it. */
  async known(
    namespaceId: number,
    groups: readonly { subject: string; slot: string }[],
  ): Promise<{ facts: FactRow[]; links: FactLinkRow[]; groups: FactGroup[] }> {
    const wanted = toJson(groups.map(({ subject, slot }) => [subject, slot]))
    const inGroup = sql`json_each(${wanted}) j cross join facts f on f.namespace_id = ${namespaceId} and f.subject = j.value->>0 and f.slot = j.value->>1`
    const [counts, rows, links] = await this.#vault.database.read([
      statement(sql`select j.value->>0, j.value->>1, count(f.id), count(f.retracted_at_ms), count(f.superseded_by)
        from json_each(${wanted}) j left join facts f on f.namespace_id = ${namespaceId} and f.subject = j.value->>0 and f.slot = j.value->>1
        group by j.key`),
      statement(sql`select * from (select ${FACT.columns}, row_number() over (partition by f.subject, f.slot order by f.valid_from_ms desc, f.id desc) as place
        from ${inGroup}) where place <= ${FACTS_PER_GROUP_MAX}`),
      statement(
        sql`select distinct ${LINK.columns} from ${inGroup} cross join fact_links l indexed by fact_links_to
          on l.namespace_id = ${namespaceId} and l.to_id = f.id`,
      ),
    ])
    const found = (rows ?? []).map(FACT.parse)
    const ids = new Set(found.map(({ id }) => id))
    return {
      facts: found,
      // Links to facts that were left out are none of the plan's business.
      links: (links ?? []).map(LINK.parse).filter(({ fromId, toId }) => ids.has(fromId) && ids.has(toId)),
      groups: (counts ?? []).map(([subject, slot, all, retracted, superseded]) => ({
        subject: String(subject),
        slot: String(slot),
        facts: Number(all),
        retracted: Number(retracted),
        superseded: Number(superseded),
      })),
    }
  }

  async #select(source: SQL, condition: SQL, options: Selection): Promise<SeenFact[]> {
    const { knownAtMs = null, limit = -1, access = 'read', isRetractedToo = false } = options
    const reach = cubeReach(this.#principal, access, this.#nowMs)
    const seen = access === 'read' ? reach : cubeReach(this.#principal, 'read', this.#nowMs)
    const rows = await this.#vault.database.all(
      statement(sql`select ${FACT.columns}, n.name, ${nextChange({ atMs: knownAtMs, where: seen })} as next
        from ${source} join cubes c on c.namespace_id = f.namespace_id and c.seq = f.seq join namespaces n on n.id = f.namespace_id
        where ${condition} and ${isRetractedToo ? sql`1` : knownAt('f', knownAtMs)} and ${reach}
        order by f.valid_from_ms desc, f.id desc limit ${limit}`),
    )
    return rows.map(toSeen)
  }
}

interface Selection {
  knownAtMs?: number | null
  limit?: number
  access?: 'read' | 'write'
  isRetractedToo?: boolean
}

const FACT = rowShape(facts, 'f')
const LINK = rowShape(factLinks, 'l')

function toSeen(row: Row): SeenFact {
  const fact = FACT.parse(row)
  const [namespace, next] = row.slice(FACT.width)
  const [atMs, id, , cubeId] = next === null ? [] : (JSON.parse(String(next)) as [number, string, number, string])
  return {
    fact,
    namespace: String(namespace),
    validToMs: atMs ?? fact.statedToMs,
    supersededBy: id ?? null,
    supersededByCube: cubeId ?? null,
  }
}
