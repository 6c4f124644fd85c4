/**
 * `node test/bench/graph-quality.ts [--data DIR] [--sets locomo,realmem] [--convs 5] [--weights .1,.2,.3,.5] [--skip 0]`: what walking the graph of
 * entities does to ranking, by category of question, against the same search without it. The haystacks are the first `convs` of each set after
 * `skip`: the first half is what was tuned on. In process, through the API, without a model; prints a table.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { QUERY_LENGTH_MAX, SEARCH_RESULTS_MAX } from '../../schemas/limits.ts'
import type { SearchResponse } from '../../schemas/search.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { openLocalEdge } from '../support/local-edge.ts'
import { REPOSITORY } from './harness/repository.ts'
import { percentile } from './harness/statistics.ts'
import { type Dataset, haystacks, type Question, readDataset, textOf } from './retrieval/dataset.ts'
import { isScored, score } from './retrieval/metrics.ts'
import { messageOf } from './retrieval/remember.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: join(REPOSITORY, '../shared/eval') },
    sets: { type: 'string', default: 'locomo' },
    convs: { type: 'string', default: '5' },
    skip: { type: 'string', default: '0' },
    weights: { type: 'string', default: '.1,.2,.3,.5' },
  },
})

type Asked = Question & { category?: string }
type Call = <T>(method: string, path: string, body: unknown) => Promise<T>
type Rankings = Map<string, string[]>

for (const name of values.sets.split(',')) {
  if (!existsSync(join(values.data, name))) {
    console.log(`skipped: there is no ${name} in ${values.data}; give its folder with --data`)
    continue
  }
  await measure(part(readDataset(values.data, name)))
}

/** The chosen haystacks of a set. */
function part({ name, turns, questions }: Dataset): Dataset {
  const from = Number(values.skip)
  const chosen = new Set([...haystacks(turns).keys()].slice(from, from + Number(values.convs)))
  const here = ({ conv }: { conv: string }) => chosen.has(conv)
  return { name, turns: turns.filter(here), questions: questions.filter(here).filter(isScored) }
}

async function measure(dataset: Dataset): Promise<void> {
  const questions: Asked[] = dataset.questions
  const namespaces = new Map([...haystacks(dataset.turns).keys()].map((conv, at) => [conv, `conv-${at}`]))
  const { call, close } = await remembered(dataset, namespaces)
  console.log(`${dataset.name}: ${dataset.turns.length} turns, ${questions.length} questions`)
  const categories = [...new Set(questions.map(({ category }) => category ?? 'all'))].sort()
  const sessionOf = new Map(dataset.turns.map((turn) => [turn.id, turn.session]))
  const print = (title: string, { rankings, times }: { rankings: Rankings; times: number[] }) => {
    const figures = (asked: Asked[]) => {
      const { 'R@10': ten = 0, MRR = 0 } = score(asked, rankings, sessionOf)
      return `${ten.toFixed(1)}/${MRR.toFixed(1)}`
    }
    const byCategory = categories.map(
      (one) => `${one} ${figures(questions.filter((q) => (q.category ?? 'all') === one))}`,
    )
    const time = `p50 ${percentile(times, 0.5).toFixed(1)} ms`
    console.log([title.padEnd(12), `all ${figures(questions)}`, ...byCategory, time].join('  '))
  }
  print('without', await ask(call, questions, namespaces, false))
  for (const weight of values.weights.split(',').map(Number)) {
    for (const namespace of namespaces.values())
      await call('PATCH', `/v1/namespaces/${namespace}`, { settings: { weights: { graph: weight } } })
    print(`graph ${weight}`, await ask(call, questions, namespaces, true))
  }
  await close()
}

/** An edge that has remembered every turn and read it for entities. */
async function remembered(dataset: Dataset, namespaces: ReadonlyMap<string, string>) {
  const { database } = await openLibsql('default', ':memory:')
  const edge = await openLocalEdge({ databases: new Map([['default', database]]), blobs: new MemoryBlobStore() })
  // Some sets tell of days that lie ahead.
  edge.clock.nowMs = Date.UTC(2035, 0, 1)
  const caller =
    (key: string): Call =>
    async (method, path, body) => {
      // Keys have a rate per minute; the clock of this edge stands still.
      edge.clock.nowMs += 1000
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const response = await edge.fetch(path, { method, headers, body: JSON.stringify(body) })
      if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`)
      return response.json()
    }
  const { secret } = await caller(edge.rootKey)<{ secret: string }>('POST', '/v1/organisations', { name: 'bench' })
  const call = caller(secret)
  for (const [conv, turns] of haystacks(dataset.turns)) {
    const namespace = namespaces.get(conv)
    await call('POST', '/v1/namespaces', { name: namespace, layer: 'shared' })
    for (const [session, ofSession] of Map.groupBy(turns, (turn) => turn.session)) {
      const messages = ofSession.filter((turn) => textOf(turn) !== '').map(messageOf)
      for (let at = 0; at < messages.length; at += 200)
        await call('POST', '/v1/memories', { namespace, session, messages: messages.slice(at, at + 200) })
    }
  }
  const startMs = performance.now()
  await edge.components.tick()
  await edge.runTasks()
  const perCube = (performance.now() - startMs) / dataset.turns.length
  console.log(`read for entities and facts in ${perCube.toFixed(2)} ms a turn`)
  return { call, close: () => edge.close() }
}

async function ask(call: Call, questions: readonly Asked[], namespaces: ReadonlyMap<string, string>, graph: boolean) {
  const rankings: Rankings = new Map()
  const times: number[] = []
  for (const { question_id, question, conv, before } of questions) {
    const live = before !== undefined && { live: true, filter: { field: 'metadata.si', op: 'lt', value: before } }
    const query = question.slice(0, QUERY_LENGTH_MAX)
    const body = { query, namespaces: [namespaces.get(conv)], limit: SEARCH_RESULTS_MAX, graph, ...live }
    const startMs = performance.now()
    const { results } = await call<SearchResponse>('POST', '/v1/search', body)
    times.push(performance.now() - startMs)
    rankings.set(
      question_id,
      results.map(({ cube }) => String(cube.metadata.sourceId)),
    )
  }
  return { rankings, times }
}
