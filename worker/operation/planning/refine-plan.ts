import { z } from 'zod'
import { REFINED_STATEMENTS_MAX } from '../../../schemas/limits.ts'
import { answerForm } from '../../../schemas/model-answer.ts'
import { SEMANTIC_TYPES } from '../../../schemas/revision.ts'
import { askModel } from '../../ports/ask-model.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { Candidate } from './decide.ts'
import type { PlannedOperation } from './memory-planner.ts'
import { type SimilarMemory, termsOf } from './similar-memories.ts'

const ANSWER_TOKENS_MAX = 4000
/** Memories shown beside a statement. */
const SHOWN_MEMORIES_MAX = 4
const SHOWN_LENGTH_MAX = 600
/** A text that the model wrote anew must be made of the statement's own words to this extent: it may resolve, not invent. */
export const GROUNDED_SHARE_MIN = 0.6

const PLAN = answerForm(
  'memory_plan',
  z.strictObject({
    decisions: z
      .array(
        z.strictObject({
          statement: z.int().min(0),
          op: z.enum(['add', 'update', 'supersede', 'link', 'skip']),
          memory: z.int().min(0).nullable().describe('Index of the memory concerned; null for add and skip.'),
          content: z
            .string()
            .min(1)
            .max(4000)
            .nullable()
            .describe('The text to store; null keeps the statement as it is.'),
          semanticType: z.enum(SEMANTIC_TYPES).nullable(),
        }),
      )
      .max(REFINED_STATEMENTS_MAX),
  }),
)

const TASK = `You decide what of a conversation a memory system keeps. For each statement: add it; skip it when it says nothing worth remembering or
nothing new; supersede a memory that it makes untrue; update a memory that it adds detail to; link it to a memory that it refers to. You may
write a statement anew so that it stands alone, with names for pronouns and dates for "yesterday", in its own language and without anything
that was not said. Only memories listed with a statement can be named.`

/**
 * Lets a language model look at what the rules decided on statements that may be kept. It may not make anything forgotten, change what it was
 * not shown, or store what nobody said; such decisions are dropped. Answers notes.
 */
export async function refineDecisions(
  model: LanguageModel | null,
  operations: PlannedOperation[],
  similar: ReadonlyMap<Candidate, readonly SimilarMemory[]>,
  signal: AbortSignal,
): Promise<string[]> {
  const open = operations.flatMap((operation, at) =>
    operation.candidate.junk === null && operation.op !== 'forget' && operation.candidate.kind !== 'forget' ? [at] : [],
  )
  const asked = open.slice(0, REFINED_STATEMENTS_MAX)
  if (asked.length === 0 && model !== null) return []
  const shown = asked.map((at) => memoriesOf(operations[at], similar))
  const { answer, note } = await askModel(model, {
    task: TASK,
    data: { statements: asked.map((at, index) => shownStatement(operations[at], shown[index] ?? [])) },
    form: PLAN,
    maxTokens: ANSWER_TOKENS_MAX,
    signal,
  })
  if (answer === null) return note === null ? [] : [note]
  let dropped = 0
  for (const decision of answer.decisions) {
    const at = asked[decision.statement]
    const operation = at === undefined ? undefined : operations[at]
    const refined = operation && refinedOf(operation, decision, shown[decision.statement] ?? [])
    if (at === undefined || refined === undefined || refined === null) dropped += 1
    else operations[at] = refined
  }
  if (dropped > 0) model?.report?.({ form: PLAN.name, dropped })
  const unread = open.length - asked.length
  return [
    ...(dropped === 0 ? [] : [`${dropped} decisions of the language model were not used; the rules decided there.`]),
    ...(unread === 0 ? [] : [`${unread} statements were not shown to the language model.`]),
  ]
}

type Decided = NonNullable<ReturnType<typeof PLAN.read>>['decisions'][number]

/** Secret memories stay here: the model may be somebody else's. */
const memoriesOf = (
  operation: PlannedOperation | undefined,
  similar: ReadonlyMap<Candidate, readonly SimilarMemory[]>,
): SimilarMemory[] =>
  (operation === undefined ? [] : (similar.get(operation.candidate) ?? []))
    .filter(({ full }) => full.cube.sensitivity !== 'secret')
    .slice(0, SHOWN_MEMORIES_MAX)

const shownStatement = (operation: PlannedOperation | undefined, memories: readonly SimilarMemory[]) => ({
  text: operation?.candidate.content ?? '',
  speaker: operation?.candidate.speaker ?? operation?.candidate.role ?? 'user',
  saidAt: new Date(operation?.candidate.saidAtMs ?? 0).toISOString(),
  rules: operation?.op,
  memories: memories.map(({ full }) => (full.content ?? '').slice(0, SHOWN_LENGTH_MAX)),
})

/** The operation as the model decided it; null where that may not be. */
function refinedOf(
  operation: PlannedOperation,
  decision: Decided,
  memories: readonly SimilarMemory[],
): PlannedOperation | null {
  const { op, memory, semanticType } = decision
  const target = memory === null ? null : (memories[memory] ?? null)
  if (op === 'skip') return { ...operation, op, reason: 'refined_away', content: null, by: 'model' }
  const said = operation.candidate.content
  const content = decision.content ?? said
  // An update may repeat what the memory said already.
  if (!isGrounded(content, op === 'update' ? `${said} ${target?.full.content ?? ''}` : said)) return null
  const typed = { ...operation, content, semanticType: semanticType ?? operation.semanticType, by: 'model' as const }
  // What the rules found to be known stays out unless the model names the memory that it differs from.
  if (op === 'add')
    return operation.op === 'skip' ? null : { ...typed, op, reason: 'statement', target: null, score: 0 }
  if (target === null || target.full.cube.saidAtMs > operation.candidate.saidAtMs) return null
  if (op !== 'link' && operation.candidate.role !== 'user') return null
  const reason = op === 'supersede' ? 'changed_state' : op === 'update' ? 'adds_detail' : 'refers_to'
  return { ...typed, op, reason, target, score: target.coverage }
}

function isGrounded(content: string, said: string): boolean {
  const terms = termsOf(content)
  return terms.size > 0 && terms.intersection(termsOf(said)).size / terms.size >= GROUNDED_SHARE_MIN
}
