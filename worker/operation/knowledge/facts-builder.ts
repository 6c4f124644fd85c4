import { COMPARED_FACTS_MAX } from '../../../schemas/limits.ts'
import type { FactReader } from '../../infrastructure/knowledge/fact-reader.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { DraftFact, FactsPlanner } from './contracts.ts'
import { extractFacts } from './extract-facts.ts'
import { findContradictions } from './find-contradictions.ts'
import { type FactChange, type PlacedFact, type PlanContext, planFacts, SYSTEM } from './plan-facts.ts'
import { placeOf } from './predicates.ts'

/**
 * The facts of one batch of cubes: what their texts state now, and what a revised text no longer states. Where a language model is configured
 * it looks for contradictions that rules do not see; secret memories are not shown to it.
 */
export const factsPlanner =
  (model: LanguageModel | null): FactsPlanner =>
  async ({ session, namespaceId, sources, revised, byModel, context }) => {
    const drafts = sources.flatMap((source) => {
      const byRules = extractFacts(source)
      const known = new Set(byRules.map(statedKey))
      const further = byModel?.get(source.seq)?.facts.filter((fact) => !known.has(statedKey(fact))) ?? []
      return [...byRules, ...further].map((fact): PlacedFact => ({ ...fact, seq: source.seq, cubeId: source.cubeId }))
    })
    const before = await session.facts.extractedFrom(namespaceId, revised)
    const said = new Set(drafts.map(statementKey))
    const lost = before.filter((fact) => !said.has(statementKey({ ...fact, validToMs: fact.statedToMs })))
    const change = { drafts, retracted: lost.map(({ id }) => id), undone: [] }
    const writes = await planChange(session.facts, change, lost, { namespaceId, nowMs: context.nowMs, by: SYSTEM })
    if (model === null) return writes
    return [...writes, ...(await contradictions(model, session.facts, namespaceId, writes, context))]
  }

async function contradictions(
  model: LanguageModel,
  facts: FactReader,
  namespaceId: number,
  writes: readonly VaultWrite[],
  context: RequestContext,
): Promise<VaultWrite[]> {
  const inserted = writes.flatMap((write) => (write.kind === 'insert_facts' ? write.facts : []))
  if (inserted.length === 0) return []
  const open = await facts.openAmong(namespaceId, [...new Set(inserted.map(({ seq }) => seq))])
  const fresh = inserted.filter(({ seq, statedToMs }) => open.has(seq) && statedToMs === null)
  const others = await facts.openAbout(
    namespaceId,
    [...new Set(fresh.map(({ subject }) => subject))],
    COMPARED_FACTS_MAX,
  )
  const links = await findContradictions(model, fresh, others, context)
  return links.length === 0 ? [] : [{ kind: 'link_facts', links }]
}

/** The writes of a change, planned against what is stored of the subjects and slots that it touches. */
export async function planChange(
  facts: FactReader,
  change: FactChange,
  touched: readonly { subject: string; slot: string }[],
  context: PlanContext,
): Promise<VaultWrite[]> {
  const drafted = change.drafts.map((draft) => ({ subject: draft.subject, slot: placeOf(draft).slot }))
  const groups = [...drafted, ...touched].map(({ subject, slot }) => ({ subject, slot }))
  if (groups.length === 0) return []
  const distinct = [...new Map(groups.map((group) => [JSON.stringify([group.subject, group.slot]), group])).values()]
  return planFacts(change, await facts.known(context.namespaceId, distinct), context)
}

/** What a statement says, whoever found it and whenever it holds. */
const statedKey = ({ subject, predicate, object }: DraftFact): string =>
  JSON.stringify([subject, predicate, object.toLowerCase()])

const statementKey = ({
  seq,
  subject,
  predicate,
  object,
  validFromMs,
  validToMs,
}: Pick<PlacedFact, 'seq' | 'subject' | 'predicate' | 'object' | 'validFromMs' | 'validToMs'>): string =>
  JSON.stringify([seq, subject, predicate, object, validFromMs, validToMs])
