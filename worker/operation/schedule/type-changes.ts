import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { SchedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { DecisionKind } from '../../../schemas/schedule.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { CubeRow } from '../../ports/rows.ts'
import { heatAt } from './heat.ts'

const DAY_MS = 86_400_000

/** Changes of memory type (MemOS paper, section 5.4.2), and the task that does each of them. */
export const TYPE_CHANGE_TASKS = {
  promote: 'promote_activation',
  distil: 'distil_parametric',
  demote: 'demote_activation',
  externalise: 'externalise_parametric',
} as const satisfies Partial<Record<DecisionKind, string>>
export type TypeChangeKind = keyof typeof TYPE_CHANGE_TASKS
export const TYPE_CHANGES = Object.keys(TYPE_CHANGE_TASKS) as TypeChangeKind[]

/** Capability that a node must have to run these tasks. */
export const TYPE_CHANGE_NODE = 'gpu-node'

/** What a cube's behaviour says, in the measures that thresholds are set for. */
export interface Behaviour {
  heat: number
  /** Unchanged for so long. */
  stableDays: number
  /** Not used for so long; since it was written where it never was. */
  idleDays: number
}

export type Scheduled = Pick<
  CubeRow,
  'cubeId' | 'state' | 'memoryType' | 'heat' | 'lastUsedAtMs' | 'updatedAtMs' | 'createdAtMs' | 'priority'
>

export const behaviourOf = (cube: Scheduled, policy: SchedulePolicy, nowMs: number): Behaviour => ({
  heat: heatAt(cube, nowMs, policy.halfLifeDays * DAY_MS),
  stableDays: Math.max(0, nowMs - cube.updatedAtMs) / DAY_MS,
  idleDays: Math.max(0, nowMs - (cube.lastUsedAtMs ?? cube.createdAtMs)) / DAY_MS,
})

/** One change of type: when it is due, and the thresholds that say so. */
interface Rule {
  from: readonly CubeRow['memoryType'][]
  isDue(behaviour: Behaviour, policy: SchedulePolicy): boolean
  /** Whether a planned change is beside the point again; apart from `isDue`, so that a value near a threshold does not plan and drop in turn. */
  isOver(behaviour: Behaviour, policy: SchedulePolicy): boolean
  reason(behaviour: Behaviour, policy: SchedulePolicy): string
}

const hotAndStable = (heat: number, stableDays: number, heatMin: number, daysMin: number): string =>
  `Heat ${heat.toFixed(2)} of ${heatMin} and unchanged for ${stableDays.toFixed(1)} of ${daysMin} days.`

export const RULES: Readonly<Record<TypeChangeKind, Rule>> = {
  promote: {
    from: ['plaintext'],
    isDue: ({ heat, stableDays }, p) => heat >= p.promoteHeat && stableDays >= p.promoteStableDays,
    isOver: ({ heat }, p) => heat < Math.min(p.demoteHeat, p.promoteHeat),
    reason: ({ heat, stableDays }, p) => hotAndStable(heat, stableDays, p.promoteHeat, p.promoteStableDays),
  },
  distil: {
    from: ['plaintext', 'activation'],
    isDue: ({ heat, stableDays }, p) => heat >= p.distilHeat && stableDays >= p.distilStableDays,
    isOver: ({ heat }, p) => heat < Math.min(p.demoteHeat, p.distilHeat),
    reason: ({ heat, stableDays }, p) => hotAndStable(heat, stableDays, p.distilHeat, p.distilStableDays),
  },
  demote: {
    from: ['activation'],
    isDue: ({ heat }, p) => heat < p.demoteHeat,
    isOver: ({ heat }, p) => heat >= Math.max(p.promoteHeat, p.demoteHeat),
    reason: ({ heat }, p) => `Heat ${heat.toFixed(2)} is below ${p.demoteHeat}.`,
  },
  externalise: {
    from: ['parametric'],
    isDue: ({ idleDays }, p) => idleDays >= p.externaliseIdleDays,
    isOver: ({ idleDays }, p) => idleDays < p.externaliseIdleDays,
    reason: ({ idleDays }, p) => `Not used for ${idleDays.toFixed(1)} of ${p.externaliseIdleDays} days.`,
  },
}

/** The changes that are due for a cube. A frozen cube keeps its type, and what is archived is out of the way already. */
export function dueChanges(cube: Scheduled, policy: SchedulePolicy, nowMs: number): TypeChangeKind[] {
  if (cube.state === 'frozen' || cube.state === 'archived' || cube.state === 'expired') return []
  const behaviour = behaviourOf(cube, policy, nowMs)
  return TYPE_CHANGES.filter(
    (kind) => RULES[kind].from.includes(cube.memoryType) && RULES[kind].isDue(behaviour, policy),
  )
}

/** Why a planned change is not to be done any more; null while it is. `cube` is null when it is gone. */
export function whyDropped(
  kind: TypeChangeKind,
  plannedAtUpdate: unknown,
  cube: Scheduled | null,
  policy: SchedulePolicy,
  nowMs: number,
): string | null {
  if (cube === null || cube.state === 'expired') return 'cube_erased'
  if (cube.state === 'frozen') return 'cube_frozen'
  if (cube.state === 'archived') return 'cube_archived'
  if (cube.updatedAtMs !== plannedAtUpdate || !RULES[kind].from.includes(cube.memoryType)) return 'cube_changed'
  return RULES[kind].isOver(behaviourOf(cube, policy, nowMs), policy) ? 'not_due_any_more' : null
}

/** The task of a change: the same for the same cube as it was written last, so that planning twice plans once. */
export function planId(
  kind: TypeChangeKind,
  { cubeId, updatedAtMs }: Pick<Scheduled, 'cubeId' | 'updatedAtMs'>,
): string {
  const digest = sha256(utf8ToBytes(`${TYPE_CHANGE_TASKS[kind]} ${cubeId}`))
  return ulid(updatedAtMs, (length) => digest.subarray(0, length))
}
