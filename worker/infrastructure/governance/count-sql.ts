import { type SQL, sql } from 'drizzle-orm'
import { isAbove, SENSITIVITIES } from '../../../schemas/vocabulary.ts'
import type { Principal } from '../../ports/principal.ts'
import { cubeReach } from './access-sql.ts'

/**
 * How many cubes there are is kept in counters; what a caller is told is the counter without the cubes that it may not read. Those are counted
 * when it asks, from an index that holds sensitive cubes only, so that a count costs what is hidden and not what is there. What is not sensitive
 * is open to whoever reaches the namespace as a whole, and nobody else is told a count. An expired cube counts until it is purged.
 */

/** `cubes c` by their namespace, sensitive ones only. The index is named: the planner would walk the namespace. Goes with `isHidden`. */
export const SENSITIVE_CUBES = sql.raw('cubes c indexed by cubes_sensitive')

/**
 * Condition over `cubes c` joined with `namespaces n`, a namespace that the principal reaches as a whole: sensitive cubes that it may not read.
 * Null for a principal to which none is hidden.
 */
export function isHidden(principal: Principal): SQL | null {
  if (principal.subject !== null)
    return sql`c.sensitivity != 'none' and not (${cubeReach(principal, 'read', principal.atMs)})`
  const above = SENSITIVITIES.filter((sensitivity) => isAbove(sensitivity, principal.clearance))
  const [lowest] = above
  return lowest === undefined ? null : sql`c.sensitivity != 'none' and c.sensitivity >= ${lowest}`
}
