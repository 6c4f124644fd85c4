import { z } from 'zod'
import { entityKey } from '../../../schemas/entity-key.ts'
import { FACT_OBJECT_LENGTH_MAX } from '../../../schemas/limits.ts'
import { answerForm } from '../../../schemas/model-answer.ts'
import { ENTITY_KINDS } from '../../../schemas/vocabulary.ts'
import { askModel } from '../../ports/ask-model.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { DraftFact, DraftMention, FactSource } from './contracts.ts'

const ANSWER_TOKENS_MAX = 2000
const TEXT_LENGTH_MAX = 2000
const PER_MEMORY_MAX = 16
/** A model that says so is believed less than a rule that fits. */
const CONFIDENCE = 0.7

const Entity = z.strictObject({ name: z.string().min(1).max(200), kind: z.enum(ENTITY_KINDS) })
const Statement = z.strictObject({
  subject: z.string().min(1).max(200),
  predicate: z.string().regex(/^[a-z][a-z0-9_]{1,40}$/),
  object: z.string().min(1).max(FACT_OBJECT_LENGTH_MAX),
})
const FORM = answerForm(
  'knowledge',
  z.strictObject({
    memories: z
      .array(
        z.strictObject({
          number: z.int().min(0),
          entities: z.array(Entity).max(PER_MEMORY_MAX),
          statements: z.array(Statement).max(PER_MEMORY_MAX),
        }),
      )
      .max(64),
  }),
)

const TASK = `For each memory, by its number, name the people, places, organisations and things it speaks of, and the lasting statements it makes:
subject, predicate, object. Copy names and objects letter by letter from the memory; the one who speaks is "I". Predicates are snake_case words such as
lives_in, works_at, job, spouse, has_pet, likes, dislikes, allergic_to, favourite_food. Leave out questions, wishes, guesses and what is over.`

/** What a model found in one memory. */
export interface ModelKnowledge {
  mentions: DraftMention[]
  facts: DraftFact[]
}

/**
 * Asks a language model for the entities and statements of a few memories, by their sequence numbers. What it says counts only as far as the memory
 * holds its very words; whatever goes wrong adds nothing to what the rules found.
 */
export async function extractByModel(
  model: LanguageModel,
  sources: readonly FactSource[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, ModelKnowledge>> {
  if (sources.length === 0) return new Map()
  const memories = sources.map(({ content, title, speaker }, number) => ({
    number,
    speaker: speaker ?? 'I',
    text: (title === null ? content : `${title}\n${content}`).slice(0, TEXT_LENGTH_MAX),
  }))
  const { answer } = await askModel(model, {
    task: TASK,
    data: { memories },
    form: FORM,
    maxTokens: ANSWER_TOKENS_MAX,
    signal,
  })
  const found = new Map<number, ModelKnowledge>()
  for (const { number, entities, statements } of answer?.memories ?? []) {
    const source = sources[number]
    const text = memories[number]?.text.toLowerCase()
    if (source === undefined || text === undefined) continue
    found.set(source.seq, {
      mentions: entities.flatMap((entity) => mentionOf(entity, text)),
      facts: statements.flatMap((statement) => factOf(statement, source, text)),
    })
  }
  return found
}

function mentionOf({ name, kind }: z.infer<typeof Entity>, text: string): DraftMention[] {
  const key = entityKey(name)
  const count = text.split(name.trim().toLowerCase()).length - 1
  return key === '' || count === 0 ? [] : [{ key, name: name.trim(), kind, count, sure: true }]
}

/** First person stands for the speaker; without one nobody could be named. */
function factOf(
  { subject, predicate, object }: z.infer<typeof Statement>,
  source: FactSource,
  text: string,
): DraftFact[] {
  const isSelf = /^(?:i|me|my|我)$/i.test(subject.trim())
  const key = entityKey(isSelf ? (source.speaker ?? '') : subject)
  const isSaid = isSelf || text.includes(subject.trim().toLowerCase())
  if (key === '' || !isSaid || !text.includes(object.trim().toLowerCase())) return []
  return [
    {
      subject: key,
      predicate,
      object: object.trim(),
      objectKey: null,
      validFromMs: source.saidAtMs,
      validToMs: null,
      confidence: CONFIDENCE,
      source: 'model',
    },
  ]
}
