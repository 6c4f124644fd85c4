import { type SQL, sql } from 'drizzle-orm'
import { LIFECYCLE_STATES, nextState } from '../../../schemas/lifecycle.ts'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import { schedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { Statement } from '../../ports/database.ts'
import { jsonChunks, statement } from '../vault/sql.ts'

const DAY_MS = 86_400_000
const HALF_LIFE_DAYS_DEFAULT = schedulePolicy({}).halfLifeDays

/** One cube that was handed out by one request. */
export interface CubeUse {
  namespaceId: number
  seq: number
  atMs: number
  /** Key that asked. */
  caller: string
  /** Fingerprint of what it was found by; null where it was asked for by its id. */
  fingerprint: string | null
}

/** States that a first recall ends, as the state machine has them. */
const RECALLED = LIFECYCLE_STATES.flatMap((from) => {
  const to = nextState(from, 'recall')
  return to === null ? [] : [{ from, to }]
})
const stateAfter = (state: SQL): SQL =>
  sql`case ${state} ${sql.join(
    RECALLED.map(({ from, to }) => sql`when ${from} then ${to}`),
    sql` `,
  )} else ${state} end`
const isRecallable = (state: SQL): SQL =>
  sql`${state} in (${sql.join(
    RECALLED.map(({ from }) => sql`${from}`),
    sql`, `,
  )})`

/**
 * What many uses change, in a few statements of one batch: use counters, heat, fingerprint, the first recall's change of state, and the word
 * to the scheduler that there is something to look at. A cube that is gone by now is passed over.
 */
export function useStatements(uses: readonly CubeUse[]): Statement[] {
  const chunks = jsonChunks(folded(uses), SQL_VALUE_BYTES_MAX * 0.9)
  return chunks.flatMap((chunk) => [recordRecalls(chunk), countUses(chunk), markSchedules(chunk)])
}

type Folded = [
  namespaceId: number,
  seq: number,
  count: number,
  lastMs: number,
  fingerprint: string | null,
  caller: string,
  firstMs: number,
]

/** The uses of each cube as one row. Those of one flush count as of the last of them: it is a moment later at most. */
function folded(uses: readonly CubeUse[]): Folded[] {
  const rows = new Map<string, Folded>()
  for (const { namespaceId, seq, atMs, caller, fingerprint } of uses) {
    const key = `${namespaceId}:${seq}`
    const row = rows.get(key)
    if (row === undefined) rows.set(key, [namespaceId, seq, 1, atMs, fingerprint, caller, atMs])
    else {
      row[2] += 1
      row[3] = Math.max(row[3], atMs)
      row[4] = fingerprint ?? row[4]
    }
  }
  return [...rows.values()]
}

const recordRecalls = (chunk: string): Statement =>
  statement(sql`insert into transitions (namespace_id, seq, cube_id, from_state, to_state, event, caller, at_ms)
    select c.namespace_id, c.seq, c.cube_id, c.state, ${stateAfter(sql`c.state`)}, 'recall', j.value->>5, j.value->>6
    from json_each(${chunk}) j cross join cubes c on c.namespace_id = j.value->>0 and c.seq = j.value->>1 where ${isRecallable(sql`c.state`)}`)

/**
 * Heat as worker/operation/schedule/heat.ts has it: the difference of two moments decays what lies further back, whichever of them that is,
 * so flushes may arrive in any order. `exp` because libSQL has no `pow`. A fingerprint is renewed by one half with each use, in turn: it
 * follows what the cube is found by and does not jump.
 */
const countUses = (chunk: string): Statement =>
  statement(sql`with u as materialized (
      select j.value->>0 as namespace_id, j.value->>1 as seq, j.value->>2 as uses, j.value->>3 as at_ms, j.value->>4 as fingerprint,
        ${-Math.LN2 / DAY_MS} / coalesce(n.settings->>'$.schedule.halfLifeDays', ${HALF_LIFE_DAYS_DEFAULT}) as rate
      from json_each(${chunk}) j cross join namespaces n on n.id = j.value->>0)
    update cubes set
      access_count = access_count + u.uses,
      heat = heat * exp(u.rate * max(0, u.at_ms - coalesce(last_used_at_ms, u.at_ms))) + u.uses * exp(u.rate * max(0, coalesce(last_used_at_ms, u.at_ms) - u.at_ms)),
      last_used_at_ms = max(coalesce(last_used_at_ms, u.at_ms), u.at_ms),
      context_fingerprint = case when u.fingerprint is null then context_fingerprint when context_fingerprint is null then u.fingerprint
        when access_count % 2 = 0 then substr(u.fingerprint, 1, 8) || substr(context_fingerprint, 9)
        else substr(context_fingerprint, 1, 8) || substr(u.fingerprint, 9) end,
      state = ${stateAfter(sql`state`)}
    from u where cubes.namespace_id = u.namespace_id and cubes.seq = u.seq`)

/** Writes nothing where the scheduler is to look already. */
const markSchedules = (chunk: string): Statement =>
  statement(sql`insert into schedules (namespace_id, next_at_ms)
    select n.id, max(j.value->>3) from json_each(${chunk}) j cross join namespaces n on n.id = j.value->>0 group by n.id
    on conflict (namespace_id) do update set next_at_ms = excluded.next_at_ms where excluded.next_at_ms < schedules.next_at_ms`)
