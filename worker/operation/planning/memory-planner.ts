import { momentMs } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { PLAN_CHANGES_MAX, PLAN_MESSAGES_MAX, PLAN_STATEMENTS_MAX } from '../../../schemas/limits.ts'
import type { Message, RememberRequest } from '../../../schemas/memories.ts'
import type { MemoryOperation, MemoryPlan } from '../../../schemas/reading.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { attributeWords, contradicts } from './claims.ts'
import { type Candidate, candidateOf, type Decision, decide, decideForget } from './decide.ts'
import { refineDecisions } from './refine-plan.ts'
import { isContained, isEqual, isSame } from './sameness.ts'
import { type SimilarMemory, similarMemories } from './similar-memories.ts'
import { statementsOf } from './statements.ts'

/** An operation as it is carried out. */
export interface PlannedOperation extends Decision {
  candidate: Candidate
  content: string | null
  semanticType: string | null
  by: 'rules' | 'model'
  score: number
}

export interface Planned {
  namespace: NamespaceRow
  operations: PlannedOperation[]
  notes: string[]
}

/** MemReader's second half (MemOS paper, section 5.3.1): from what was said to operations on memory. It plans and writes nothing. */
export class MemoryPlanner {
  readonly #languageModel: LanguageModel | null

  constructor({ languageModel }: { languageModel: LanguageModel | null }) {
    this.#languageModel = languageModel
  }

