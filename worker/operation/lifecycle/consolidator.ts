import { nextState } from '../../../schemas/lifecycle.ts'
import {
  CONSOLIDATION_CANDIDATES_MAX,
  CONSOLIDATION_PAGE_CUBES,
  CONSOLIDATION_TERM_CUBES_MAX,
  CONSOLIDATION_TERMS_MAX,
  LINEAGE_MAX,
} from '../../../schemas/limits.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { storedCube } from '../organise/memory-writer.ts'
import { type Budget, breathe } from './budget.ts'
import { transitionOf } from './mem-lifecycle.ts'
import { mergedCube } from './merged-cube.ts'
import { type Gist, gistOf, saysTheSame, tellingTerms } from './says-the-same.ts'

export interface ConsolidatorComponents {
  embeddings: Pick<EmbeddingBuilder, 'plan' | 'wake' | 'forget'>
  runtime: Runtime
}

interface Newcomer {
  full: FullCube
  gist: Gist
}

/**
 * Makes one of cubes outside of conversations that say the same (MemOS paper, section 5.4.3: "semantic overlap"): the older one takes the text of the
 * newer one in as a new revision, the newer one is archived and can be brought back. Each pair is one batch. Cubes are looked at once, in order
 * of arrival.
 */
export class Consolidator {
  readonly #components: ConsolidatorComponents

  constructor(components: ConsolidatorComponents) {
    this.#components = components
  }

  /** Goes on where the last run stopped. Answers whether it came to the end of the namespace. */
  async run(
    session: VaultSession,
    namespace: Pick<NamespaceRow, 'id' | 'consolidatedSeq' | 'nextSeq'>,
    overlap: number,
    context: RequestContext,
    budget: Budget,
  ): Promise<boolean> {
    let after = namespace.consolidatedSeq
    // What arrives while it runs is looked at the next time.
    while (after < namespace.nextSeq - 1) {
      if (budget.isSpent) return false
      await breathe()
      const seqs = await session.lifecycle.next(namespace.id, after, CONSOLIDATION_PAGE_CUBES)
      budget.spend(2)
      const last = seqs.at(-1)
      const passed =
        last === undefined
          ? namespace.nextSeq - 1
          : await this.#page(session, namespace.id, { seqs, last, overlap }, context, budget)
      await session.vault.apply([{ kind: 'advance_consolidation', namespaceId: namespace.id, toSeq: passed }])
      after = passed
    }
    return true
  }

