import { knowledgePolicy } from '../../../schemas/namespace-settings.ts'
import type { PendingKnowledge } from '../../infrastructure/knowledge/entity-reader.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession, VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import { GuardError } from '../../ports/database.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { TaskRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { TaskPostponed, type TaskProgress } from '../../ports/tasks.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { breathe } from '../lifecycle/budget.ts'
import type { DraftMention, FactSource, FactsPlanner } from './contracts.ts'
import { extractByModel } from './extract-by-model.ts'
import { extractEntities } from './extract-entities.ts'
import { firstNamesOf, resolveAliases } from './resolve-aliases.ts'

export const KNOWLEDGE_TASK = 'knowledge'

/** Cubes read, and written, at once: some twenty milliseconds, in which a process with a database file serves nobody. */
const CUBES_PER_BATCH_MAX = 25
/** Work at a stretch, and the rest after it, where requests are served by the same process: reading a large import must not slow them down. */
const STRETCH_MS = 400
const REST_MS = 1500
/** The same where a language model is asked: one call, within the time of one task. */
const MODEL_CUBES_PER_BATCH_MAX = 8
/** A batch with a model begins only this early in a slice of a task, so that the first question has its whole time before the slice ends. */
const MODEL_STRETCH_MS = 4000
/** How often in a row a batch may meet somebody else's write before the task is tried again later. */
const COLLISIONS_MAX = 3

export interface KnowledgeBuilderComponents {
  sessions: VaultSessions
  systemContext: (orgId: string, operation: string, nowMs: number, signal: AbortSignal) => RequestContext
  planFacts: FactsPlanner
  languageModel: LanguageModel | null
  runtime: Runtime
  /** Whether requests are served by the same process. */
  shared: boolean
}

/**
 * Reads cubes for entities and facts, in the background: in order of arrival, and again where a text has changed. Each batch is written whole or
 * not at all together with how far it got, so the work may be cut off anywhere and run twice at once.
 */
export class KnowledgeBuilder {
  readonly #components: KnowledgeBuilderComponents

  constructor(components: KnowledgeBuilderComponents) {
    this.#components = components
  }

  /** Reads everything in a namespace that was not read yet. Goes on where an earlier run stopped. */
  async run(task: TaskRow, progress: TaskProgress): Promise<void> {
    const { sessions, systemContext, runtime, shared } = this.#components
    const { orgId, namespaceId } = task
    if (namespaceId === null) return
    let read = 0
    const startMs = performance.now()
    for (let collisions = 0; !progress.signal.aborted; ) {
      const context = systemContext(orgId, KNOWLEDGE_TASK, runtime.nowMs(), progress.signal)
      const session = await sessions(context, 'write')
      const pending = await session.entities.pending(namespaceId, CUBES_PER_BATCH_MAX)
      if (pending === null) return
      const { extract, model: wantsModel } = knowledgePolicy(pending.settings)
      if (!extract) return
      const model = wantsModel ? this.#components.languageModel : null
      if (pending.stale.length === 0 && pending.fromSeq >= pending.lastSeq) return
      try {
        const writes = await this.#plan(session, namespaceId, pending, model, context)
        // A question that a stopping host cut off is asked again after its start; one that took the whole slice is not.
        if (isStopping(progress.signal)) return
        await session.vault.apply(writes)
        collisions = 0
      } catch (error) {
        if (!(error instanceof GuardError) || ++collisions > COLLISIONS_MAX) throw error
        continue
      }
      read += pending.stale.length + pending.fresh.length
      await progress.report(read, null)
      const workedMs = performance.now() - startMs
      if (shared && workedMs > STRETCH_MS) throw new TaskPostponed(runtime.nowMs() + REST_MS)
      if (model !== null && workedMs > MODEL_STRETCH_MS) throw new TaskPostponed(runtime.nowMs())
      await breathe()
    }
  }

  async #plan(
    session: VaultSession,
    namespaceId: number,
    pending: PendingKnowledge,
    model: LanguageModel | null,
    context: RequestContext,
  ): Promise<VaultWrite[]> {
    const { fromSeq, lastSeq } = pending
    const cubesMax = model === null ? CUBES_PER_BATCH_MAX : MODEL_CUBES_PER_BATCH_MAX
    const [fresh, stale] = [pending.fresh.slice(0, cubesMax), pending.stale.slice(0, cubesMax)]
    const cubes = await session.cubes.bySeq(namespaceId, stale.length > 0 ? stale : fresh)
    cubes.sort((a, b) => a.cube.seq - b.cube.seq)
    const sources = cubes.map(sourceOf)
    // Secret memories are not shown to a model.
    const shown = cubes.filter(({ cube }) => cube.sensitivity !== 'secret').map(sourceOf)
    const byModel = model === null ? new Map() : await extractByModel(model, shown, context.signal)
    const found = sources.map((source) => united(extractEntities(source), byModel.get(source.seq)?.mentions ?? []))
    const drafts = await certain(session, namespaceId, cubes, found)
    const isLast = fresh.length < cubesMax
    const facts = await this.#components.planFacts({ session, namespaceId, sources, revised: stale, byModel, context })
    return [
      {
        kind: 'put_mentions',
        namespaceId,
        fromSeq,
        readSeq: stale.length > 0 ? fromSeq : isLast ? lastSeq : (fresh.at(-1) ?? lastSeq),
        reread: stale,
        cubes: cubes.map(({ cube }, at) => ({
          seq: cube.seq,
          cid: cube.cid,
          mentions: (drafts[at] ?? []).map(({ key, count }) => [key, count] as const),
        })),
        entities: [...new Map(drafts.flat().map((draft) => [draft.key, draft])).values()],
        atMs: context.nowMs,
      },
      ...(await aliasWrites(session, namespaceId, cubes, drafts, context.nowMs)),
      ...facts,
    ]
  }
}

