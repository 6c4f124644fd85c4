import { type SQL, sql } from 'drizzle-orm'
import type { SearchScope } from '../../ports/lexical.ts'
import type { Principal } from '../../ports/principal.ts'
import { cubeAccess, namespaceAccess } from '../governance/access-sql.ts'
import { scopeSql } from '../vault/filter-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { statement, toJson } from '../vault/sql.ts'

/** An entity and the newest cubes that mention it under any of its names. */
export interface EntityCubes {
  key: string
  /** Name that the caller may be told: the entity's own, or, where no cube that may be read uses that one, the first of those that are used. */
  shown: string
  cubes: [seq: number, count: number][]
}

/**
 * The graph of entities and cubes as one search may walk it: a cube that the caller may not read, or that the filter leaves out, is no way from
 * one entity to another.
 */
export class GraphReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  /** The entities that are meant by names, each with at most `cubesMax` cubes; names that no such cube mentions are absent. */
  async cubesOf(
    namespaceId: number,
    names: readonly string[],
    scope: SearchScope,
    cubesMax: number,
  ): Promise<EntityCubes[]> {
    // A name leads to what else it was merged with only for those who may read a cube that uses it.
    const isKnown = sql`exists (select 1 from mentions m ${JOINED} where m.namespace_id = ${namespaceId} and m.key = j.value and ${this.#visible(scope)})`
    // One list for each name of an entity, in the order of the key: of a name that stands everywhere only the newest mentions are read.
    const cubes = sql`(select json_group_array(json_array(seq, count)) from (select m.seq, m.count from mentions m ${JOINED}
      where m.namespace_id = ${namespaceId} and m.key = w.name and ${this.#visible(scope)} order by m.seq desc limit ${cubesMax}))`
    const rows = await this.#vault.database.all(
      statement(sql`with r (root) as (select distinct coalesce(a.key, j.value) from json_each(${toJson(names)}) j
          left join entity_aliases a on a.namespace_id = ${namespaceId} and a.alias = j.value where ${isKnown}),
        w (root, name) as (select root, root from r union select r.root, x.alias from r join entity_aliases x on x.namespace_id = ${namespaceId} and x.key = r.root)
        select w.root, w.name, ${cubes} from w order by w.root, w.name != w.root, w.name`),
    )
    const found = new Map<string, EntityCubes>()
    for (const [root, name, list] of rows) {
      const cubesOfName = JSON.parse(String(list)) as [number, number][]
      if (cubesOfName.length === 0) continue
      const key = String(root)
      const { shown, cubes: before } = found.get(key) ?? { shown: String(name), cubes: [] }
      found.set(key, { key, shown, cubes: [...before, ...cubesOfName] })
    }
    return [...found.values()].map((entity) => ({
      ...entity,
      cubes: entity.cubes.sort((x, y) => y[0] - x[0]).slice(0, cubesMax),
    }))
  }

  /** What cubes mention: sequence number, entity, how often. */
  async entitiesOf(
    namespaceId: number,
    seqs: readonly number[],
    scope: SearchScope,
    limit: number,
  ): Promise<[seq: number, key: string, count: number][]> {
    const rows = await this.#vault.database.all(
      statement(sql`select json_group_array(json_array(seq, root, count)) from (
        select m.seq, coalesce(a.key, m.key) as root, m.count from json_each(${JSON.stringify(seqs)}) j
        cross join mentions m indexed by mentions_seq on m.namespace_id = ${namespaceId} and m.seq = j.value ${JOINED}
        left join entity_aliases a on a.namespace_id = m.namespace_id and a.alias = m.key
        where ${this.#visible(scope)} order by j.key limit ${limit})`),
    )
    return JSON.parse(String(rows[0]?.[0] ?? '[]')) as [number, string, number][]
  }

  /** Facts from entity to entity, both among `names`' neighbours: subject and object. */
  async factsOf(
    namespaceId: number,
    names: readonly string[],
    scope: SearchScope,
    limit: number,
  ): Promise<[subject: string, object: string][]> {
    const list = toJson(names)
    const rows = await this.#vault.database.all(
      statement(sql`select json_group_array(json_array(subject, object)) from (
        select coalesce(s.key, f.subject) as subject, coalesce(o.key, f.object_key) as object from facts f
        join cubes c on c.namespace_id = f.namespace_id and c.seq = f.seq join namespaces n on n.id = f.namespace_id
        left join entity_aliases s on s.namespace_id = f.namespace_id and s.alias = f.subject
        left join entity_aliases o on o.namespace_id = f.namespace_id and o.alias = f.object_key
        where f.namespace_id = ${namespaceId} and f.object_key is not null and f.retracted_at_ms is null
          and f.subject in (select value from json_each(${list})) and ${this.#visible(scope)} limit ${limit})`),
    )
    return JSON.parse(String(rows[0]?.[0] ?? '[]')) as [string, string][]
  }

  #visible(scope: SearchScope): SQL {
    return sql`${namespaceAccess(this.#principal, 'read')} and ${cubeAccess(this.#principal, this.#nowMs)} and ${scopeSql(scope)}`
  }
}

// `cross join` fixes the order: led by the cubes, the planner would walk a whole namespace for a name that hardly occurs.
const JOINED = sql`cross join cubes c on c.namespace_id = m.namespace_id and c.seq = m.seq cross join namespaces n on n.id = m.namespace_id`
