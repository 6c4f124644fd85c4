import { type SQL, sql } from 'drizzle-orm'
import type { NamespaceSettings } from '../../../schemas/namespace-settings.ts'
import type { Principal } from '../../ports/principal.ts'
import type { EntityName } from '../../ports/writes/knowledge.ts'
import { cubeAccess, namespaceAccess } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, statement } from '../vault/sql.ts'
import { nextChange } from './fact-sql.ts'

/** What a namespace still has to be read for. */
export interface PendingKnowledge {
  settings: NamespaceSettings
  fromSeq: number
  lastSeq: number
  /** Sequence numbers above `fromSeq`, in order. */
  fresh: number[]
  /** Cubes read before whose text has changed. */
  stale: number[]
}

/** An entity as one caller may see it: names and numbers come from the cubes that this caller may read. */
export interface EntityView extends EntityName {
  /** Cubes that mention it under any of its names. */
  cubes: number
  aliases: string[]
}

export interface EntityFact {
  id: string
  cubeId: string
  subject: string
  predicate: string
  object: string
  objectKey: string | null
  validFromMs: number
  validToMs: number | null
}

/** Names of people compared for one batch; more share their first name with nobody that a rule could tell. */
const PEOPLE_MAX = 2000
const RELATED_MAX = 20
/** Cubes that related entities are counted in, the newest. */
const RELATED_CUBES_MAX = 500
const FACTS_MAX = 100

/**
 * Entities that a principal may see. An entity is where its mentions are: each statement looks at the cubes behind them, so that neither a name
 * nor a number tells of a cube that the caller may not read.
 */
