import { createNamespace, type EdgeTenant, startEdge } from '../harness/edge-tenant.ts'
import { generateLoad } from '../harness/generate-load.ts'
import { INSPECTABLE, LiveHeap } from '../harness/live-heap.ts'
import { memoryMiB } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'

const STEP_MEMORIES = 100_000
const STEPS = 4
const NAMESPACES_PER_STEP = 50
const CONNECTIONS = 2
const DOCUMENTS = 4000
/**
 * Per 100,000 memories: 84 bytes each, so less than the text of one. By then the page cache of the database (64 MiB) is full; nothing else in a
 * server that no one searches grows for good.
 */
const ANONYMOUS_GROWTH_MIB_MAX = 8
/** Per 100,000 memories: 42 bytes each, one entry of a map. The cache of word stems fills and empties within about 5 MiB. */
const LIVE_HEAP_GROWTH_MIB_MAX = 4
/** For texts of 114 MiB in all: a server that kept a seventh of them would be above it. */
const DOCUMENTS_GROWTH_MIB_MAX = 16

/**
 * Whether memory use levels off: one large namespace and many small ones, without an embedding model, and afterwards long texts. Every reading
 * is taken after a full garbage collection, so that it holds what the server cannot free, not what it has not freed yet.
 */
export async function memoryGrowth(recorder: Recorder, quick: boolean): Promise<void> {
  await using edge = await startEdge(INSPECTABLE)
  await createNamespace(edge.client, 'large')
  using heap = await LiveHeap.of(edge.server)
  await read(recorder, edge, heap, '0')
  const step = quick ? STEP_MEMORIES / 10 : STEP_MEMORIES
  for (let stored = 0; stored < STEPS * step; stored += step) {
    recorder.progress(`memory: growing to ${stored + step} memories`)
    await generateLoad(edge, {
      kind: 'batch',
      namespaces: await largeAndSmall(edge, stored),
      from: stored,
      count: step,
      connections: CONNECTIONS,
    })
    await read(recorder, edge, heap, String(stored + step))
  }
  recorder.figure('memory.peak', memoryMiB(edge.server.pid).peak, 'MiB')
  await documents(recorder, edge, heap, quick ? DOCUMENTS / 10 : DOCUMENTS)
  recorder.figure('memory.documents.peak', memoryMiB(edge.server.pid).peak, 'MiB')
  if (quick) return
  const part = (name: string, at: number) => recorder.value(`memory.${at * step}.${name}`)
  for (const name of ['anonymous', 'liveHeap']) {
    const growth = (part(name, STEPS) - part(name, STEPS / 2)) / ((STEPS / 2) * (step / 100_000))
    recorder.figure(`memory.${name}.growthPer100000`, growth, 'MiB')
  }
  recorder.target('memory.anonymous.growthPer100000', '<=', ANONYMOUS_GROWTH_MIB_MAX)
  recorder.target('memory.liveHeap.growthPer100000', '<=', LIVE_HEAP_GROWTH_MIB_MAX)
  recorder.target('memory.documents.liveHeap.growth', '<=', DOCUMENTS_GROWTH_MIB_MAX)
}

/** Every second request goes to the large namespace, the others to fresh ones in turn. */
async function largeAndSmall({ client }: EdgeTenant, stored: number): Promise<string[]> {
  const names = Array.from({ length: NAMESPACES_PER_STEP }, (_, i) => `small-${stored + i}`)
  for (const name of names) await createNamespace(client, name)
  return names.flatMap((name) => ['large', name])
}

/** Long texts of which each has a word of its own: whatever is remembered of such a text must not hold on to the whole of it. */
async function documents(recorder: Recorder, edge: EdgeTenant, heap: LiveHeap, count: number): Promise<void> {
  recorder.progress(`memory: ${count} long texts`)
  const before = await heap.collected()
  await generateLoad(edge, { kind: 'documents', namespaces: ['large'], from: 0, count, connections: CONNECTIONS })
  const after = await read(recorder, edge, heap, 'documents')
  recorder.figure('memory.documents.liveHeap.growth', after - before, 'MiB')
}

async function read(recorder: Recorder, { server }: EdgeTenant, heap: LiveHeap, at: string): Promise<number> {
  const live = await heap.collected()
  const { anonymous, mappedFiles } = memoryMiB(server.pid)
  recorder.figure(`memory.${at}.anonymous`, anonymous, 'MiB')
  recorder.figure(`memory.${at}.mappedFiles`, mappedFiles, 'MiB')
  recorder.figure(`memory.${at}.liveHeap`, live, 'MiB')
  return live
}
