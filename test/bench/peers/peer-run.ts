import { type FactQuery, factQueries, facts } from '../corpus/facts.ts'
import { runQueries, type SearchRun } from '../corpus/search-run.ts'

const MIB = 1024 * 1024

export interface PeerRun extends SearchRun {
  addPerSecond: number
  rssMiB: number
}

interface PeerProgram {
  name: string
  /** Stores the texts in the way that suits the engine. */
  add(texts: readonly string[], onProgress: (done: number) => void): Promise<void>
  search(query: string): Promise<readonly string[]>
}

/** Main of a peer program: `node PROGRAM.ts COUNT QUERIES` prints one line of JSON, a PeerRun. */
export async function runPeerProgram({ name, add, search }: PeerProgram): Promise<void> {
  const [count = 1000, queries = 200] = process.argv.slice(2).map(Number)
  const texts = facts(count)
  const asked: FactQuery[] = factQueries(texts, queries)
  const start = performance.now()
  let told = start
  await add(texts, (done) => {
    if (performance.now() - told < 15_000) return
    told = performance.now()
    console.error(`[search] ${name}: ${done} of ${count} added`)
  })
  const addPerSecond = (1000 * count) / (performance.now() - start)
  const cpuMsNow = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  const run = await runQueries(asked, cpuMsNow, search)
  const result: PeerRun = { ...run, addPerSecond, rssMiB: process.memoryUsage().rss / MIB }
  console.log(JSON.stringify(result))
}
