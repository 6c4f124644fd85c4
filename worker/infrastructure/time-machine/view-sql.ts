import { type SQL, sql } from 'drizzle-orm'
import type { DiffView, View } from '../../ports/time-machine.ts'

/** What a point of time means for a row of `cubes c`. */
export interface ViewSql {
  /** Whether the cube was there. */
  inView: SQL
  /** Whether the revision of then is still the current one, so that its postings, vectors and columns are those of then. */
  isHead: SQL
  /** Number of the revision of then; null when it has been purged. */
  revision: SQL
  /** Address of that revision where it is known without reading it, else null. */
  cid: SQL
  /** Lifecycle state of then. */
  state: SQL
}

const NOW: ViewSql = {
  inView: sql`1`,
  isHead: sql`1`,
  revision: sql`c.revision`,
  cid: sql`c.cid`,
  state: sql`c.state`,
}

/** The conditions over `cubes c` that stand for a point. They look at one cube each, so the plan of the statement around them stays. */
export function viewSql(view: DiffView): ViewSql {
  if (view.kind === 'now') return NOW
  if (view.kind === 'time') return timeSql(view.atMs)
  if (view.kind === 'snapshot') return snapshotSql(view.snapshotId)
  return branchSql(view)
}

function timeSql(atMs: number): ViewSql {
  const transitions = sql`from transitions t where t.namespace_id = c.namespace_id and t.seq = c.seq`
  return {
    inView: sql`c.created_at_ms <= ${atMs}`,
    isHead: sql`c.updated_at_ms <= ${atMs}`,
    revision: sql`(select max(r.number) from revisions r where r.cube_id = c.cube_id and r.created_at_ms <= ${atMs})`,
    cid: sql`null`,
    // Before its first change of state a cube was what that change led away from. Most have changed neither text nor state since.
    state: sql`(case when c.updated_at_ms <= ${atMs} and not exists (select 1 ${transitions} and t.at_ms > ${atMs}) then c.state
      else coalesce((select t.to_state ${transitions} and t.at_ms <= ${atMs} order by t.id desc limit 1),
        (select t.from_state ${transitions} and t.at_ms > ${atMs} order by t.id limit 1), 'generated') end)`,
  }
}

function snapshotSql(snapshotId: string): ViewSql {
  const pinned = sql`from snapshot_cubes p where p.snapshot_id = ${snapshotId} and p.cube_id = c.cube_id`
  return {
    inView: sql`exists (select 1 ${pinned})`,
    isHead: sql`c.cid = (select p.cid ${pinned})`,
    revision: sql`(select p.revision ${pinned})`,
    cid: sql`(select p.cid ${pinned})`,
    state: sql`(select p.state ${pinned})`,
  }
}

/** Base and live cubes of a branch; what the branch itself wrote is laid over them. */
function branchSql({ branchId, snapshotId, cubeId }: Extract<View, { kind: 'branch' }>): ViewSql {
  const base = snapshotSql(snapshotId)
  const untouched = sql`not exists (select 1 from branch_cubes b where b.branch_id = ${branchId} and b.cube_id = c.cube_id)`
  const either = (pinned: SQL, live: SQL) =>
    cubeId === null ? pinned : sql`(case when c.cube_id = ${cubeId} then ${pinned} else ${live} end)`
  return {
    inView: sql`${untouched} and ${either(base.inView, NOW.inView)}`,
    isHead: either(base.isHead, NOW.isHead),
    revision: either(base.revision, NOW.revision),
    cid: either(base.cid, NOW.cid),
    state: either(base.state, NOW.state),
  }
}
