import { KV_RENDITIONS_MAX } from '../../../schemas/limits-nodes.ts'
import type { SchedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { KeptRendition } from '../../infrastructure/renditions/rendition-reader.ts'
import type { KvRenditionRow } from '../../ports/rows.ts'
import { heatAt } from '../schedule/heat.ts'

const DAY_MS = 86_400_000

/** Number format of stored tensors for each form that a policy may name. */
const DTYPES = { fp16: 'fp16', int8: 'q8' } as const

/** Whether a cache is that of this text and in the form that the policy asks for; its model is part of its key. */
export const isValid = (
  { digest, rendition }: Pick<KvRenditionRow, 'digest' | 'rendition'>,
  wanted: string,
  { kvDtype }: Pick<SchedulePolicy, 'kvDtype'>,
): boolean => digest === wanted && rendition.dtype === DTYPES[kvDtype]

export type DemotedBecause = 'idle' | 'policy_changed' | 'over_budget'

/**
 * Caches that go: those whose form the policy does not ask for, those whose memory has cooled off (a conversation's after a half-life without a
 * turn), and, until the rest fits the budget of bytes and number, the coldest, or with the strategy `lru` the longest unused.
 */
export function chooseDemoted(
  kept: readonly KeptRendition[],
  policy: SchedulePolicy,
  nowMs: number,
): { one: KeptRendition; because: DemotedBecause }[] {
  const weighed = kept.map((one) => ({ one, because: whyGone(one, policy, nowMs), rank: rankOf(one, policy, nowMs) }))
  const gone = weighed.filter(({ because }) => because !== null)
  const left = weighed
    .filter(({ because }) => because === null)
    .toSorted((a, b) => a.rank - b.rank || byName(a.one, b.one))
  let bytes = left.reduce((sum, { one }) => sum + one.row.bytes, 0)
  let count = left.length
  const over = left.filter(({ one }) => {
    if (bytes <= policy.kvBytesMax && count <= KV_RENDITIONS_MAX) return false
    bytes -= one.row.bytes
    count -= 1
    return true
  })
  return [
    ...gone.map(({ one, because }) => ({ one, because: because ?? 'idle' })),
    ...over.map(({ one }) => ({ one, because: 'over_budget' as const })),
  ]
}

function whyGone(one: KeptRendition, policy: SchedulePolicy, nowMs: number): DemotedBecause | null {
  const { row } = one
  const halfLifeMs = policy.halfLifeDays * DAY_MS
  if (row.session !== '') return nowMs - row.usedAtMs > halfLifeMs ? 'idle' : null
  if (row.rendition.dtype !== DTYPES[policy.kvDtype]) return 'policy_changed'
  // What was just made was asked for, whatever its heat.
  const isYoung = nowMs - row.createdAtMs < DAY_MS
  return !isYoung && heatAt(one, nowMs, halfLifeMs) < policy.demoteHeat ? 'idle' : null
}

/** The lower, the sooner it goes. A conversation is as warm as one use when it was continued last. */
function rankOf(one: KeptRendition, { strategy, halfLifeDays }: SchedulePolicy, nowMs: number): number {
  const { usedAtMs, session } = one.row
  if (strategy === 'lru') return usedAtMs
  return heatAt(session === '' ? one : { heat: 1, lastUsedAtMs: usedAtMs }, nowMs, halfLifeDays * DAY_MS)
}

const byName = ({ row: a }: KeptRendition, { row: b }: KeptRendition): number =>
  a.usedAtMs - b.usedAtMs || (`${a.cubeId} ${a.model}` < `${b.cubeId} ${b.model}` ? -1 : 1)
