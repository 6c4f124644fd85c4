/**
 * Writes facts to an edge from a process of its own, so that the server does not share its event loop with the bench.
 * Usage: node load-generator.ts '{"url", "key", "namespace", "kind": "batch" | "single", "from", "count", "connections"}'; prints one line of JSON.
 */
import { performance } from 'node:perf_hooks'
import { EdgeClient } from '../harness/edge-client.ts'
import { inParallel, percentile, slices } from '../harness/statistics.ts'
import { facts } from './facts.ts'

const CUBES_PER_REQUEST = 1000

export interface LoadOrder {
  url: string
  key: string
  namespace: string
  /** `batch`: 1000 cubes per request; `single`: one memory per request. */
  kind: 'batch' | 'single'
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

async function load({ url, key, namespace, kind, from, count, connections }: LoadOrder): Promise<LoadResult> {
  const texts = facts(from + count).slice(from)
  const path = kind === 'batch' ? '/v1/cubes/batch' : '/v1/memories'
  const bodies =
    kind === 'batch' ? batchBodies(texts, namespace) : texts.map((text) => JSON.stringify({ text, namespace }))
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

const batchBodies = (texts: readonly string[], namespace: string) =>
  [...slices(texts, CUBES_PER_REQUEST)].map((batch) =>
    JSON.stringify({ cubes: batch.map((content) => ({ content, namespace })) }),
  )

if (import.meta.main) console.log(JSON.stringify(await load(JSON.parse(process.argv[2] ?? '{}') as LoadOrder)))
