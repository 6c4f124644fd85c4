/**
 * `node test/bench/embedder-quality.ts [--data DIR] [--set locomo] [--convs 2] [--weights .1,.2,.3,.5,1]`: what the weight of vectors does to ranking,
 * with a weak model and a strong one. No model is needed: the weak one hashes words and trigrams, the strong one is told the evidence and blurs it
 * until vectors alone find about as much as published models do on this set. In process; prints a table.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SEARCH_RESULTS_MAX } from '../../schemas/limits.ts'
import type { SearchResponse } from '../../schemas/search.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import type { Embedder } from '../../worker/ports/embedder.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { EMBEDDER_MODEL, embed } from './corpus/hashing-embedder.ts'
import { NoisyOracle } from './corpus/noisy-oracle.ts'
import { REPOSITORY } from './harness/repository.ts'
import { type Dataset, haystacks, readDataset, textOf } from './retrieval/dataset.ts'
import { isScored, recallAt, score } from './retrieval/metrics.ts'
import { messageOf } from './retrieval/remember.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: join(REPOSITORY, '../shared/eval') },
    set: { type: 'string', default: 'locomo' },
    convs: { type: 'string', default: '2' },
    weights: { type: 'string', default: '.1,.2,.3,.5,1' },
  },
})

if (!existsSync(join(values.data, values.set))) {
  console.log(`skipped: there is no ${values.set} in ${values.data}; give its folder with --data`)
  process.exit(0)
}

const dataset = firstConvs(readDataset(values.data, values.set), Number(values.convs))
const questions = dataset.questions.filter(isScored)
const sessionOf = new Map(dataset.turns.map((turn) => [turn.id, turn.session]))
const weak: Embedder = {
  model: EMBEDDER_MODEL,
  dimensions: null,
  embed: async (texts) => texts.map((text) => embed(text)),
}

console.log(`${values.set}: ${dataset.turns.length} turns, ${questions.length} questions`)
let lexical: Rankings | null = null
for (const embedder of [weak, new NoisyOracle(dataset)]) {
  const { edge, call } = await open(embedder)
  lexical ??= await rankings(call, { mode: 'lexical' })
  if (embedder === weak) print('words', lexical, lexical)
  print(`${embedder.model} alone`, await rankings(call, { mode: 'vector' }), lexical)
  for (const weight of values.weights.split(',').map(Number)) {
    for (const namespace of namespaces().values())
      await call('PATCH', `/v1/namespaces/${namespace}`, { settings: { weights: { vector: weight } } })
    print(`${embedder.model} ${weight}`, await rankings(call, {}), lexical)
  }
  await edge.close()
}

type Rankings = Map<string, string[]>
type Call = <T>(method: string, path: string, body: unknown) => Promise<T>

function firstConvs({ name, turns, questions }: Dataset, count: number): Dataset {
  const chosen = new Set([...haystacks(turns).keys()].slice(0, count))
  const here = ({ conv }: { conv: string }) => chosen.has(conv)
  return { name, turns: turns.filter(here), questions: questions.filter(here) }
}

function namespaces(): Map<string, string> {
  return new Map([...haystacks(dataset.turns).keys()].map((conv, at) => [conv, `conv-${at}`]))
}

/** An edge that has remembered and embedded every turn. */
async function open(embedder: Embedder): Promise<{ edge: LocalEdge; call: Call }> {
  const { database } = await openLibsql('default', ':memory:')
  const edge = await openLocalEdge({
    databases: new Map([['default', database]]),
    blobs: new MemoryBlobStore(),
    embedder,
  })
  const caller =
    (key: string): Call =>
    async (method, path, body) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const response = await edge.fetch(path, { method, headers, body: JSON.stringify(body) })
      if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`)
      return response.json()
    }
  const { secret } = await caller(edge.rootKey)<{ secret: string }>('POST', '/v1/organisations', { name: 'bench' })
  const call = caller(secret)
  for (const [conv, turns] of haystacks(dataset.turns)) {
    const namespace = namespaces().get(conv)
    await call('POST', '/v1/namespaces', { name: namespace, layer: 'shared' })
    for (const [session, ofSession] of Map.groupBy(turns, (turn) => turn.session)) {
      const messages = ofSession.filter((turn) => textOf(turn) !== '').map(messageOf)
      await call('POST', '/v1/memories', { namespace, session, messages })
    }
  }
  await edge.runTasks()
  return { edge, call }
}

async function rankings(call: Call, options: { mode?: string }): Promise<Rankings> {
  const found: Rankings = new Map()
  for (const { question_id, question, conv } of questions) {
    const body = { query: question, namespaces: [namespaces().get(conv)], limit: SEARCH_RESULTS_MAX, ...options }
    const { results } = await call<SearchResponse>('POST', '/v1/search', body)
    found.set(
      question_id,
      results.map(({ cube }) => String(cube.metadata.sourceId)),
    )
  }
  return found
}

/** `beyond words`: of the evidence that words alone do not find among their first hundred, the share among the first ten. */
function print(name: string, found: Rankings, words: Rankings): void {
  const { MRR, 'R@1': first, 'R@10': ten } = score(questions, found, sessionOf)
  const beyond = questions.flatMap(({ question_id, evidence }) => {
    const missed = evidence.filter((id) => !words.get(question_id)?.includes(id))
    return missed.map((id) => recallAt(10, found.get(question_id) ?? [], [id]))
  })
  const share = (100 * beyond.reduce((sum, one) => sum + one, 0)) / beyond.length
  const figures = { MRR, 'R@1': first, 'R@10': ten, [`beyond words (${beyond.length})`]: share }
  const columns = Object.entries(figures).map(([figure, value]) => `${figure} ${(value ?? 0).toFixed(1)}`)
  console.log([name.padEnd(20), ...columns].join('  '))
}
