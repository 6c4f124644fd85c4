import { type SQL, sql } from 'drizzle-orm'
import type { Principal } from '../../ports/principal.ts'
import { inJson } from '../vault/sql.ts'

/**
 * Condition over `namespaces n` that holds exactly for the namespaces a principal may read or write. Every statement that touches memory
 * carries it, so the database decides and nothing is dropped afterwards. A key of the organisation reaches all of its namespaces; a bound
 * key its own, those granted to its subject and, to read, the global ones.
 */
export function namespaceAccess({ orgId, subject, namespaces }: Principal, access: 'read' | 'write'): SQL {
  const conditions = [sql`n.org_id = ${orgId}`]
  if (namespaces !== null) conditions.push(sql`n.name in ${inJson(namespaces)}`)
  if (subject !== null) {
    const granted = sql`exists (select 1 from grants g where g.namespace_id = n.id and g.subject_kind = ${subject.kind} and g.subject_id = ${subject.id}
      and g.access in ${inJson(access === 'read' ? ['read', 'write'] : ['write'])})`
    const own = sql`(n.owner_kind = ${subject.kind} and n.owner_id = ${subject.id})`
    conditions.push(
      access === 'read'
        ? sql`(${own} or n.layer = 'global' or (n.layer = 'shared' and ${granted}))`
        : sql`(${own} or (n.layer != 'private' and ${granted}))`,
    )
  }
  return sql.join(conditions, sql` and `)
}

/** Ids of the namespaces that a principal may use, as a list for `in`. */
export const reachableNamespaces = (principal: Principal, access: 'read' | 'write'): SQL =>
  sql`(select n.id from namespaces n where ${namespaceAccess(principal, access)})`

/** Condition over `cubes c`: secret cubes need their own scope; expired ones are gone even before they are purged. */
export function cubeAccess({ scopes }: Principal, nowMs: number): SQL {
  const alive = sql`c.state != 'expired' and (c.expires_at_ms is null or c.expires_at_ms > ${nowMs})`
  return scopes.has('memory:secret') ? alive : sql`${alive} and c.sensitivity != 'secret'`
}
