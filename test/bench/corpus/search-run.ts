import { performance } from 'node:perf_hooks'
import { percentile } from '../harness/statistics.ts'
import type { FactQuery } from './facts.ts'

export const SEARCH_TOP_K = 10
/** Every engine is measured warm, as a server is: its code compiled, its pages in memory. So many queries at least, and for so long. */
const WARM_UP_QUERIES = 10
const WARM_UP_MS = 3000

/** What a search over known facts cost. */
export interface SearchRun {
  p50Ms: number
  p95Ms: number
  /** CPU time of the engine's process per query. */
  cpuMs: number
  /** Share of queries whose fact was among the first ten, percent. */
  found: number
}

/** Runs the queries one after another. `cpuMsNow` reads the CPU clock of the process that holds the engine. */
export async function runQueries(
  queries: readonly FactQuery[],
  cpuMsNow: () => number,
  search: (query: string) => Promise<readonly string[]>,
): Promise<SearchRun> {
  await warmUp(queries, search)
  const times: number[] = []
  let found = 0
  const cpuStart = cpuMsNow()
  for (const { query, wanted } of queries) {
    const start = performance.now()
    const texts = await search(query)
    times.push(performance.now() - start)
    if (texts.includes(wanted)) found += 1
  }
  return {
    p50Ms: percentile(times, 0.5),
    p95Ms: percentile(times, 0.95),
    cpuMs: (cpuMsNow() - cpuStart) / queries.length,
    found: (100 * found) / queries.length,
  }
}

async function warmUp(queries: readonly FactQuery[], search: (query: string) => Promise<readonly string[]>) {
  const end = performance.now() + WARM_UP_MS
  for (let done = 0; done < WARM_UP_QUERIES || performance.now() < end; done++)
    await search((queries[done % queries.length] as FactQuery).query)
}
