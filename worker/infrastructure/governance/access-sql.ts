import { type SQL, sql } from 'drizzle-orm'
import type { Subject } from '../../../schemas/administration.ts'
import { isAbove, type Sensitivity } from '../../../schemas/vocabulary.ts'
import { type Principal, SYSTEM_CALLER } from '../../ports/principal.ts'
import { inJson, toJson } from '../vault/sql.ts'

type Access = 'read' | 'write'
type Bound = Principal & { subject: Subject }

const isBound = (principal: Principal): principal is Bound => principal.subject !== null

/**
 * Condition over `namespaces n` that holds exactly for the namespaces a principal may read or write as a whole. Every statement that touches
 * memory carries it, so the database decides and nothing is dropped afterwards. A key of the organisation reaches all of its namespaces; a
 * bound key its own, those that a permission opens to it now and, to read, the global ones.
 */
export function namespaceAccess(principal: Principal, access: Access): SQL {
  const here = sql`${named(principal)}${notForeign(principal, access)}`
  if (!isBound(principal)) return here
  const granted = sql`n.id in (${held(principal, access, sql`g.namespace_id`, sql`g.cube_id is null`)})`
  const open =
    access === 'read'
      ? sql`(${owned(principal, 'n')} or n.layer = 'global' or (n.layer = 'shared' and ${granted}))`
      : sql`(${owned(principal, 'n')} or (n.layer != 'private' and ${granted}))`
  return sql`${here} and ${open}`
}

/** Condition over `namespaces n`: those of which a bound principal may read some cubes only. No others for a key of the organisation. */
export function namespacePart(principal: Principal): SQL {
  if (!isBound(principal)) return sql`0`
  // A permission that clears its reader for less than the cube needs does not even show where the cube lies.
  const shows = sql`exists (select 1 from cubes c where c.cube_id = g.cube_id and ${KNOWN_SENSITIVITY} <= g.clearance
    and ${KNOWN_SENSITIVITY} <= x.p->>6 and ${aliveAt(principal.atMs)})`
  return sql`${named(principal)} and n.id in (${held(principal, 'read', sql`g.namespace_id`, shows)})`
}

/**
 * Condition over `namespaces n`: those whose permissions a principal administers. A right that ends, or that holds in some context only, is
 * no right to give: a bound key administers what it owns and what it may write without condition, by name.
 */
export function namespaceAdministration(principal: Principal): SQL {
  if (!isBound(principal)) return named(principal)
  const { kind, id } = principal.subject
  const given = sql`exists (select 1 from permissions g where g.org_id = n.org_id and g.subject_kind = ${kind} and g.subject_id = ${id}
    and g.namespace_id = n.id and g.cube_id is null and g.access = 'write' and g.purposes is null and g.tasks is null
    and g.expires_at_ms is null and coalesce(g.not_before_ms, 0) <= ${principal.atMs})`
  return sql`${named(principal)} and (${owned(principal, 'n')} or (n.layer != 'private' and ${given}))`
}

/** Ids of the namespaces that a principal may use as a whole, as a list for `in`. */
export const reachableNamespaces = (principal: Principal, access: Access): SQL =>
  sql`(select n.id from namespaces n where ${namespaceAccess(principal, access)})`

/**
 * Condition over `cubes c` of a namespace that the principal reaches: none more sensitive than it is cleared for there; expired ones are gone
 * even before they are purged.
 */
export function cubeAccess(principal: Principal, nowMs: number): SQL {
  const alive = aliveAt(nowMs)
  if (!isBound(principal)) return cleared(principal, alive)
  const home = sql`exists (select 1 from namespaces o where o.id = c.namespace_id and c.sensitivity <= ${principal.clearance}
    and (${owned(principal, 'o')} or o.layer = 'global'))`
  return sql`${alive} and (c.sensitivity = 'none' or ${home} or (c.namespace_id, c.sensitivity) in (${opened(principal, 'read')}))`
}

/**
 * Condition over `cubes c` joined with `namespaces n`: the cubes that a principal may read or write, through their namespace or one by one.
 * `sensitivity` stands for the cube's own where something else than reading all of it is asked.
 */
export function cubeReach(
  principal: Principal,
  access: Access,
  nowMs: number,
  sensitivity: SQL = sql.raw('c.sensitivity'),
): SQL {
  const here = sql`${named(principal)}${notForeign(principal, access)}`
  if (!isBound(principal)) return sql`${here} and ${cleared(principal, aliveAt(nowMs), sensitivity)}`
  return sql`${here} and ${aliveAt(nowMs)} and (${sensitivityAccess(principal, access, sensitivity)}
    or (c.cube_id, ${sensitivity}) in (${opened(principal, access, 'cubes')}))`
}