  /** @throws MemosError invalid_request (too many messages), too_much_changed */
  async plan(
    session: VaultSession,
    namespace: NamespaceRow,
    request: RememberRequest,
    context: RequestContext,
  ): Promise<Planned> {
    const messages = messagesOf(request)
    expectPlannable(messages)
    const candidates = messages.flatMap((message, at) =>
      statementsOf(message, at).map((statement) => candidateOf(statement, spokenOf(message, request, context.nowMs))),
    )
    const { kept, similar } = await this.#compared(session, namespace, candidates)
    const operations = candidates.flatMap((candidate) => decisionsOf(candidate, similar.get(candidate), context.nowMs))
    withoutRepeats(operations)
    const notes =
      kept < candidates.filter(isOpen).length ? [`Only the first ${kept} statements were compared with memory.`] : []
    if (request.refine && request.sensitivity === 'secret')
      notes.push('Secret text is not shown to the language model.')
    else if (request.refine)
      notes.push(...(await refineDecisions(this.#languageModel, operations, similar, context.signal)))
    await expectWritable(session, operations)
    oneChangeEach(operations)
    if (operations.filter(changes).length > PLAN_CHANGES_MAX)
      throw new MemosError('too_much_changed', {
        field: 'messages',
        expected: `messages that change or forget at most ${PLAN_CHANGES_MAX} memories at once`,
      })
    return { namespace, operations, notes: [...notes, ...confirmationNotes(operations, request.confirm)] }
  }

  /** A plan that nobody carried out. */
  view(planned: Planned): MemoryPlan {
    return planView(planned, new Set())
  }

  async #compared(
    session: VaultSession,
    namespace: NamespaceRow,
    candidates: readonly Candidate[],
  ): Promise<{ kept: number; similar: Map<Candidate, SimilarMemory[]> }> {
    const open = candidates.filter(isOpen).slice(0, PLAN_STATEMENTS_MAX)
    const places = open.flatMap(({ claims }) => claims.map(({ subject, slot }) => ({ subject, slot })))
    const { facts } = places.length === 0 ? { facts: [] } : await session.facts.known(namespace.id, places)
    const lookups = open.map(({ query, content, claims }) => ({
      text: query ?? content,
      hints: attributeWords(claims),
      // The latest facts first: what holds now is what a statement can end.
      seqs: facts
        .filter((fact) => claims.some((one) => one.subject === fact.subject && one.slot === fact.slot))
        .map(({ seq }) => seq),
    }))
    const found = await similarMemories(session, namespace, lookups)
    return { kept: open.length, similar: new Map(open.map((candidate, at) => [candidate, found[at] ?? []])) }
  }
}

function expectPlannable(messages: readonly Message[]): void {
  if (messages.length > PLAN_MESSAGES_MAX)
    throw new MemosError('invalid_request', {
      field: 'messages',
      expected: `at most ${PLAN_MESSAGES_MAX} messages with a plan`,
    })
  const given = messages.findIndex(({ embedding }) => embedding !== undefined)
  // A vector is that of the whole message; a plan keeps parts of it.
  if (given >= 0)
    throw new MemosError('invalid_request', { field: `messages.${given}.embedding`, expected: 'none with a plan' })
}

const isOpen = ({ junk }: Candidate): boolean => junk === null
export const changes = ({ op }: { op: MemoryOperation['op'] }): boolean =>
  op === 'update' || op === 'supersede' || op === 'forget'

export const messagesOf = ({ text, messages }: RememberRequest): Message[] =>
  messages ?? [{ role: 'user', content: text ?? '' }]

const spokenOf = (message: Message, { saidAt }: RememberRequest, nowMs: number) => {
  const said = message.saidAt ?? saidAt
  return { speaker: message.speaker ?? null, saidAtMs: said === undefined ? nowMs : momentMs(said) }
}

function decisionsOf(
  candidate: Candidate,
  similar: readonly SimilarMemory[] | undefined,
  nowMs: number,
): PlannedOperation[] {
  const { junk, kind, content, semanticType } = candidate
  const decisions: Decision[] =
    junk !== null
      ? [{ op: 'skip', reason: junk, target: null }]
      : kind === 'forget'
        ? decideForget(similar ?? [])
        : [decide(candidate, similar ?? [], nowMs)]
  return decisions.map((decision) => ({
    ...decision,
    candidate,
    content: decision.op === 'skip' || decision.op === 'forget' ? null : (decision.updated ?? content),
    semanticType,
    by: 'rules',
    score: decision.target?.coverage ?? 0,
  }))
}

const adds = ({ op }: PlannedOperation): boolean =>
  op === 'add' || op === 'link' || op === 'supersede' || op === 'update'

/** Within one request the same is said once, and of two statements on one attribute the later one holds. */
function withoutRepeats(operations: PlannedOperation[]): void {
  const kept: PlannedOperation[] = []
  for (const [at, operation] of operations.entries()) {
    if (!adds(operation)) continue
    const { wording, claims, speaker } = operation.candidate
    const mine = kept.filter(({ candidate }) => candidate.speaker === speaker)
    const same = mine.find(
      ({ candidate }) => isSame(candidate.wording, wording) || isContained(wording, candidate.wording),
    )
    if (same !== undefined) {
      operations[at] = skipped(operation, isEqual(same.candidate.wording, wording) ? 'duplicate' : 'near_duplicate')
      continue
    }
    for (const old of mine.filter((one) => one.op === 'add')) {
      const isEnded = contradicts(claims, old.candidate.claims)
      if (!isEnded && !isContained(old.candidate.wording, wording)) continue
      operations[operations.indexOf(old)] = skipped(old, isEnded ? 'correction' : 'near_duplicate')
      kept.splice(kept.indexOf(old), 1)
    }
    kept.push(operation)
  }
}

export const skipped = (operation: PlannedOperation, reason: MemoryOperation['reason']): PlannedOperation => ({
  ...operation,
  op: 'skip',
  reason,
  content: null,
})

/** A memory is changed once in a plan: what else concerns it is linked to it, or left out where it is forgotten twice. */
function oneChangeEach(operations: PlannedOperation[]): void {
  const changed = new Set<string>()
  for (const [at, operation] of operations.entries()) {
    const id = operation.target?.full.cube.cubeId
    if (id === undefined || !changes(operation)) continue
    if (!changed.has(id)) changed.add(id)
    else if (operation.op === 'forget') operations[at] = skipped(operation, 'duplicate')
    else operations[at] = { ...operation, op: 'link', reason: 'refers_to', content: operation.candidate.content }
  }
}

/** Takes back what the caller may not do. Who may not write a memory learns no more of it than its reading told. */
async function expectWritable({ cubes }: VaultSession, operations: PlannedOperation[]): Promise<void> {
  for (const [at, operation] of operations.entries()) {
    if (operation.target === null || !changes(operation)) continue
    const writable = await cubes.get(operation.target.full.cube.cubeId, 'write').catch((error: unknown) => {
      if (error instanceof MemosError && error.code === 'not_found') return null
      throw error
    })
    if (writable !== null && writable.cube.state !== 'frozen') continue
    operations[at] =
      operation.op === 'forget'
        ? skipped(operation, 'not_writable')
        : { ...operation, op: 'add', reason: 'not_writable', content: operation.candidate.content }
  }
}

const confirmationNotes = (operations: readonly PlannedOperation[], confirm: boolean): string[] =>
  !confirm && operations.some(({ op }) => op === 'forget') ? ['What is to be forgotten needs confirm: true.'] : []

/** The plan as callers see it. */
export const planView = (
  { namespace, operations, notes }: Planned,
  applied: ReadonlySet<PlannedOperation>,
): MemoryPlan => ({
  namespace: namespace.name,
  operations: operations.map((operation) => {
    const { op, reason, candidate, content, semanticType, target, by, score } = operation
    return {
      op,
      reason,
      message: candidate.message,
      span: candidate.span,
      content,
      semanticType,
      target:
        target === null
          ? null
          : {
              cubeId: target.full.cube.cubeId,
              revision: target.full.cube.revision,
              content: target.full.content,
              score: Math.round(score * 1000) / 1000,
            },
      by,
      applied: applied.has(operation),
    }
  }),
  notes,
})
