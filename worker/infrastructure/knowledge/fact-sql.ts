import { type SQL, sql } from 'drizzle-orm'

export interface ChangeScope {
  /** System time: what was known then; null: the present. */
  atMs: number | null
  /** Condition over the later fact `k` and, where joined, its cube `c`. */
  where: SQL
}

/** Condition that a fact was known, and not yet retracted, at a system time. */
export const knownAt = (alias: 'f' | 'k', atMs: number | null): SQL => {
  const fact = sql.raw(alias)
  return atMs === null
    ? sql`${fact}.retracted_at_ms is null`
    : sql`${fact}.recorded_at_ms <= ${atMs} and (${fact}.retracted_at_ms is null or ${fact}.retracted_at_ms > ${atMs})`
}

/**
 * The statement that ended the fact `f`, as JSON `[valid_from_ms, id, recorded_at_ms, cube_id]`; null where none did. The same rule as
 * `pictureOf` (worker/operation/knowledge/fact-picture.ts), over the facts that `where` lets through: what a caller may not read ends nothing
 * for it, and what was not known then had ended nothing then.
 */
export function nextChange({ atMs, where }: ChangeScope): SQL {
  const undone = atMs === null ? sql`l.undone_at_ms is not null` : sql`l.undone_at_ms <= ${atMs}`
  // The index is named, and comes first: the order that is asked for draws the planner to walk all later facts of the namespace.
  return sql`(select json_array(k.valid_from_ms, k.id, k.recorded_at_ms, k.cube_id) from facts k indexed by facts_subject
    cross join cubes c on c.namespace_id = k.namespace_id and c.seq = k.seq
    where k.namespace_id = f.namespace_id and k.subject = f.subject and k.slot = f.slot and k.valid_from_ms > f.valid_from_ms
      and f.stated_to_ms is not f.valid_from_ms and (f.stated_to_ms is null or k.valid_from_ms < f.stated_to_ms)
      and case when k.stated_to_ms = k.valid_from_ms then k.stance in ('', f.stance) else k.stance != f.stance end
      and ${knownAt('k', atMs)} and ${where}
      and not exists (select 1 from fact_links l where l.namespace_id = k.namespace_id and l.from_id = k.id and l.to_id = f.id
        and l.relation = 'supersedes' and ${undone} and l.undone_by != 'system')
    order by k.valid_from_ms, k.id limit 1)`
}