/** Condition over `namespaces n`: those in which a bound principal may use cubes of this sensitivity. */
function sensitivityAccess(principal: Bound, access: Access, sensitivity: SQL): SQL {
  const own = sql`${owned(principal, 'n')}${sql.raw(access === 'read' ? " or n.layer = 'global'" : '')}`
  const shared = sql.raw(access === 'read' ? "n.layer = 'shared'" : "n.layer != 'private'")
  return sql`((${sensitivity} <= ${principal.clearance} and (${own})) or (${shared} and (n.id, ${sensitivity}) in (${opened(principal, access)})))`
}

/** Condition over `namespaces n`: those whose cubes of this sensitivity a principal may read or write. */
export const namespaceClearance = (principal: Principal, sensitivity: Sensitivity, access: Access = 'read'): SQL =>
  isBound(principal)
    ? sensitivityAccess(principal, access, sql`${sensitivity}`)
    : isAbove(sensitivity, principal.clearance)
      ? sql`0`
      : sql`1`

/** A cube's sensitivity as far as knowing of it goes: what is personal may be known of, and its content is withheld. */
export const KNOWN_SENSITIVITY = sql.raw("(case c.sensitivity when 'personal' then 'none' else c.sensitivity end)")

/** What is frozen does not expire: nothing may change it, and whoever froze it must find it to let it go. */
const aliveAt = (nowMs: number): SQL =>
  sql`c.state != 'expired' and (c.expires_at_ms is null or c.expires_at_ms > ${nowMs} or c.state = 'frozen')`

/** The three words stand in the order of the alphabet (none, personal, secret), so text compares them. */
function cleared({ clearance }: Principal, alive: SQL, sensitivity: SQL = sql.raw('c.sensitivity')): SQL {
  if (clearance === 'secret') return alive
  return clearance === 'personal'
    ? sql`${alive} and ${sensitivity} != 'secret'`
    : sql`${alive} and ${sensitivity} = 'none'`
}

/** What others have published is written by the subscription alone: it can be read, and never be edited (MIP 4.8). */
const notForeign = ({ keyId }: Principal, access: Access): SQL =>
  access === 'read' || keyId === SYSTEM_CALLER
    ? sql.raw('')
    : sql.raw(' and not exists (select 1 from mip_subscriptions f where f.namespace_id = n.id)')

/** Namespaces of the organisation that the key was not narrowed away from. */
const named = ({ orgId, namespaces }: Principal): SQL =>
  namespaces === null ? sql`n.org_id = ${orgId}` : sql`n.org_id = ${orgId} and n.name in ${inJson(namespaces)}`

/** `is`, because a condition that is unknown where nobody owns a namespace would not be the contrary of its negation. */
const owned = ({ subject }: Bound, alias: 'n' | 'o'): SQL =>
  sql`(${sql.raw(alias)}.owner_kind is ${subject.kind} and ${sql.raw(alias)}.owner_id is ${subject.id})`

/** Pairs of what permissions open (a namespace, or a cube) and each sensitivity up to which they do. */
function opened(principal: Bound, access: Access, what: 'namespaces' | 'cubes' = 'namespaces'): SQL {
  const object = sql.raw(what === 'cubes' ? 'g.cube_id, l.value' : 'g.namespace_id, l.value')
  const kind = sql.raw(
    `g.cube_id is ${what === 'cubes' ? 'not null' : 'null'} and l.value <= g.clearance and l.value <= x.p->>6`,
  )
  return held(principal, access, object, kind, sql.raw(` cross join json_each('["none","personal","secret"]') l`))
}

/**
 * What permissions `g` open to a bound principal at this moment, in the purpose and task that its request claims: by its own name, by a role
 * that it holds, by everybody's. Nothing in it depends on the row that is asked about, so a statement evaluates it once. All values are one
 * JSON parameter `x.p`, because D1 allows a hundred. The index is named: left to itself, the planner reads all members of all roles.
 */
function held(principal: Bound, access: Access, columns: SQL, condition: SQL, further: SQL = sql.raw('')): SQL {
  const { orgId, subject, atMs, purpose, task, clearance } = principal
  const values = toJson([orgId, subject.kind, subject.id, atMs, purpose, task, clearance])
  const writes = sql.raw(access === 'write' ? "and g.access = 'write'" : '')
  return sql`with x (p) as (select ${values}), who (kind, id) as (select p->>1, p->>2 from x union all select 'org', '' union all
    select 'role', m.role from x cross join role_members m indexed by role_members_subject where m.org_id = x.p->>0 and m.subject_kind = x.p->>1 and m.subject_id = x.p->>2
      and (m.expires_at_ms is null or m.expires_at_ms > x.p->>3))
    select ${columns} from x cross join who cross join permissions g${further}
    where g.org_id = x.p->>0 and g.subject_kind = who.kind and g.subject_id = who.id ${writes} and ${condition}
      and (g.not_before_ms is null or g.not_before_ms <= x.p->>3) and (g.expires_at_ms is null or g.expires_at_ms > x.p->>3)
      and (g.purposes is null or exists (select 1 from json_each(g.purposes) w where w.value = x.p->>4))
      and (g.tasks is null or exists (select 1 from json_each(g.tasks) w where w.value = x.p->>5))`
}
