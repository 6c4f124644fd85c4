import { z } from 'zod'
import { isoOf } from '../../../schemas/common.ts'
import { COMPARED_FACTS_MAX } from '../../../schemas/limits.ts'
import { answerForm } from '../../../schemas/model-answer.ts'
import { askModel } from '../../ports/ask-model.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { FactLinkRow, FactRow } from '../../ports/rows.ts'

const PAIRS_MAX = 20
const ANSWER_TOKENS_MAX = 1000

/** What marks a link as found by a model: plans by rules leave it alone. */
export const BY_MODEL = 'model:'

const PAIRS = answerForm(
  'contradictions',
  z.strictObject({
    pairs: z.array(z.strictObject({ a: z.int().min(0), b: z.int().min(0) })).max(PAIRS_MAX),
  }),
)

const TASK = `You compare statements about the same persons and things. Name each pair, by the numbers of its statements, that cannot both be true
at the same time. A change over time is no contradiction, nor is a preference beside another one. Name none where you are not sure.`

type Compared = Pick<FactRow, 'id' | 'namespaceId' | 'subject' | 'slot' | 'predicate' | 'object' | 'validFromMs'>

/**
 * Asks a language model which new statements contradict others about the same subject in ways that rules do not see ("vegetarian", "loves
 * steak"), and answers the links. It can link what it was shown and do nothing else; whatever goes wrong links nothing.
 */
export async function findContradictions(
  model: LanguageModel,
  fresh: readonly Compared[],
  others: readonly Compared[],
  { nowMs, signal }: { nowMs: number; signal: AbortSignal },
): Promise<FactLinkRow[]> {
  const isNew = new Set(fresh.map(({ id }) => id))
  const shown = [...fresh, ...others.filter(({ id }) => !isNew.has(id))].slice(0, COMPARED_FACTS_MAX)
  const hasPair = shown.some((a) => shown.some((b) => isComparable(a, b)))
  if (!hasPair) return []
  const { answer } = await askModel(model, {
    task: TASK,
    data: {
      statements: shown.map(({ subject, predicate, object, validFromMs }, at) => ({
        number: at,
        statement: `${subject} ${predicate} ${object}`,
        since: isoOf(validFromMs),
      })),
    },
    form: PAIRS,
    maxTokens: ANSWER_TOKENS_MAX,
    signal,
  })
  const links = (answer?.pairs ?? []).flatMap(({ a, b }) => {
    const [one, other] = [shown[a], shown[b]]
    if (one === undefined || other === undefined || !isComparable(one, other)) return []
    if (!isNew.has(one.id) && !isNew.has(other.id)) return []
    const [fromId, toId] = [one.id, other.id].sort() as [string, string]
    return [linkOf(one.namespaceId, fromId, toId, `${BY_MODEL}${model.model}`, nowMs)]
  })
  const dropped = (answer?.pairs.length ?? 0) - links.length
  if (dropped > 0) model.report?.({ form: PAIRS.name, dropped })
  return [...new Map(links.map((link) => [`${link.fromId} ${link.toId}`, link])).values()]
}

/** Within one slot the rules decide; between subjects there is nothing to compare. */
const isComparable = (a: Compared, b: Compared): boolean =>
  a.id !== b.id && a.subject === b.subject && a.slot !== b.slot

const linkOf = (namespaceId: number, fromId: string, toId: string, createdBy: string, atMs: number): FactLinkRow => ({
  ...{ namespaceId, fromId, toId, relation: 'contradicts', previousToMs: null },
  ...{ createdBy, createdAtMs: atMs, undoneAtMs: null, undoneBy: null },
})
