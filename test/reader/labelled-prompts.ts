import type { MemoryCall } from '../../schemas/memory-call.ts'
import type { EarlierTurn } from '../../worker/interface/mem-reader/follow-up.ts'
import english from './prompts-en.json' with { type: 'json' }
import chinese from './prompts-zh.json' with { type: 'json' }

/** The moment at which every prompt is read: a Wednesday. */
export const READ_AT_MS = Date.UTC(2026, 2, 18, 10)

export const FIELDS = ['intent', 'window', 'entities', 'memoryType', 'target', 'needsMemory'] as const
export type Field = (typeof FIELDS)[number]

export interface LabelledPrompt {
  prompt: string
  /** What was said before, the user first, then in turns. */
  turns?: string[]
  intent: string
  /** Dates; the end is exclusive. */
  window: (string | null)[]
  entities: string[]
  memoryType: string | null
  target: string
  needsMemory: boolean
}

const LANGUAGES: Record<Language, LabelledPrompt[]> = { english, chinese }
export type Language = 'english' | 'chinese'
export type Half = 'dev' | 'heldOut'

/** Every other prompt is held out: rules are tuned on the others only. */
export const promptsOf = (language: Language, half: Half): LabelledPrompt[] =>
  LANGUAGES[language].filter((_, at) => (at % 2 === 0) === (half === 'dev'))

export const turnsOf = ({ turns = [] }: LabelledPrompt): EarlierTurn[] =>
  turns.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content }))

const dateOf = (moment: string | null): string | null => moment?.slice(0, 10) ?? null
const sorted = (names: readonly string[]): string => JSON.stringify(names.map((name) => name.toLowerCase()).toSorted())

/** Whether a field of a reading is what the label says. Entities must be all of them and no other. */
export function isRight(field: Field, label: LabelledPrompt, call: MemoryCall): boolean {
  if (field === 'window')
    return label.window[0] === dateOf(call.window.from) && label.window[1] === dateOf(call.window.to)
  if (field === 'entities') return sorted(label.entities) === sorted(call.entities)
  return label[field] === call[field]
}

/** Share of prompts of which a field was read right, by field. */
export function accuracyOf(readings: readonly { label: LabelledPrompt; call: MemoryCall }[]): Record<Field, number> {
  const shares = FIELDS.map((field) => [
    field,
    readings.filter(({ label, call }) => isRight(field, label, call)).length / readings.length,
  ])
  return Object.fromEntries(shares) as Record<Field, number>
}