  /** Merges what of a page says the same as something older. Answers how far it came. */
  async #page(
    session: VaultSession,
    namespaceId: number,
    { seqs, last, overlap }: { seqs: readonly number[]; last: number; overlap: number },
    context: RequestContext,
    budget: Budget,
  ): Promise<number> {
    const newcomers = (await session.cubes.bySeq(namespaceId, seqs))
      .filter((full) => nextState(full.cube.state, 'archive') !== null && isComparable(full))
      .map((full) => ({ full, gist: gistOf({ title: full.cube.title, content: full.content ?? '' }) }))
      .sort((a, b) => a.full.cube.seq - b.full.cube.seq)
    const candidates = await this.#candidates(session, namespaceId, newcomers, overlap)
    budget.spend(3)
    for (const { full, gist } of newcomers) {
      const older = (candidates.get(full.cube.seq) ?? []).slice(0, CONSOLIDATION_CANDIDATES_MAX)
      if (older.length === 0) continue
      if (budget.isSpent) return full.cube.seq - 1
      budget.spend(1)
      const target = await this.#target(session, full, gist, older, overlap)
      if (target !== null) budget.spend(await this.#merge(session, target, full, context))
    }
    return last
  }

  async #candidates(
    session: VaultSession,
    namespaceId: number,
    newcomers: readonly Newcomer[],
    overlap: number,
  ): Promise<Map<number, number[]>> {
    const terms = new Set(newcomers.flatMap(({ gist }) => [...gist.terms]))
    if (terms.size === 0) return new Map()
    const frequencies = await session.lifecycle.frequencies(namespaceId, [...terms])
    const frequency = (term: string) => frequencies.get(term) ?? 0
    const wanted = newcomers.map(({ full, gist }) => ({
      seq: full.cube.seq,
      terms: tellingTerms(gist.terms, frequency, overlap).filter(
        (term) => frequency(term) <= CONSOLIDATION_TERM_CUBES_MAX,
      ),
    }))
    return session.lifecycle.sharing(namespaceId, wanted)
  }

  /** The one that shares the most and says the same, as both stand now: a merge before may have changed either. */
  async #target(
    session: VaultSession,
    source: FullCube,
    gist: Gist,
    older: readonly number[],
    overlap: number,
  ): Promise<FullCube | null> {
    const found = await session.cubes.bySeq(source.cube.namespaceId, older)
    const bySeq = new Map(found.map((full) => [full.cube.seq, full]))
    const isTarget = (full: FullCube) =>
      nextState(full.cube.state, 'merge') !== null &&
      isComparable(full) &&
      areCompatible(full, source) &&
      saysTheSame(gistOf({ title: full.cube.title, content: full.content ?? '' }), gist, overlap)
    return older.map((seq) => bySeq.get(seq)).find((full) => full !== undefined && isTarget(full)) ?? null
  }

  async #merge(session: VaultSession, target: FullCube, source: FullCube, context: RequestContext): Promise<number> {
    const { embeddings, runtime } = this.#components
    const { namespaceId, cubeId } = target.cube
    const merged = mergedCube(target, source, {
      nowMs: context.nowMs,
      randomBytes: runtime.randomBytes,
      author: context.principal.keyId,
    })
    if (merged === null) return 0
    const plan = merged.textChanged ? embeddings.plan({ id: namespaceId }, context) : { taskId: null, writes: [] }
    const change = { namespaceId, caller: context.principal.keyId, atMs: context.nowMs }
    try {
      const answers = await session.vault.apply([
        {
          kind: 'transition_cubes',
          ...change,
          cubes: [transitionOf(target, 'merged')],
          event: 'merge',
          reason: `took in ${source.cube.cubeId}`,
        },
        { kind: 'update_cube', stored: storedCube(target, []), cube: merged.cube, textChanged: merged.textChanged },
        {
          kind: 'transition_cubes',
          ...change,
          cubes: [transitionOf(source, 'archived')],
          event: 'archive',
          reason: `says the same as ${cubeId}`,
          mergedInto: cubeId,
        },
        ...plan.writes,
        auditOf(context, namespaceId, [cubeId, source.cube.cubeId]),
      ])
      await embeddings.forget(session, context.principal.orgId, namespaceId, [source.cube.seq])
      embeddings.wake({ id: namespaceId }, plan)
      return answers.length + 1
    } catch (error) {
      // One of the two was changed meanwhile: it stays as it is.
      if (error instanceof GuardError) return 1
      throw error
    }
  }
}

export const isComparable = ({ cube, content, revision }: FullCube): boolean =>
  cube.sessionId === null &&
  cube.memoryType === 'plaintext' &&
  content !== null &&
  cube.termCount <= CONSOLIDATION_TERMS_MAX &&
  revision.lineage.length < LINEAGE_MAX

/** Fields in which two cubes that become one must not differ: who said it, who may see it, how long it holds. */
const ALIKE = [
  'semanticType',
  'speaker',
  'role',
  'sensitivity',
  'priority',
  'expiresAtMs',
  'validFromMs',
  'validToMs',
] as const

export function areCompatible({ cube: target }: FullCube, { cube: source }: FullCube): boolean {
  const keys = Object.keys(source.metadata).filter((key) => key in target.metadata)
  return (
    ALIKE.every((field) => target[field] === source[field]) &&
    (source.title === null || source.title === target.title) &&
    keys.every((key) => source.metadata[key] === target.metadata[key])
  )
}
