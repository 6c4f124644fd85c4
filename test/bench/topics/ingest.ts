import { startEmbeddingsServer } from '../corpus/embeddings-server.ts'
import type { LoadResult } from '../corpus/load-generator.ts'
import { diskBytes } from '../harness/disk-bytes.ts'
import { createNamespace, startEdge, tasksDone } from '../harness/edge-tenant.ts'
import { generateLoad } from '../harness/generate-load.ts'
import { memoryMiB, rssMiB } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import { memoryGrowth } from './ingest-memory.ts'
import type { BenchOptions } from './topic.ts'

const BATCHED_MEMORIES = 50_000
const SINGLE_MEMORIES = 10_000
const BATCH_CONNECTIONS = 2
const SINGLE_CONNECTIONS = 32
const GROWTH_SIZES = [10_000, 50_000, 100_000]
const NAMESPACE = 'bench'

/** How fast memories are acknowledged (each answer means: on disk), what they occupy, and whether memory use levels off. */
export async function ingest(recorder: Recorder, { quick }: BenchOptions): Promise<void> {
  await throughput(recorder, quick ? 10_000 : BATCHED_MEMORIES, quick ? 2000 : SINGLE_MEMORIES)
  await growth(recorder, quick ? GROWTH_SIZES.slice(0, 1) : GROWTH_SIZES)
  await memoryGrowth(recorder, quick)
  recorder.target('batched.perSecond', '>=', 5000)
  recorder.target('single.perSecond', '>=', 1000)
  recorder.target('disk.perMemory', '<=', 3)
}

async function throughput(recorder: Recorder, batched: number, single: number): Promise<void> {
  await using edge = await startEdge()
  await createNamespace(edge.client, NAMESPACE)
  const loads = {
    single: { kind: 'single', namespaces: [NAMESPACE], from: 0, count: single, connections: SINGLE_CONNECTIONS },
    batched: { kind: 'batch', namespaces: [NAMESPACE], from: single, count: batched, connections: BATCH_CONNECTIONS },
  } as const
  for (const [name, order] of Object.entries(loads)) {
    recorder.progress(`${name}: ${order.count} memories over ${order.connections} connections`)
    record(recorder, name, await generateLoad(edge, order))
  }
}

/** With an embedder that gives 384 dimensions: the figures include the vectors and the work of making them. */
async function growth(recorder: Recorder, sizes: readonly number[]): Promise<void> {
  await using embeddings = await startEmbeddingsServer()
  await using edge = await startEdge(embeddings.env)
  await createNamespace(edge.client, NAMESPACE)
  const { server, client, home } = edge
  recorder.figure('rss.0', rssMiB(server.pid), 'MiB')
  let stored = 0
  for (const size of sizes) {
    recorder.progress(`with vectors: growing to ${size} memories`)
    const start = performance.now()
    const load = await generateLoad(edge, {
      kind: 'batch',
      namespaces: [NAMESPACE],
      from: stored,
      count: size - stored,
      connections: BATCH_CONNECTIONS,
    })
    await tasksDone(client, (line) => recorder.progress(line))
    const seconds = (performance.now() - start) / 1000
    record(recorder, `withEmbedder.${size}`, load)
    recorder.figure(`withEmbedder.${size}.embedded.perSecond`, (size - stored) / seconds, 'memories/s')
    recorder.figure(`rss.${size}`, rssMiB(server.pid), 'MiB')
    recorder.figure(`rss.${size}.mappedFiles`, memoryMiB(server.pid).mappedFiles, 'MiB')
    stored = size
  }
  const exitCode = await server.stop()
  if (exitCode !== 0) recorder.skip('clean stop', `the server ended with ${exitCode}`)
  const { database, blobs } = diskBytes(home)
  recorder.figure('disk.database', database / 2 ** 20, 'MiB')
  recorder.figure('disk.rest', blobs / 2 ** 20, 'MiB')
  recorder.figure('disk.perMemory', (database + blobs) / 1024 / stored, 'KiB')
}

function record(recorder: Recorder, name: string, { perSecond, p50Ms, p99Ms }: LoadResult): void {
  recorder.figure(`${name}.perSecond`, perSecond, 'memories/s')
  recorder.figure(`${name}.request.p50`, p50Ms, 'ms')
  recorder.figure(`${name}.request.p99`, p99Ms, 'ms')
}
