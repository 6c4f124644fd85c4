import { existsSync } from 'node:fs'
import type { z } from 'zod'
import type { SearchRequest, SearchResponse } from '../../../schemas/search.ts'
import { startEmbeddingsServer } from '../corpus/embeddings-server.ts'
import { type FactQuery, factQueries, facts } from '../corpus/facts.ts'
import { embed } from '../corpus/hashing-embedder.ts'
import { runQueries, SEARCH_TOP_K } from '../corpus/search-run.ts'
import type { EdgeClient } from '../harness/edge-client.ts'
import { createNamespace, startEdge, tasksDone } from '../harness/edge-tenant.ts'
import { installPeers, runPeer } from '../harness/peer-packages.ts'
import { cpuMs, rssMiB } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import { slices } from '../harness/statistics.ts'
import { startWorkerdEdge, WORKERD_ENTRY } from '../harness/workerd.ts'
import type { PeerRun } from '../peers/peer-run.ts'
import { benchVector } from '../vector.ts'
import type { BenchOptions } from './topic.ts'

const QUERIES = 200
/** mem0 needs about half a second for each query at 10,000 memories. */
const QUERIES_OF_SLOW_PEER = 60
const SIZES = [1000, 10_000, 100_000]
const COMPARED_SIZE = 10_000
const CUBES_PER_REQUEST = 1000
const VECTOR_SIZES = [10_000, 100_000]

/** What a search costs as memory grows, beside the peers with the same texts, queries and vectors. */
export async function search(recorder: Recorder, { quick }: BenchOptions): Promise<void> {
  const compared = quick ? 1000 : COMPARED_SIZE
  await edgeOnNode(recorder, quick ? SIZES.slice(0, 2) : SIZES)
  await edgeOnWorkerd(recorder, compared)
  await peers(recorder, compared)
  for (const [name, value] of Object.entries(await benchVector(quick ? VECTOR_SIZES.slice(0, 1) : VECTOR_SIZES))) {
    recorder.figure(`vector.${name}`, value, unitOf(name))
  }
  if (!quick) recorder.figure('edge.growth', ratio(recorder, 'edge.100000.p50', 'edge.10000.p50'), 'x')
  setTargets(recorder)
}

function setTargets(recorder: Recorder): void {
  recorder.target('edge.10000.p50', '<=', 8)
  recorder.target('fasterThan.mem0', '>=', 50)
  recorder.target('fasterThan.mastra', '>=', 3)
  recorder.target('edge.growth', '<=', 4)
  recorder.target('workerd.10000.p50', '<=', 25)
  recorder.target('vector.100000.p50Ms', '<=', 1)
  recorder.target('vector.100000.recall', '>=', 0.97)
  recorder.target('vector.100000.recallRescored', '>=', 0.99)
}

async function edgeOnNode(recorder: Recorder, sizes: readonly number[]): Promise<void> {
  await using embeddings = await startEmbeddingsServer()
  for (const size of sizes) {
    await using edge = await startEdge(embeddings.env)
    const { client, server } = edge
    const texts = await seed(recorder, client, size)
    await measure(recorder, `edge.${size}`, client, factQueries(texts, QUERIES), () => cpuMs(server.pid))
    recorder.figure(`edge.${size}.rss`, rssMiB(server.pid), 'MiB')
  }
}

async function edgeOnWorkerd(recorder: Recorder, size: number): Promise<void> {
  if (!existsSync(WORKERD_ENTRY)) return recorder.skip('workerd', 'worker/entry/cloudflare.ts does not exist')
  await using embeddings = await startEmbeddingsServer()
  try {
    recorder.progress('starting workerd')
    await using edge = await startWorkerdEdge(embeddings.env)
    const texts = await seed(recorder, edge.client, size, () => edge.fireTimer())
    // wrangler is a tree of processes: CPU time is not split among them, so it is not measured.
    await measure(recorder, `workerd.${size}`, edge.client, factQueries(texts, QUERIES))
  } catch (error) {
    recorder.skip('workerd', error instanceof Error ? error.message : String(error))
  }
}

