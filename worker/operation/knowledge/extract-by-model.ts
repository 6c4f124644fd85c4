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
  let named = 0
  for (const { number, entities, statements } of answer?.memories ?? []) {
    named += entities.length + statements.length
    const source = sources[number]
    const text = memories[number]?.text.toLowerCase()
    if (source === undefined || text === undefined) continue
    const mentions = entities.flatMap((entity) => mentionOf(entity, text))
    const keys = new Set(mentions.map(({ key }) => key))
    const facts = statements.flatMap((statement) => factOf(statement, source, text, keys))
    found.set(source.seq, { mentions, facts })
  }
  const used = [...found.values()].reduce((sum, { mentions, facts }) => sum + mentions.length + facts.length, 0)
  if (named > used) model.report?.({ form: FORM.name, dropped: named - used })
  return found
}

function mentionOf({ name, kind }: z.infer<typeof Entity>, text: string): DraftMention[] {
  const key = entityKey(name)
  const count = timesIn(text, name)
  return key === '' || count === 0 ? [] : [{ key, name: name.trim(), kind, count, sure: true }]
}

/** A letter of a script that writes spaces between words; Chinese and Japanese names stand among other letters. */
const SPACED_LETTER = /[\p{L}\p{N}]/u
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u

/** How often a text (in lower case) holds a name as whole words: "Ann" is not in "annual". */
function timesIn(text: string, name: string): number {
  const wanted = name.trim().toLowerCase()
  if (wanted === '') return 0
  const joins = (letter: string | undefined, next: string | undefined): boolean =>
    letter !== undefined &&
    next !== undefined &&
    [letter, next].every((one) => SPACED_LETTER.test(one) && !UNSPACED.test(one))
  let count = 0
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const end = at + wanted.length
    if (!joins(text[at - 1], wanted[0]) && !joins(wanted.at(-1), text[end])) count += 1
  }
  return count
}

/**
 * First person stands for the speaker; without one nobody could be named. An object that is an entity of the memory is one of the fact too: that
 * makes the fact an edge between them.
 */
function factOf(
  { subject, predicate, object }: z.infer<typeof Statement>,
  source: FactSource,
  text: string,
  entities: ReadonlySet<string>,
): DraftFact[] {
  const isSelf = /^(?:i|me|my|我)$/i.test(subject.trim())
  const key = entityKey(isSelf ? (source.speaker ?? '') : subject)
  const isSaid = isSelf || timesIn(text, subject) > 0
  if (key === '' || !isSaid || timesIn(text, object) === 0) return []
  const objectKey = entityKey(object)
  return [
    {
      subject: key,
      predicate,
      object: object.trim(),
      objectKey: entities.has(objectKey) ? objectKey : null,
      validFromMs: source.saidAtMs,
      validToMs: null,
      confidence: CONFIDENCE,
      source: 'model',
    },
  ]
}
