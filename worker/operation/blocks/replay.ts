import { BLOCK_QUESTIONS_MAX, BLOCK_REPLAY_RESULTS_MAX } from '../../../schemas/limits.ts'
import type { Question } from '../../infrastructure/blocks/block-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { DEFAULT_WEIGHTS } from '../retrieval/weights.ts'
import type { MemOperator, SearchQuery } from '../search/mem-operator.ts'
import type { ReplayedQuestion } from './choose-ranks.ts'
import type { OpenBlock } from './mem-blocks.ts'
import { lineOf } from './proposals.ts'

/** How well a block's own questions are answered. */
export interface Replayed {
  /** Mean reciprocal rank (0..1) of the first result that says what helped; null without questions. */
  quality: number | null
  asked: readonly string[]
  questions: readonly ReplayedQuestion[]
  /** Weight of usefulness in the namespace. */
  weight: number
}

const HOW = {
  includeArchived: false,
  live: false,
  // Words alone: the same answer every time, and no model is asked.
  mode: 'lexical',
  diversity: 0,
  rerank: false,
  limit: BLOCK_REPLAY_RESULTS_MAX,
} as const satisfies Omit<SearchQuery, 'query'>

/**
 * Asks the questions again with which members of a block helped. What helped is found where it stands now: in its own cube, in the one that
 * took it in, or in the block's text.
 */
export async function replay(
  operator: Pick<MemOperator, 'search'>,
  session: VaultSession,
  { block, core }: OpenBlock,
  context: RequestContext,
): Promise<Replayed> {
  const asked = await session.blocks.questions(block, BLOCK_QUESTIONS_MAX)
  const namespace = await session.namespaces.byName(block.namespace, 'read')
  if (asked.length === 0 || namespace === null) return { quality: null, asked: [], questions: [], weight: 0 }
  const answers = await answersOf(session, core, asked)
  const questions: ReplayedQuestion[] = []
  let sum = 0
  for (const question of asked) {
    const { found } = await operator.search(session, [namespace], { ...HOW, query: question.query }, context)
    const said = answers(question)
    const at = found.findIndex(({ full }) => said.has(full.cube.cubeId))
    sum += at === -1 ? 0 : 1 / (at + 1)
    const hits = found.map(({ full, hit }) => ({
      cubeId: full.cube.cubeId,
      score: hit.score / (hit.explain.factors.usefulness ?? 1),
    }))
    questions.push({ hits, answers: said })
  }
  return { quality: sum / asked.length, asked: asked.map(({ query }) => query), questions, weight: weightOf(namespace) }
}

const weightOf = ({ settings }: NamespaceRow): number => settings.weights?.usefulness ?? DEFAULT_WEIGHTS.usefulness

/** Which cubes say what helped with a question. */
async function answersOf(session: VaultSession, core: OpenBlock['core'], questions: readonly Question[]) {
  const cubeIds = [...new Set(questions.flatMap((question) => question.cubeIds))]
  const [merged, rows] = [await session.blocks.mergedInto(cubeIds), await session.blocks.writable(cubeIds)]
  const helped = await session.cubes.bySeq(
    core.cube.namespaceId,
    rows.filter(({ namespaceId }) => namespaceId === core.cube.namespaceId).map(({ seq }) => seq),
  )
  const inText = new Set(
    helped.filter((full) => (core.content ?? '').includes(lineOf(full))).map(({ cube }) => cube.cubeId),
  )
  return ({ cubeIds: ids }: Question): ReadonlySet<string> =>
    new Set(ids.flatMap((id) => [id, merged.get(id) ?? id, inText.has(id) ? core.cube.cubeId : id]))
}
