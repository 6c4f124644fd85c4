/**
 * Writes facts to an edge from a process of its own, so that the server does not share its event loop with the bench.
 * Usage: node load-generator.ts '{"url", "key", "namespaces", "kind": "batch" | "single" | "documents", "from", "count", "connections"}'; prints one line of JSON.
 */
import { performance } from 'node:perf_hooks'
import { EdgeClient } from '../harness/edge-client.ts'
import { inParallel, percentile, slices } from '../harness/statistics.ts'
import { documents, facts } from './facts.ts'

const CUBES_PER_REQUEST = 1000
/** 6 MB of text: a request body may have 8. */
const DOCUMENTS_PER_REQUEST = 200

export interface LoadOrder {
  url: string
  key: string
  /** One after another: request i writes to the i-th of them, and after the last to the first again. */
  namespaces: readonly string[]
  /** `batch`: 1000 cubes per request; `single`: one memory per request; `documents`: 200 cubes with long texts per request. */
  kind: 'batch' | 'single' | 'documents'
  /** The facts `from` to `from + count` are written. */
  from: number
  count: number
  connections: number
}

export interface LoadResult {
  perSecond: number
  p50Ms: number
  p99Ms: number
}

async function load({ url, key, namespaces, kind, from, count, connections }: LoadOrder): Promise<LoadResult> {
  const texts = kind === 'documents' ? documents(from, count) : facts(from + count).slice(from)
  const path = kind === 'single' ? '/v1/memories' : '/v1/cubes/batch'
  const bodies = [...requests(kind, texts)].map((toBody, at) =>
    JSON.stringify(toBody(namespaces[at % namespaces.length] as string)),
  )
  const client = new EdgeClient({ url, key, connections })
  const start = performance.now()
  const times = await inParallel(bodies, connections, async (body) => {
    const sent = performance.now()
    await client.postText(path, body)
    return performance.now() - sent
  })
  const perSecond = (1000 * count) / (performance.now() - start)
  client.close()
  return { perSecond, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) }
}

function* requests(kind: LoadOrder['kind'], texts: readonly string[]): Generator<(namespace: string) => unknown> {
  if (kind === 'single') for (const text of texts) yield (namespace) => ({ text, namespace })
  else
    for (const batch of slices(texts, kind === 'batch' ? CUBES_PER_REQUEST : DOCUMENTS_PER_REQUEST))
      yield (namespace) => ({ cubes: batch.map((content) => ({ content, namespace })) })
}

if (import.meta.main) console.log(JSON.stringify(await load(JSON.parse(process.argv[2] ?? '{}') as LoadOrder)))
