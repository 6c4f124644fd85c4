import { DECISION_CUBES_MAX, SCHEDULE_CANDIDATES_MAX } from '../../../schemas/limits.ts'
import { type SchedulePolicy, schedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { RunSchedule } from '../../../schemas/schedule.ts'
import type { HotRow } from '../../infrastructure/schedule/schedule-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { CubeRow, NamespaceRow } from '../../ports/rows.ts'
import type { NewDecision, ScheduleWrite } from '../../ports/writes/schedule.ts'
import { type Similarities, similarToLastUse, similarToQuery } from './similar-cubes.ts'
import { type Choice, chooseHot, STRATEGIES } from './strategies/choose.ts'
import type { Candidate, Need } from './strategies/strategy.ts'

export const DAY_MS = 86_400_000
/** Cubes that are weighed for each place in the hot set, and how many at least. */
const CANDIDATES_PER_PLACE = 4
const CANDIDATES_MIN = 256

export interface HotSetInput {
  session: VaultSession
  namespace: NamespaceRow
  request: RunSchedule
  context: RequestContext
}

type Weighed = CubeRow & Candidate

/** What was looked at for a hot set. */
export interface Weighing {
  policy: SchedulePolicy
  /** Cubes that were used last, the last one first. */
  recent: CubeRow[]
  choices: Choice<Weighed>[]
  /** How many cubes were weighed. */
  candidates: number
  /** Whether more cubes have been used than were weighed. */
  isCut: boolean
  similarities: Similarities | null
  labels: readonly string[]
}

/** Weighs the cubes of a namespace by a strategy: so many of them that the reads are bounded, whatever its size. */
export async function weigh(
  { session, namespace, request, context }: HotSetInput,
  components: { embedders: readonly Embedder[]; logger: Logger },
): Promise<Weighing> {
  const given = schedulePolicy(namespace.settings)
  const policy = {
    ...given,
    strategy: request.strategy ?? given.strategy,
    hotMax: request.hotMax ?? given.hotMax,
  }
  const limit = Math.min(SCHEDULE_CANDIDATES_MAX, Math.max(CANDIDATES_MIN, CANDIDATES_PER_PLACE * policy.hotMax))
  const recent = await session.schedule.recent(namespace.id, limit)
  const isSemantic = policy.strategy === 'semantic'
  const similarities = !isSemantic
    ? null
    : request.query === undefined
      ? similarToLastUse(recent)
      : await similarToQuery({ session, namespace, query: request.query, limit, signal: context.signal }, components)
  const further =
    policy.strategy === 'label'
      ? await session.schedule.newest(namespace.id, limit)
      : similarities?.measure === 'context' || similarities === null
        ? []
        : await session.schedule.bySeq(namespace.id, [...similarities.bySeq.keys()])
  const bySeq = new Map([...further, ...recent].map((cube) => [cube.seq, cube]))
  const candidates = [...bySeq.values()].map((cube) => ({
    ...cube,
    similarity: similarities?.bySeq.get(cube.seq) ?? null,
  }))
  const labels = request.labels ?? recent[0]?.tags ?? []
  const need: Need = { nowMs: context.nowMs, halfLifeMs: policy.halfLifeDays * DAY_MS, labels: new Set(labels) }
  const choices = chooseHot(STRATEGIES[policy.strategy], candidates, need, policy.hotMax)
  return {
    policy,
    recent,
    choices,
    candidates: candidates.length,
    isCut: recent.length === limit,
    similarities,
    labels,
  }
}

/** Puts the chosen cubes in place of those at hand, and says why. */
export function hotSetWrites(
  { namespace, request, context }: HotSetInput,
  weighing: Weighing,
  before: readonly HotRow[],
): ScheduleWrite[] {
  const { choices } = weighing
  return [
    {
      kind: 'replace_hot_set',
      namespaceId: namespace.id,
      hot: choices.map(({ candidate, score }) => ({ seq: candidate.seq, score })),
    },
    { kind: 'record_decision', decision: decisionOf(namespace, request, context, weighing, before) },
  ]
}

/** Whether the same cubes would stand in the same order. */
export const isSameSet = ({ choices }: Weighing, before: readonly HotRow[]): boolean =>
  choices.length === before.length && choices.every(({ candidate }, at) => candidate.seq === before[at]?.cube.seq)

function decisionOf(
  namespace: NamespaceRow,
  request: RunSchedule,
  context: RequestContext,
  weighing: Weighing,
  before: readonly HotRow[],
): NewDecision {
  const { policy, choices, candidates, isCut, similarities, labels } = weighing
  const isLabel = policy.strategy === 'label'
  const known = new Set(before.map(({ cube }) => cube.seq))
  const entered = choices.filter(({ candidate }) => !known.has(candidate.seq)).length
  return {
    namespaceId: namespace.id,
    atMs: context.nowMs,
    kind: 'hot_set',
    strategy: policy.strategy,
    inputs: {
      candidates,
      isCut,
      hotMax: policy.hotMax,
      halfLifeDays: policy.halfLifeDays,
      ...(similarities === null ? {} : { similarity: similarities.measure, model: similarities.model }),
      ...(isLabel ? { labels: labels.length, labelsFrom: request.labels === undefined ? 'last_use' : 'request' } : {}),
    },
    choice: {
      cubes: choices.length,
      entered,
      left: before.length - (choices.length - entered),
      cubeIds: choices.slice(0, DECISION_CUBES_MAX).map(({ candidate }) => candidate.cubeId),
    },
    reason: reasonOf(weighing),
    caller: context.principal.keyId,
    taskId: null,
    cubeId: null,
  }
}

/** Without a number: how many there were stands in the inputs and the choice, which are not told to everyone. */
function reasonOf({ policy, similarities }: Weighing): string {
  const measure = {
    lru: 'the latest use',
    heat: `the highest heat (half-life ${policy.halfLifeDays} days, weighted by priority)`,
    semantic: {
      vector: 'the vectors nearest to the query',
      lexical: 'the words nearest to the query, as no embedding model answers for this namespace',
      context: 'the context nearest to that of the last use, as no query was given',
    }[similarities?.measure ?? 'context'],
    label: 'the most labels in common',
  }[policy.strategy]
  return `Those with ${measure}.`
}
