import { type SQL, sql } from 'drizzle-orm'
import { KV_RENDITIONS_MAX } from '../../../schemas/limits-nodes.ts'
import { kvRenditions } from '../../../schemas/tables/renditions.ts'
import type { Database } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import type { KvRenditionRow } from '../../ports/rows.ts'
import { cubeAccess, namespaceAccess } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, rowShape, statement } from '../vault/sql.ts'

const RENDITION = rowShape(kvRenditions, 'k')

/** A cache with what decides whether it stays. */
export interface KeptRendition {
  row: KvRenditionRow
  /** As of `heatAtMs`, see worker/operation/schedule/heat.ts; a cube that is gone has none. */
  heat: number
  lastUsedAtMs: number | null
  /** When its cube was written last; 0 for a cube that is gone. */
  updatedAtMs: number
}

/** KV caches of memory that a principal may see. */
export class RenditionReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  /** Caches of the texts of cubes that were read before, for one model. */
  ofCubes(cubeIds: readonly string[], model: string): Promise<KvRenditionRow[]> {
    if (cubeIds.length === 0) return Promise.resolve([])
    return this.#rows(sql`k.cube_id in ${inJson(cubeIds)} and k.model = ${model} and k.session = ''`)
  }

  /** Caches of one cube that was read before, for every model. */
  ofCube(cubeId: string): Promise<KvRenditionRow[]> {
    return this.#rows(sql`k.cube_id = ${cubeId}`)
  }

  /** The cache of a conversation as it stands, whoever may read what is in it. */
  async ofSession(namespaceId: number, session: string, model: string): Promise<KvRenditionRow | null> {
    const [row] = await this.#rows(
      sql`k.namespace_id = ${namespaceId} and k.session = ${session} and k.session != '' and k.model = ${model}`,
    )
    return row ?? null
  }

  /**
   * The cache of a conversation with the ids of the memory in it; null where there is none, and where one of them may not be read by this
   * principal: the cache holds what it says.
   */
  async ofConversation(
    namespaceId: number,
    session: string,
    model: string,
  ): Promise<{ row: KvRenditionRow; sources: string[] } | null> {
    const row = await this.ofSession(namespaceId, session, model)
    if (row === null) return null
    const named = await this.#vault.database.all(
      statement(sql`select s.source_id, exists (select 1 from cubes c cross join namespaces n on n.id = c.namespace_id
        where c.cube_id = s.source_id and c.state not in ('archived', 'expired') and ${namespaceAccess(this.#principal, 'read')} and ${cubeAccess(this.#principal, this.#nowMs)})
        from kv_sources s where s.cube_id = ${row.cubeId} order by s.source_id`),
    )
    return named.every(([, isOpen]) => isOpen === 1) ? { row, sources: named.map(([id]) => String(id)) } : null
  }

  /** All caches of a namespace, the longest unused first, with the heat of their cubes; for the background, which may see everything. */
  async ofNamespace(namespaceId: number): Promise<KeptRendition[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${RENDITION.columns}, c.heat, c.last_used_at_ms, c.updated_at_ms from kv_renditions k left join cubes c on c.cube_id = k.cube_id
        where k.namespace_id = ${namespaceId} and k.used_at_ms >= 0 order by k.used_at_ms limit ${KV_RENDITIONS_MAX + 1}`),
    )
    return rows.map((row) => {
      const [heat, lastUsedAtMs, updatedAtMs] = row.slice(RENDITION.width)
      return {
        row: RENDITION.parse(row),
        heat: Number(heat ?? 0),
        lastUsedAtMs: lastUsedAtMs === null ? null : Number(lastUsedAtMs),
        updatedAtMs: Number(updatedAtMs ?? 0),
      }
    })
  }

  async #rows(where: SQL): Promise<KvRenditionRow[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${RENDITION.columns} from kv_renditions k where ${where}`),
    )
    return rows.map(RENDITION.parse)
  }
}

/** Namespaces that keep caches which were not used since `beforeMs`, those of organisations on the move aside. */
export async function namespacesWithIdleRenditions(
  database: Database,
  beforeMs: number,
  limit: number,
): Promise<{ orgId: string; namespaceId: number; name: string }[]> {
  const rows = await database.all(
    statement(sql`select distinct n.org_id, n.id, n.name from (select namespace_id from kv_renditions where used_at_ms < ${beforeMs} order by used_at_ms limit ${limit}) k
      cross join namespaces n on n.id = k.namespace_id where n.org_id not in (select org_id from fences)`),
  )
  return rows.map(([orgId, namespaceId, name]) => ({
    orgId: String(orgId),
    namespaceId: Number(namespaceId),
    name: String(name),
  }))
}