export class EntityReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  /** What the next batch is to read; null for a namespace that is gone. */
  async pending(namespaceId: number, limit: number): Promise<PendingKnowledge | null> {
    const [row] = await this.#vault.database.all(
      statement(sql`select n.settings, n.knowledge_seq, n.next_seq - 1,
        (select json_group_array(seq) from (select c.seq from cubes c where c.namespace_id = n.id and c.seq > n.knowledge_seq order by c.seq limit ${limit})),
        (select json_group_array(seq) from (select s.seq from stale_knowledge s where s.namespace_id = n.id order by s.seq limit ${limit}))
        from namespaces n where n.id = ${namespaceId} and ${namespaceAccess(this.#principal, 'write')}`),
    )
    if (row === undefined) return null
    const [settings, fromSeq, lastSeq, fresh, stale] = row
    return {
      settings: JSON.parse(String(settings)) as NamespaceSettings,
      fromSeq: Number(fromSeq),
      lastSeq: Number(lastSeq),
      fresh: JSON.parse(String(fresh)) as number[],
      stale: JSON.parse(String(stale)) as number[],
    }
  }

  /** Those of `keys` that cubes which are not secret mention, for work on the namespace's behalf. */
  async known(namespaceId: number, keys: readonly string[]): Promise<Set<string>> {
    if (keys.length === 0) return new Set()
    const rows = await this.#vault.database.all(
      statement(
        sql`select j.value from json_each(${JSON.stringify(keys)}) j where ${openMention(namespaceId, sql`j.value`)}`,
      ),
    )
    return new Set(rows.map(([key]) => String(key)))
  }

  /** People whose name is one of `firsts` or begins with it, in cubes that are not secret; for work on the namespace's behalf. */
  async people(namespaceId: number, firsts: readonly string[]): Promise<string[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select e.key from json_each(${JSON.stringify(firsts)}) j
        cross join entities e on e.namespace_id = ${namespaceId} and e.key >= j.value and e.key < j.value || '!'
        where (e.key = j.value or e.key > j.value || ' ') and e.kind = 'person' and ${openMention(namespaceId, sql`e.key`)} limit ${PEOPLE_MAX}`),
    )
    return rows.map(([key]) => String(key))
  }

  /** Entities in order of their key, above the key `after`. */
  async page(
    namespaceId: number,
    { prefix, kind, limit, after }: { prefix: string; kind: string | null; limit: number; after: string | null },
  ): Promise<EntityView[]> {
    const wanted = sql`e.key >= ${prefix} and e.key < ${`${prefix}\u{10ffff}`} and e.key > ${after ?? ''} and ${kind === null ? sql`1` : sql`e.kind = ${kind}`}`
    return this.#views(namespaceId, sql`${wanted} and ${this.#isShown(namespaceId)}`, limit)
  }

  /** The entity that a name means, its own or an alias; null when no cube that may be read mentions it. */
  async find(namespaceId: number, name: string): Promise<EntityView | null> {
    const root = sql`coalesce((select a.key from entity_aliases a where a.namespace_id = ${namespaceId} and a.alias = ${name}), ${name})`
    const member = sql`e.key in (select ${root} union select a.alias from entity_aliases a where a.namespace_id = ${namespaceId} and a.key = ${root})`
    const isNamed = sql`exists (${this.#mentionsOf(namespaceId, sql`${name}`)})`
    return (
      (await this.#views(namespaceId, sql`${member} and ${isNamed} and ${this.#isShown(namespaceId)}`, 1))[0] ?? null
    )
  }

  /** Where the chain of merges leads from a name. */
  async root(namespaceId: number, key: string): Promise<string> {
    const [row] = await this.#vault.database.all(
      statement(sql`select a.key from entity_aliases a where a.namespace_id = ${namespaceId} and a.alias = ${key}`),
    )
    return row === undefined ? key : String(row[0])
  }

  /** Cubes that mention one of the names, newest first, below `before`. */
  async mentions(
    namespaceId: number,
    names: readonly string[],
    limit: number,
    before: number | null,
  ): Promise<{ seq: number; cubeId: string; saidAtMs: number; count: number }[]> {
    const below = before === null ? sql`1` : sql`m.seq < ${before}`
    const rows = await this.#vault.database.all(
      statement(sql`select m.seq, c.cube_id, c.said_at_ms, sum(m.count) from ${mentionsOfNames(namespaceId, names)} ${this.#joined()}
        where ${below} and ${this.#readable()}
        group by m.seq order by m.seq desc limit ${limit}`),
    )
    return rows.map(([seq, cubeId, saidAtMs, count]) => ({
      seq: Number(seq),
      cubeId: String(cubeId),
      saidAtMs: Number(saidAtMs),
      count: Number(count),
    }))
  }

  /** Entities mentioned together with one of the names, the most often first: the untyped edges. */
  async related(
    namespaceId: number,
    names: readonly string[],
  ): Promise<{ key: string; name: string; together: number }[]> {
    const own = sql`select distinct m.seq from ${mentionsOfNames(namespaceId, names)} ${this.#joined()} where ${this.#readable()} order by m.seq desc limit ${RELATED_CUBES_MAX}`
    const rows = await this.#vault.database.all(
      statement(sql`select e.key, e.name, count(*) as together from (${own}) o
        cross join mentions m on m.namespace_id = ${namespaceId} and m.seq = o.seq
        cross join entities e on e.namespace_id = m.namespace_id and e.key = m.key
        where m.key not in ${inJson(names)} group by e.key order by together desc, e.key limit ${RELATED_MAX}`),
    )
    return rows.map(([key, name, together]) => ({ key: String(key), name: String(name), together: Number(together) }))
  }

  /**
   * Statements about one of the names, or that name it: the typed edges. Newest first. The end is worked out from what the caller may read: the
   * stored one also follows from memories that it may not.
   */
  async facts(namespaceId: number, names: readonly string[]): Promise<EntityFact[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select f.id, f.cube_id, f.subject, f.predicate, f.object, f.object_key, f.valid_from_ms,
          coalesce(${nextChange({ atMs: null, where: this.#readable() })}->>0, f.stated_to_ms)
        from (select i.id from facts i where i.namespace_id = ${namespaceId} and i.subject in ${inJson(names)}
          union select i.id from facts i where i.namespace_id = ${namespaceId} and i.object_key in ${inJson(names)}) found
        cross join facts f on f.id = found.id cross join cubes c on c.namespace_id = f.namespace_id and c.seq = f.seq
        cross join namespaces n on n.id = f.namespace_id
        where f.namespace_id = ${namespaceId}
          and f.retracted_at_ms is null and ${this.#readable()}
        order by f.valid_from_ms desc, f.id limit ${FACTS_MAX}`),
    )
    return rows.map(([id, cubeId, subject, predicate, object, objectKey, from, to]) => ({
      id: String(id),
      cubeId: String(cubeId),
      subject: String(subject),
      predicate: String(predicate),
      object: String(object),
      objectKey: objectKey === null ? null : String(objectKey),
      validFromMs: Number(from),
      validToMs: to === null ? null : Number(to),
    }))
  }

  /** What a cube that was read before mentions, the most frequent first. */
  async ofCube(namespaceId: number, seq: number): Promise<(EntityName & { count: number })[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select e.key, e.name, e.kind, m.count from mentions m indexed by mentions_seq cross join entities e on e.namespace_id = m.namespace_id and e.key = m.key
        ${this.#joined()} where m.namespace_id = ${namespaceId} and m.seq = ${seq} and ${this.#readable()} order by m.count desc, e.key`),
    )
    return rows.map(([key, name, kind, count]) => ({
      key: String(key),
      name: String(name),
      kind: kind as EntityName['kind'],
      count: Number(count),
    }))
  }

  async #views(namespaceId: number, condition: SQL, limit: number): Promise<EntityView[]> {
    const root = sql`coalesce(a.key, e.key)`
    const members = sql`select ${root} as name union select x.alias from entity_aliases x where x.namespace_id = e.namespace_id and x.key = ${root}`
    const rows = await this.#vault.database.all(
      statement(sql`select e.key, e.name, e.kind,
          (select count(distinct m.seq) from (${members}) g cross join mentions m on m.namespace_id = e.namespace_id and m.key = g.name ${this.#joined()} where ${this.#readable()}),
          (select json_group_array(g.name) from (${members}) g where g.name != e.key and exists (${this.#mentionsOf(namespaceId, sql`g.name`)}))
        from entities e left join entity_aliases a on a.namespace_id = e.namespace_id and a.alias = e.key
        where e.namespace_id = ${namespaceId} and ${condition} order by e.key limit ${limit}`),
    )
    return rows.map(([key, name, kind, cubes, aliases]) => ({
      key: String(key),
      name: String(name),
      kind: kind as EntityName['kind'],
      cubes: Number(cubes),
      aliases: (JSON.parse(String(aliases)) as string[]).sort(),
    }))
  }

  /**
   * Whether the row `e` is the one under which its entity is shown: the entity itself, or, where the caller may read no cube that uses its
   * name, the first of its aliases that the caller may know.
   */
  #isShown(namespaceId: number): SQL {
    const isReadable = (name: SQL) => sql`exists (${this.#mentionsOf(namespaceId, name)})`
    const firstAlias = sql`(select min(x.alias) from entity_aliases x where x.namespace_id = e.namespace_id and x.key = a.key and ${isReadable(sql`x.alias`)})`
    return sql`${isReadable(sql`e.key`)} and (a.alias is null or a.key = e.key or (not ${isReadable(sql`a.key`)} and e.key = ${firstAlias}))`
  }

  #mentionsOf(namespaceId: number, name: SQL): SQL {
    return sql`select 1 from mentions m ${this.#joined()} where m.namespace_id = ${namespaceId} and m.key = ${name} and ${this.#readable()}`
  }

  #joined(): SQL {
    // `cross join` fixes the order: led by the cubes, the planner would walk a whole namespace for a name that hardly occurs.
    return sql`cross join cubes c on c.namespace_id = m.namespace_id and c.seq = m.seq cross join namespaces n on n.id = m.namespace_id`
  }

  #readable(): SQL {
    return sql`${namespaceAccess(this.#principal, 'read')} and ${cubeAccess(this.#principal, this.#nowMs)}`
  }
}

const openMention = (namespaceId: number, key: SQL): SQL =>
  sql`exists (select 1 from mentions m cross join cubes c on c.namespace_id = m.namespace_id and c.seq = m.seq
    where m.namespace_id = ${namespaceId} and m.key = ${key} and c.sensitivity != 'secret')`

/** The mentions of names, led by the names: by cube, the planner would read every mention of the namespace. */
const mentionsOfNames = (namespaceId: number, names: readonly string[]): SQL =>
  sql`json_each(${JSON.stringify(names)}) j cross join mentions m on m.namespace_id = ${namespaceId} and m.key = j.value`
