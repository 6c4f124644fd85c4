import { SCHEDULE_PLANS_MAX } from '../../../schemas/limits.ts'
import type { SchedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { CubeRow, NamespaceRow, TaskRow } from '../../ports/rows.ts'
import type { NewDecision, ScheduleWrite } from '../../ports/writes/schedule.ts'
import {
  behaviourOf,
  dueChanges,
  planId,
  RULES,
  type Scheduled,
  TYPE_CHANGE_NODE,
  TYPE_CHANGE_TASKS,
  TYPE_CHANGES,
  type TypeChangeKind,
  whyDropped,
} from './type-changes.ts'

/** Cubes of each type other than text that one look weighs, the longest unused first. */
const TYPED_PER_LOOK_MAX = 64

export interface PlanInput {
  session: VaultSession
  namespace: NamespaceRow
  policy: SchedulePolicy
  /** Cubes that were used last. */
  recent: readonly CubeRow[]
  context: RequestContext
}

export interface Plans {
  writes: ScheduleWrite[]
  /** Cubes that a change was planned or dropped for. */
  cubeIds: string[]
  /** Plans that wait once the writes are through. */
  open: number
}

/** Drops the planned changes of type that are beside the point by now, and plans those that are due. */
export async function planTypes(input: PlanInput): Promise<Plans> {
  const { session, namespace, policy, context } = input
  const waiting = await session.tasks.waiting(namespace.id, Object.values(TYPE_CHANGE_TASKS), SCHEDULE_PLANS_MAX)
  const planned = await session.schedule.byId(
    namespace.id,
    waiting.map(({ input: { cubeId } }) => String(cubeId)),
  )
  const byId = new Map(planned.map((cube) => [cube.cubeId, cube]))
  const dropped = waiting.flatMap((task) => drop(task, byId.get(String(task.input.cubeId)) ?? null, input))
  const droppedIds = new Set(dropped.map(({ decision }) => decision.taskId))
  const openIds = new Set(waiting.map(({ id }) => id).filter((id) => !droppedIds.has(id)))
  const due = (await typedOrUsed(input)).flatMap((cube) =>
    dueChanges(cube, policy, context.nowMs).map((kind) => ({ cube, kind, id: planId(kind, cube) })),
  )
  const ended = await session.tasks.endedAmong(due.map(({ id }) => id))
  const fresh = due
    .filter(({ id }) => !openIds.has(id) && !ended.has(id))
    .slice(0, Math.max(0, SCHEDULE_PLANS_MAX - openIds.size))
  return {
    writes: [...dropped, ...fresh.map(({ cube, kind, id }) => plan(id, kind, cube, input))],
    cubeIds: [...dropped.map(({ decision }) => decision.cubeId ?? ''), ...fresh.map(({ cube }) => cube.cubeId)],
    open: openIds.size + fresh.length,
  }
}

/** Text is promoted and distilled when it is hot, so those used last are enough; the other types are looked at for being idle as well. */
async function typedOrUsed({ session, namespace, recent }: PlanInput): Promise<CubeRow[]> {
  const activation = await session.schedule.ofType(namespace.id, 'activation', TYPED_PER_LOOK_MAX)
  const parametric = await session.schedule.ofType(namespace.id, 'parametric', TYPED_PER_LOOK_MAX)
  const bySeq = new Map([...recent, ...activation, ...parametric].map((cube) => [cube.seq, cube]))
  return [...bySeq.values()]
}

function drop(
  task: TaskRow,
  cube: CubeRow | null,
  { namespace, policy, context }: PlanInput,
): Extract<ScheduleWrite, { kind: 'drop_plan' }>[] {
  const kind = TYPE_CHANGES.find((one) => TYPE_CHANGE_TASKS[one] === task.kind)
  if (kind === undefined) return []
  const because = whyDropped(kind, task.input.updatedAtMs, cube, policy, context.nowMs)
  if (because === null) return []
  const cubeId = String(task.input.cubeId)
  const inputs = cube === null ? {} : inputsOf(cube, policy, context.nowMs)
  const reason = `The planned change is dropped: ${because}.`
  return [
    {
      kind: 'drop_plan',
      decision: {
        ...decisionOf(kind, cubeId, inputs, namespace, context),
        choice: { action: 'drop', because },
        reason,
        taskId: task.id,
      },
    },
  ]
}

function plan(
  id: string,
  kind: TypeChangeKind,
  cube: CubeRow,
  { namespace, policy, context }: PlanInput,
): ScheduleWrite {
  const { nowMs, principal } = context
  const reason = RULES[kind].reason(behaviourOf(cube, policy, nowMs), policy)
  const task: TaskRow = {
    id,
    orgId: principal.orgId,
    namespaceId: namespace.id,
    kind: TYPE_CHANGE_TASKS[kind],
    state: 'queued',
    input: { cubeId: cube.cubeId, updatedAtMs: cube.updatedAtMs, reason, waitingFor: TYPE_CHANGE_NODE },
    progress: 0,
    total: null,
    attempts: 0,
    error: null,
    leaseUntilMs: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  }
  const inputs = inputsOf(cube, policy, nowMs)
  return {
    kind: 'plan_task',
    task,
    decision: {
      ...decisionOf(kind, cube.cubeId, inputs, namespace, context),
      choice: { action: 'plan', task: task.kind, waitingFor: TYPE_CHANGE_NODE },
      reason,
      taskId: id,
    },
  }
}

const decisionOf = (
  kind: TypeChangeKind,
  cubeId: string,
  inputs: Record<string, unknown>,
  namespace: NamespaceRow,
  { nowMs, principal }: RequestContext,
): Omit<NewDecision, 'choice' | 'reason' | 'taskId'> => ({
  namespaceId: namespace.id,
  atMs: nowMs,
  kind,
  strategy: 'thresholds',
  inputs,
  caller: principal.keyId,
  cubeId,
})

/** Measures and thresholds, so that a decision can be checked without the policy of its day. */
function inputsOf(cube: Scheduled, policy: SchedulePolicy, nowMs: number): Record<string, unknown> {
  const { promoteHeat, promoteStableDays, distilHeat, distilStableDays, demoteHeat, externaliseIdleDays } = policy
  return {
    memoryType: cube.memoryType,
    ...behaviourOf(cube, policy, nowMs),
    stableSince: new Date(cube.updatedAtMs).toISOString(),
    halfLifeDays: policy.halfLifeDays,
    thresholds: { promoteHeat, promoteStableDays, distilHeat, distilStableDays, demoteHeat, externaliseIdleDays },
  }
}
