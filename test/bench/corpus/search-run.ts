import { performance } from 'node:perf_hooks'
import { percentile } from '../harness/statistics.ts'
import type { FactQuery } from './facts.ts'

export const SEARCH_TOP_K = 10
const WARM_UP_QUERIES = 10

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
  for (const { query } of queries.slice(0, WARM_UP_QUERIES)) await search(query)
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
