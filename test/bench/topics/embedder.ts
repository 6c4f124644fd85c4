import { existsSync } from 'node:fs'
import { CorpusEmbedder } from '../corpus/corpus-embedder.ts'
import { startEmbeddingsServer } from '../corpus/embeddings-server.ts'
import { startEdge } from '../harness/edge-tenant.ts'
import { pairedGain } from '../harness/paired-gain.ts'
import type { Recorder } from '../harness/report.ts'
import { ask } from '../retrieval/ask.ts'
import { type Dataset, textOf } from '../retrieval/dataset.ts'
import { isScored, score } from '../retrieval/metrics.ts'
import { rememberHaystacks } from '../retrieval/remember.ts'
import { chooseSets, NOISE, readSet } from '../retrieval/sets.ts'
import type { BenchOptions } from './topic.ts'

/** Of a set with more memories, every second question is asked. */
const ALL_QUESTIONS_MEMORIES_MAX = 30_000
const METRICS = ['R@10', 'MRR'] as const

/** Whether an embedding model does harm: the same memories searched by words alone and with a model trained here on the texts of the set. */
export async function embedder(recorder: Recorder, { data, sets }: BenchOptions): Promise<void> {
  if (!existsSync(data)) return recorder.skip('embedder', 'no data: give a folder with --data')
  for (const name of chooseSets(data, sets)) await compare(recorder, readSet(data, name), trainingTexts(data, name))
}

/** The unlabelled turns of the conversations, as the edge hands them to a model; never a question. */
function trainingTexts(data: string, name: string): string[] {
  // A model of the noise would know little of the conversations: published ones, too, come from other texts than they meet.
  const { turns } = readSet(data, name === NOISE ? 'locomo' : name)
  return turns.map((turn) => `${turn.speaker}: ${textOf(turn)}`)
}

async function compare(recorder: Recorder, dataset: Dataset, texts: readonly string[]): Promise<void> {
  const { name, turns } = dataset
  const scored = dataset.questions.filter(isScored)
  const questions = turns.length > ALL_QUESTIONS_MEMORIES_MAX ? scored.filter((_, at) => at % 2 === 0) : scored
  recorder.figure(`${name}.memories`, turns.length, 'memories')
  recorder.figure(`${name}.questions`, questions.length, 'questions')
  recorder.progress(`${name}: training on ${texts.length} texts`)
  const start = performance.now()
  const model = new CorpusEmbedder(texts)
  recorder.figure(`${name}.training`, (performance.now() - start) / 1000, 's')

  await using embeddings = await startEmbeddingsServer(model)
  await using edge = await startEdge(embeddings.env)
  const namespaces = await rememberHaystacks(edge.client, dataset, (line) => recorder.progress(line))
  const rankingsBy = async (mode: 'lexical' | 'vector' | undefined) => {
    recorder.progress(`${name}: asking ${questions.length} questions, mode ${mode ?? 'hybrid'}`)
    const { rankings } = await ask(edge.client, questions, (conv) => namespaces.get(conv) ?? '', mode)
    const scores = score(questions, rankings, new Map())
    for (const metric of METRICS) recorder.figure(`${name}.${mode ?? 'hybrid'}.${metric}`, scores[metric] ?? 0, '%')
    return rankings
  }
  await rankingsBy('vector')
  const lexical = await rankingsBy('lexical')
  const hybrid = await rankingsBy(undefined)
  for (const metric of METRICS) {
    const each = (rankings: typeof lexical) => questions.map((one) => score([one], rankings, new Map())[metric] ?? 0)
    const { gain, low, high } = pairedGain(each(lexical), each(hybrid))
    recorder.figure(`${name}.gain.${metric}`, gain, 'points')
    recorder.figure(`${name}.gain.${metric}.low`, low, 'points')
    recorder.figure(`${name}.gain.${metric}.high`, high, 'points')
    // Not the interval: that no set loses is asked of the figure itself.
    recorder.target(`${name}.gain.${metric}`, '>=', 0)
  }
}