/** Whether the host ends, and not only the time of the task. */
const isStopping = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && !(reason instanceof Error && reason.name === 'TimeoutError')

/** What rules found, and what a model found beside it. Where rules can only say that there is something, the model says what it is. */
function united(byRules: readonly DraftMention[], byModel: readonly DraftMention[]): DraftMention[] {
  const kinds = new Map(byModel.map(({ key, kind }) => [key, kind]))
  const known = new Set(byRules.map(({ key }) => key))
  const confirmed = byRules.map((draft) => {
    const kind = kinds.get(draft.key)
    return kind === undefined ? draft : { ...draft, kind: draft.kind === 'thing' ? kind : draft.kind, sure: true }
  })
  return [...confirmed, ...byModel.filter(({ key }) => !known.has(key))]
}

const sourceOf = ({ cube, content }: FullCube): FactSource => ({
  seq: cube.seq,
  cubeId: cube.cubeId,
  content: content ?? '',
  title: cube.title,
  speaker: cube.speaker,
  role: cube.role,
  saidAtMs: cube.saidAtMs,
  createdAtMs: cube.createdAtMs,
})

/**
 * Drafts without the words that only opened a sentence: those which are no name anywhere else in the namespace. What only secret cubes name is
 * no such name for the others.
 */
async function certain(
  session: VaultSession,
  namespaceId: number,
  cubes: readonly FullCube[],
  drafts: readonly DraftMention[][],
): Promise<DraftMention[][]> {
  const open = openDrafts(cubes, drafts)
  const sure = new Set(open.filter((draft) => draft.sure).map(({ key }) => key))
  const doubtful = drafts.flat().filter((draft) => !draft.sure && !sure.has(draft.key))
  const known = await session.entities.known(namespaceId, [...new Set(doubtful.map(({ key }) => key))])
  return drafts.map((list) => list.filter((draft) => draft.sure || sure.has(draft.key) || known.has(draft.key)))
}

const openDrafts = (cubes: readonly FullCube[], drafts: readonly DraftMention[][]): DraftMention[] =>
  drafts.filter((_, at) => cubes[at]?.cube.sensitivity !== 'secret').flat()

/**
 * Aliases among the people that the batch mentions. Secret cubes have no say: a name that only they hold must not show as the name, or by the
 * absence, of an alias.
 */
async function aliasWrites(
  session: VaultSession,
  namespaceId: number,
  cubes: readonly FullCube[],
  drafts: readonly DraftMention[][],
  atMs: number,
): Promise<VaultWrite[]> {
  const here = new Set(
    openDrafts(cubes, drafts)
      .filter(({ kind }) => kind === 'person')
      .map(({ key }) => key),
  )
  if (here.size === 0) return []
  const firsts = firstNamesOf(here)
  const people = new Set([...here, ...(await session.entities.people(namespaceId, firsts))])
  const { put, drop } = resolveAliases(firsts, [...people])
  return [{ kind: 'set_rule_aliases', namespaceId, put, drop, atMs }]
}
