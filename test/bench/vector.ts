/** Goal: the resident vector index answers within a millisecond at 100 000 rows and loses next to no neighbours.
 *  Method: 1000 gaussian clusters in 384 dimensions; queries from the same mixture; recall@10 against an exact f32 scan,
 *  for the index alone and after its best 64 are scored exactly, as the vault does.
 *  Run: node test/bench/vector.ts [rows...] */
import { VECTOR_CANDIDATES_MAX } from '../../schemas/limits.ts'
import { readKernel } from '../../worker/drivers/vector-index/kernel/read-kernel.ts'
import { ResidentIndex } from '../../worker/drivers/vector-index/resident-index.ts'
import { clusteredVectors, dot, SEED } from '../support/clustered-vectors.ts'

const DIMENSIONS = 384
const QUERIES = 100
const WARM_UP_QUERIES = 20
const NEAREST = 10

/** Figures by name (`100000.p50Ms`, `.p95Ms`, `.recall`, `.recallRescored`, `.bytes`, `.buildMs`) for each size in rows. */
export async function benchVector(sizes: readonly number[]): Promise<Record<string, number>> {
  const kernel = await readKernel()
  return Object.assign({}, ...sizes.map((rows) => benchSize(kernel, rows)))
}

function benchSize(kernel: WebAssembly.Module, size: number): Record<string, number> {
  const vectors = clusteredVectors({ count: size + QUERIES, dimensions: DIMENSIONS, clusters: 1000, seed: SEED })
  const queries = vectors.slice(0, QUERIES)
  const rows = vectors.slice(QUERIES)
  const index = new ResidentIndex(kernel, DIMENSIONS)
  const buildStart = performance.now()
  for (const [seq, vector] of rows.entries()) index.upsert({ seq, change: seq + 1, vector })
  const buildMs = performance.now() - buildStart
  for (let i = 0; i < WARM_UP_QUERIES; i++) index.search(queries[i % QUERIES] as Float32Array, VECTOR_CANDIDATES_MAX)
  const times: number[] = []
  const answers = queries.map((query) => {
    const start = performance.now()
    const hits = index.search(query, VECTOR_CANDIDATES_MAX)
    times.push(performance.now() - start)
    return hits.map((hit) => hit.seq)
  })
  let found = 0
  let foundRescored = 0
  for (const [i, query] of queries.entries()) {
    const seqs = answers[i] as number[]
    const exact = new Set(nearest(rows, query, rows.keys()))
    found += seqs.slice(0, NEAREST).filter((seq) => exact.has(seq)).length
    foundRescored += nearest(rows, query, seqs).filter((seq) => exact.has(seq)).length
  }
  times.sort((a, b) => a - b)
  const figures = {
    p50Ms: times[Math.floor(QUERIES * 0.5)] as number,
    p95Ms: times[Math.floor(QUERIES * 0.95)] as number,
    recall: found / (QUERIES * NEAREST),
    recallRescored: foundRescored / (QUERIES * NEAREST),
    bytes: index.bytes,
    buildMs,
  }
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${size}.${name}`, value]))
}

function nearest(rows: readonly Float32Array[], query: Float32Array, seqs: Iterable<number>): number[] {
  const scored = Array.from(seqs, (seq) => ({ seq, score: dot(rows[seq] as Float32Array, query) }))
  return scored
    .sort((a, b) => b.score - a.score)
    .slice(0, NEAREST)
    .map((hit) => hit.seq)
}

if (import.meta.main) {
  const sizes = process.argv.slice(2).map(Number)
  const figures = await benchVector(sizes.length > 0 ? sizes : [1000, 10_000, 100_000])
  for (const [name, value] of Object.entries(figures)) console.log(`${name} ${Number(value.toFixed(3))}`)
}
