import { z } from 'zod'
import { isoOf } from '../../../schemas/common.ts'
import { QUERY_LENGTH_MAX } from '../../../schemas/limits.ts'
import { Intent, OutputTarget } from '../../../schemas/memory-call.ts'
import { answerForm } from '../../../schemas/model-answer.ts'
import { SEMANTIC_TYPES } from '../../../schemas/revision.ts'
import { MemoryType } from '../../../schemas/vocabulary.ts'
import { askModel } from '../../ports/ask-model.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import { ENTITIES_MAX } from './entities.ts'
import type { EarlierTurn } from './follow-up.ts'
import type { Reading } from './read-prompt.ts'

const ANSWER_TOKENS_MAX = 600
/** Turns that the model reads. */
const TURNS_MAX = 12

const Day = z.string().regex(/^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?$/)

const CALL = answerForm(
  'memory_call',
  z.strictObject({
    intent: Intent,
    target: OutputTarget,
    needsMemory: z.boolean(),
    memoryType: MemoryType.nullable(),
    semanticType: z.enum(SEMANTIC_TYPES).nullable(),
    from: Day.nullable().describe('First day of the time that the prompt names, UTC; null where it is open.'),
    to: Day.nullable().describe('Day after the last one.'),
    entities: z.array(z.string().min(1).max(120)).max(ENTITIES_MAX),
    rewritten: z.string().min(1).max(QUERY_LENGTH_MAX),
  }),
)

const TASK = `You read what a user asks of a memory system. Tell the intent, the time window, the persons, places and things that are named
(copied as they are written), the kind of memory and of output that is asked for, and whether memory of the user's past is needed at all.
Resolve pronouns and ellipses from the earlier turns, and write the prompt so that it stands alone. A first reading by rules is given; keep
what is right in it.`

/** A reading that a language model looked at again. Where it does not answer, or answers what cannot be, the rules' reading stands. */
export async function refineCall(
  model: LanguageModel | null,
  {
    prompt,
    turns,
    nowMs,
    signal,
  }: { prompt: string; turns: readonly EarlierTurn[]; nowMs: number; signal: AbortSignal },
  reading: Reading,
): Promise<Reading> {
  const { call, rewritten } = reading
  const recent = turns.slice(-TURNS_MAX).map(({ role, content }) => ({ role, content }))
  const firstReading = {
    intent: call.intent,
    window: call.window,
    entities: call.entities,
    target: call.target,
    rewritten,
  }
  const { answer, note } = await askModel(model, {
    task: TASK,
    data: { now: isoOf(nowMs), prompt, earlierTurns: recent, firstReading },
    form: CALL,
    maxTokens: ANSWER_TOKENS_MAX,
    signal,
  })
  if (answer === null) return withNote(reading, note)
  const fault = faultOf(answer, [prompt, rewritten, ...recent.map(({ content }) => content)].join('\n'))
  if (fault !== null) {
    model?.report?.({ form: CALL.name, dropped: 1 })
    return withNote(reading, `The language model's answer was not used (${fault}); the rules decided.`)
  }
  const { from, to, rewritten: anew, ...fields } = answer
  const needsMemory = fields.intent === 'chat' ? false : fields.needsMemory
  return {
    ...reading,
    rewritten: anew,
    call: {
      ...call,
      ...fields,
      needsMemory,
      reason: needsMemory === call.needsMemory ? call.reason : needsMemory ? 'unclear' : 'general_task',
      window: { from: momentOf(from), to: momentOf(to) },
      by: 'model',
    },
  }
}

const withNote = (reading: Reading, note: string | null): Reading =>
  note === null ? reading : { ...reading, notes: [...reading.notes, note] }

const momentOf = (day: string | null): string | null => (day === null ? null : isoOf(Date.parse(day)))

/** What cannot be true of an answer; null for one that may be. Entities that nobody named are made up, by the model or by a text that steers it. */
function faultOf(
  { from, to, entities }: { from: string | null; to: string | null; entities: string[] },
  said: string,
): string | null {
  const [fromMs, toMs] = [from, to].map((day) => (day === null ? null : Date.parse(day)))
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) return 'a date that no calendar has'
  if (fromMs != null && toMs != null && fromMs >= toMs) return 'a window that ends before it begins'
  const folded = said.toLowerCase()
  return entities.every((name) => folded.includes(name.toLowerCase())) ? null : 'a name that nobody wrote'
}