async function seed(
  recorder: Recorder,
  client: EdgeClient,
  size: number,
  nudge?: () => Promise<void>,
): Promise<string[]> {
  recorder.progress(`storing ${size} memories`)
  const texts = facts(size)
  await createNamespace(client, NAMESPACE)
  for (const batch of slices(texts, CUBES_PER_REQUEST)) {
    await client.post('/v1/cubes/batch', { cubes: batch.map((content) => ({ content, namespace: NAMESPACE })) })
  }
  await tasksDone(client, (line) => recorder.progress(line), nudge)
  return texts
}

const NAMESPACE = 'bench'

/** Latency of hybrid search with the query's vector in the request, with the bench's embedder asked by the edge, and of its two halves alone. */
async function measure(
  recorder: Recorder,
  name: string,
  client: EdgeClient,
  queries: FactQuery[],
  cpuMsNow?: () => number,
): Promise<void> {
  // Vectors are made before the clock runs: making them is the caller's work.
  const vectors = new Map(queries.map(({ query }) => [query, [...embed(query)]]))
  const find = async (query: string, ways: Pick<z.input<typeof SearchRequest>, 'vector' | 'mode'>) => {
    const request: z.input<typeof SearchRequest> = { query, namespaces: [NAMESPACE], limit: SEARCH_TOP_K, ...ways }
    const { results } = await client.post<SearchResponse>('/v1/search', request)
    return results.map(({ cube }) => cube.content ?? '')
  }
  const ways = {
    '': (query: string) => find(query, { vector: vectors.get(query) }),
    '.embedder': (query: string) => find(query, {}),
    '.vectorOnly': (query: string) => find(query, { vector: vectors.get(query), mode: 'vector' }),
    '.lexicalOnly': (query: string) => find(query, { mode: 'lexical' }),
  }
  for (const [suffix, searchOne] of Object.entries(ways)) {
    const run = await runQueries(queries, cpuMsNow ?? (() => 0), searchOne)
    recorder.figure(`${name}${suffix}.p50`, run.p50Ms, 'ms')
    recorder.figure(`${name}${suffix}.p95`, run.p95Ms, 'ms')
    if (cpuMsNow) recorder.figure(`${name}${suffix}.cpu`, run.cpuMs, 'ms CPU per query')
    recorder.figure(`${name}${suffix}.found`, run.found, '% in first 10')
  }
}

async function peers(recorder: Recorder, size: number): Promise<void> {
  await installPeers((line) => recorder.progress(line))
  const queriesOf = { mem0: size > 1000 ? QUERIES_OF_SLOW_PEER : QUERIES, mastra: QUERIES }
  for (const [peer, queries] of Object.entries(queriesOf)) {
    recorder.progress(`peer ${peer}: ${size} memories, ${queries} queries`)
    const run = await runPeer<PeerRun>(`${peer}.ts`, [String(size), String(queries)])
    const name = `${peer}.${size}`
    recorder.figure(`${name}.p50`, run.p50Ms, 'ms')
    recorder.figure(`${name}.p95`, run.p95Ms, 'ms')
    recorder.figure(`${name}.cpu`, run.cpuMs, 'ms CPU per query')
    recorder.figure(`${name}.found`, run.found, '% in first 10')
    recorder.figure(`${name}.add`, run.addPerSecond, 'memories/s')
    recorder.figure(`${name}.rss`, run.rssMiB, 'MiB')
    recorder.figure(`fasterThan.${peer}`, ratio(recorder, `${name}.p50`, `edge.${size}.p50`), 'x')
  }
}

const ratio = (recorder: Recorder, above: string, below: string) => recorder.value(above) / recorder.value(below)

const unitOf = (figure: string) => (figure.endsWith('Ms') ? 'ms' : figure.endsWith('bytes') ? 'B' : 'share')
