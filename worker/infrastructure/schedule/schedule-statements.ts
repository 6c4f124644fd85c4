import { type SQL, sql } from 'drizzle-orm'
import { DECISION_DAYS_MAX, SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import { decisions } from '../../../schemas/tables/schedule.ts'
import type { Statement } from '../../ports/database.ts'
import type { NewDecision, ScheduleWrite } from '../../ports/writes/schedule.ts'
import { builder, jsonChunks, statement, statementOf, toJson } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9
const DAY_MS = 86_400_000
/** Oldest decisions of a namespace that are looked at, to be forgotten, with each new one. */
const DECISIONS_PER_PURGE_MAX = 100

/** Statements of each decision, in the order in which they must run. */
export const scheduleStatements: StatementsFor<ScheduleWrite> = {
  replace_hot_set: (_, { namespaceId, hot }) => [
    statement(sql`delete from hot_cubes where namespace_id = ${namespaceId}`),
    ...jsonChunks(
      hot.map(({ seq, score }, rank) => [seq, rank + 1, score]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      statement(sql`insert into hot_cubes (namespace_id, seq, rank, score)
        select c.namespace_id, c.seq, j.value->>1, j.value->>2 from json_each(${chunk}) j cross join cubes c
        on c.namespace_id = ${namespaceId} and c.seq = j.value->>0 where c.state != 'archived'`),
    ),
  ],
  record_decision: (orgId, { decision }) => [
    statementOf(builder.insert(decisions).values({ ...decision, orgId })),
    purgeDecisions(decision),
  ],
  plan_task: (orgId, { task, decision }) => [
    // The decision first: whether it is made is told by the task that is there before.
    insertDecision(
      orgId,
      decision,
      sql`not exists (select 1 from tasks where id = ${task.id} and not (state = 'cancelled' and error is not null))`,
    ),
    statement(sql`insert into tasks (id, org_id, namespace_id, kind, state, input, progress, attempts, created_at_ms, updated_at_ms)
      values (${task.id}, ${orgId}, ${task.namespaceId}, ${task.kind}, 'queued', ${toJson(task.input)}, 0, 0, ${task.createdAtMs}, ${task.updatedAtMs})
      on conflict (id) do update set state = 'queued', error = null, input = excluded.input, updated_at_ms = excluded.updated_at_ms
      where tasks.state = 'cancelled' and tasks.error is not null`),
  ],
  drop_plan: (orgId, { decision }) => {
    const waits = sql`id = ${decision.taskId} and org_id = ${orgId} and state = 'queued'`
    return [
      insertDecision(orgId, decision, sql`exists (select 1 from tasks where ${waits})`),
      statement(sql`update tasks set state = 'cancelled', error = ${String(decision.choice.because ?? decision.reason)}, lease_until_ms = null,
        updated_at_ms = ${decision.atMs} where ${waits}`),
    ]
  },
  finish_schedule: (_, { namespaceId, claimedUntilMs, nextAtMs }) => [
    statement(
      sql`update schedules set next_at_ms = ${nextAtMs} where namespace_id = ${namespaceId} and next_at_ms = ${claimedUntilMs}`,
    ),
  ],
  change_usefulness: (_, { namespaceId, changes }) =>
    jsonChunks(
      changes.map(({ cubeId, keep, add }) => [cubeId, keep, add]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      // The plus keeps SQLite from walking the namespace instead of the ids.
      statement(sql`update cubes set usefulness = max(-1, min(1, usefulness * (j.value->>1) + (j.value->>2)))
        from json_each(${chunk}) j where cubes.cube_id = j.value->>0 and +cubes.namespace_id = ${namespaceId}`),
    ),
}

const insertDecision = (orgId: string, d: NewDecision, condition: SQL): Statement =>
  statement(sql`insert into decisions (org_id, namespace_id, at_ms, kind, strategy, inputs, choice, reason, caller, task_id, cube_id)
    select ${orgId}, ${d.namespaceId}, ${d.atMs}, ${d.kind}, ${d.strategy}, ${toJson(d.inputs)}, ${toJson(d.choice)}, ${d.reason}, ${d.caller}, ${d.taskId}, ${d.cubeId}
    where ${condition}`)

const purgeDecisions = ({ namespaceId, atMs }: NewDecision): Statement =>
  statement(sql`delete from decisions where id in (select id from (select id, at_ms from decisions where namespace_id = ${namespaceId}
    order by id limit ${DECISIONS_PER_PURGE_MAX}) where at_ms < ${atMs - DECISION_DAYS_MAX * DAY_MS})`)
