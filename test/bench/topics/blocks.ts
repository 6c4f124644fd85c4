import { existsSync } from 'node:fs'
import type { BlockDetail, BlockReceipt, Evolution } from '../../../schemas/block.ts'
import { BLOCK_MEMBERS_PER_REQUEST_MAX } from '../../../schemas/limits.ts'
import type { SearchResponse } from '../../../schemas/search.ts'
import type { EdgeClient } from '../harness/edge-client.ts'
import { startEdge } from '../harness/edge-tenant.ts'
import { pairedGain } from '../harness/paired-gain.ts'
import type { Recorder } from '../harness/report.ts'
import { ask, requestOf } from '../retrieval/ask.ts'
import { type Question, type Turn, textOf } from '../retrieval/dataset.ts'
import { isScored, score } from '../retrieval/metrics.ts'
import { messageOf, rememberHaystacks } from '../retrieval/remember.ts'
import { readSet } from '../retrieval/sets.ts'
import type { BenchOptions } from './topic.ts'

const SETS = ['locomo', 'realmem']
const METRICS = ['R@10', 'MRR'] as const
/** Results of a question that somebody looks at and judges. */
const JUDGED_RESULTS = 10
/** A block that still changes itself after so many runs is not asked again. */
const RUNS_MAX = 40

/**
 * Whether blocks that evolve help: the first half of the questions of each conversation is asked and answered with feedback (what holds the answer
 * helped, the other results were ignored), then the second half is asked before the feedback, with it, and after the block has evolved from it. The
 * first half is asked again as well: what is needed once is often needed again, and that is what feedback can know of.
 */
export async function blocks(recorder: Recorder, { data, sets = SETS }: BenchOptions): Promise<void> {
  if (!existsSync(data)) return recorder.skip('blocks', 'no data: give a folder with --data')
  for (const name of sets) await replayed(recorder, data, name)
}

async function replayed(recorder: Recorder, data: string, name: string): Promise<void> {
  const dataset = readSet(data, name)
  await using edge = await startEdge()
  const namespaces = await rememberHaystacks(edge.client, dataset, (line) => recorder.progress(line))
  const halves = [...Map.groupBy(dataset.questions.filter(isScored), ({ conv }) => conv).values()].map((list) => ({
    trained: list.slice(0, Math.floor(list.length / 2)),
    asked: list.slice(Math.floor(list.length / 2)),
  }))
  const asked = halves.flatMap((half) => half.asked)
  const repeated = halves.flatMap((half) => half.trained)
  recorder.figure(`${name}.questions`, asked.length, 'questions')
  const rankings = async (stage: string, held: ReadonlyMap<string, string[]> = new Map(), questions = asked) => {
    recorder.progress(`${name}: asking ${questions.length} questions, ${stage}`)
    const answers = await ask(edge.client, questions, (conv) => namespaces.get(conv) ?? '')
    // A block's text that is found holds the turns that it took in.
    const found = new Map([...answers.rankings].map(([id, list]) => [id, list.flatMap((one) => held.get(one) ?? one)]))
    const scores = score(questions, found, new Map())
    for (const metric of METRICS) recorder.figure(`${name}.${stage}.${metric}`, scores[metric] ?? 0, '%')
    return found
  }
  const before = await rankings('before')
  const beforeAgain = await rankings('again.before', new Map(), repeated)
  const blockIds: string[] = []
  for (const { trained } of halves)
    blockIds.push(...(await train(edge.client, trained, namespaces.get(trained[0]?.conv ?? '') ?? '')))
  const fed = await rankings('feedback')
  const changes = new Map<string, number>()
  for (const id of blockIds) await evolve(edge.client, id, changes)
  for (const [kind, count] of [...changes].sort()) recorder.figure(`${name}.changes.${kind}`, count, 'changes')
  const held = await heldTurns(edge.client, blockIds, dataset.turns)
  const after = await rankings('evolved', held)
  const afterAgain = await rankings('again.evolved', held, repeated)
  for (const [stage, questions, earlier, found] of [
    ['feedback', asked, before, fed],
    ['evolved', asked, before, after],
    ['again.evolved', repeated, beforeAgain, afterAgain],
  ] as const)
    for (const metric of METRICS) {
      const each = (one: typeof before) => questions.map((question) => score([question], one, new Map())[metric] ?? 0)
      const { gain, low, high } = pairedGain(each(earlier), each(found))
      recorder.figure(`${name}.${stage}.gain.${metric}`, gain, 'points')
      recorder.figure(`${name}.${stage}.gain.${metric}.low`, low, 'points')
      recorder.figure(`${name}.${stage}.gain.${metric}.high`, high, 'points')
      // A loss is one that the choice of questions does not explain: the whole interval lies below zero.
      recorder.target(`${name}.${stage}.gain.${metric}.high`, '>=', 0)
      if (stage === 'again.evolved' && metric === 'MRR') recorder.target(`${name}.${stage}.gain.${metric}.low`, '>', 0)
    }
}

/** Turns whose words the texts of blocks hold, by the cube of the text. */
async function heldTurns(
  client: EdgeClient,
  blockIds: readonly string[],
  turns: readonly Turn[],
): Promise<Map<string, string[]>> {
  const held = new Map<string, string[]>()
  for (const id of blockIds) {
    const { coreCubeId, text } = await client.get<BlockDetail>(`/v1/blocks/${id}`)
    const lines = text.split('\n')
    const said = turns.filter((turn) => lines.includes(lineOf(turn)))
    held.set(
      coreCubeId,
      said.map((turn) => turn.id),
    )
  }
  return held
}

const lineOf = (turn: Turn): string => {
  const said = textOf(turn).replace(/\s+/gu, ' ').trim()
  return messageOf(turn).role === undefined ? `${turn.speaker}: ${said}` : said
}

/** Asks, sends feedback on what was found, and makes what was found the members of a block. Answers its id; none without questions. */
async function train(client: EdgeClient, questions: readonly Question[], namespace: string): Promise<string[]> {
  const judged = new Set<string>()
  for (const question of questions) {
    const request = { ...requestOf(question, namespace), limit: JUDGED_RESULTS }
    const { results } = await client.post<SearchResponse>('/v1/search', request)
    const items = results.map(({ cube }) => ({
      cubeId: cube.cubeId,
      outcome: question.evidence.includes(String(cube.metadata.sourceId)) ? 'helped' : 'ignored',
      requestId: question.question_id,
      query: question.question.slice(0, 1000),
    }))
    if (items.length > 0) await client.post('/v1/feedback', { items })
    for (const { cubeId } of items) judged.add(cubeId)
  }
  if (judged.size === 0) return []
  const { blockId } = await client.post<BlockReceipt>('/v1/blocks', { namespace, name: 'conversation' })
  const cubeIds = [...judged]
  for (let at = 0; at < cubeIds.length; at += BLOCK_MEMBERS_PER_REQUEST_MAX)
    await client.post(`/v1/blocks/${blockId}/members`, {
      cubeIds: cubeIds.slice(at, at + BLOCK_MEMBERS_PER_REQUEST_MAX),
    })
  return [blockId]
}

async function evolve(client: EdgeClient, id: string, counts: Map<string, number>): Promise<void> {
  for (let run = 0; run < RUNS_MAX; run++) {
    const { changes } = await client.post<Evolution>(`/v1/blocks/${id}/evolve`, {})
    for (const { kind } of changes) counts.set(kind, (counts.get(kind) ?? 0) + 1)
    if (changes.length === 0) return
  }
}
