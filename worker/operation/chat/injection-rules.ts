import type { SchedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { CubeRow } from '../../ports/rows.ts'
import { behaviourOf } from '../schedule/type-changes.ts'

export type InjectedAs = 'text' | 'kv'

/** What is known of a memory that was found for a prompt. */
export interface Injectable {
  cube: CubeRow
  /** Whether a KV cache of exactly this text on exactly this model is kept. */
  isCached: boolean
  /** Whether it was in the conversation's cache a turn before. */
  isInConversation: boolean
}

interface InjectionRule {
  /** Word for the answer. */
  name: string
  applies(memory: Injectable, policy: SchedulePolicy, nowMs: number): boolean
  as: InjectedAs
}

/**
 * In which form a memory is injected; the first rule that applies decides (MemOS paper, section 5.4.2: coherence-heavy, multi-turn: KV recall
 * first; on-demand fact: plaintext). A cache that a rule asks for and nobody has made yet is made by the scheduler's promotion, not by the prompt.
 */
export const INJECTION_RULES: readonly InjectionRule[] = [
  { name: 'part_of_conversation', applies: ({ isInConversation }) => isInConversation, as: 'kv' },
  {
    name: 'frequent_and_stable',
    applies: ({ cube, isCached }, policy, nowMs) => {
      const { heat, stableDays } = behaviourOf(cube, policy, nowMs)
      return isCached && heat >= policy.demoteHeat && stableDays >= policy.promoteStableDays
    },
    as: 'kv',
  },
  { name: 'cached', applies: ({ isCached }) => isCached, as: 'kv' },
  { name: 'on_demand_fact', applies: () => true, as: 'text' },
]

/** The form of a memory and the rule that chose it. */
export function injectionOf(
  memory: Injectable,
  policy: SchedulePolicy,
  nowMs: number,
): { as: InjectedAs; because: string } {
  for (const { name, applies, as } of INJECTION_RULES) if (applies(memory, policy, nowMs)) return { as, because: name }
  throw new TypeError('the last rule applies to everything')
}
