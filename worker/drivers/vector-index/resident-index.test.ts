import { describe, expect, it } from 'vitest'
import { VECTOR_FULL_SCORE_ROWS_MAX } from '../../../schemas/limits.ts'
import { seededRandom } from '../../../test/conformance/seeded-random.ts'
import { clusteredVectors, dot, SEED } from '../../../test/support/clustered-vectors.ts'
import { readKernel } from './kernel/read-kernel.ts'
import { ResidentIndex } from './resident-index.ts'

const kernel = await readKernel()

function filled(vectors: readonly Float32Array[], dimensions: number): ResidentIndex {
  const index = new ResidentIndex(kernel, dimensions)
  for (const [seq, vector] of vectors.entries()) index.upsert({ seq, change: seq + 1, vector })
  return index
}

const exactSeqs = (vectors: readonly Float32Array[], query: Float32Array, limit: number) =>
  vectors
    .map((vector, seq) => ({ seq, score: dot(vector, query) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, limit)
    .map(({ seq }) => seq)

const shared = (a: readonly number[], b: readonly number[]) => a.filter((seq) => b.includes(seq)).length / b.length

describe('ResidentIndex', () => {
  it.each([1, 3, 127, 128, 129, 384, 768, 1536, 3072, 4096])(
    'scores close to the true product in %i dimensions',
    (dimensions) => {
      const vectors = clusteredVectors({ count: 300, dimensions, clusters: 5, seed: SEED })
      const index = filled(vectors, dimensions)
      const query = vectors[11] as Float32Array
      const hits = index.search(query, 300)
      expect(hits).toHaveLength(300)
      for (const { seq, score } of hits)
        expect(Math.abs(score - dot(vectors[seq] as Float32Array, query))).toBeLessThan(0.01)
    },
  )

  it.each([
    ['centred', 128, 0],
    ['centred', 384, 0],
    ['far from the origin', 256, 0.3],
  ])('keeps the nearest rows through the 1-bit filter, data %s, %i dimensions', (_, dimensions, offset) => {
    const count = VECTOR_FULL_SCORE_ROWS_MAX + 4000
    const vectors = clusteredVectors({ count: count + 10, dimensions, clusters: 200, seed: SEED })
    for (const vector of vectors) {
      const length = Math.hypot(...vector.map((value, i) => value + (i % 7 === 0 ? offset : 0)))
      for (let i = 0; i < dimensions; i++) vector[i] = ((vector[i] as number) + (i % 7 === 0 ? offset : 0)) / length
    }
    const queries = vectors.splice(count)
    const index = filled(vectors, dimensions)
    const recalls = queries.map((query) => {
      const found = index.search(query, 64).map(({ seq }) => seq)
      return shared(found, exactSeqs(vectors, query, 10))
    })
    expect(recalls.reduce((a, b) => a + b) / recalls.length, `SEED=${SEED}`).toBeGreaterThan(0.97)
  })

  it('agrees with a map of rows through random writes and removals', () => {
    const dimensions = 16
    const random = seededRandom(SEED)
    const pool = clusteredVectors({ count: 3000, dimensions, clusters: 20, seed: SEED })
    const index = new ResidentIndex(kernel, dimensions)
    const rows = new Map<number, Float32Array>()
    for (const [change, vector] of pool.entries()) {
      const seq = random(900)
      if (random(10) < 3) expect(index.remove(seq) !== undefined).toBe(rows.delete(seq))
      else {
        index.upsert({ seq, change, vector })
        rows.set(seq, vector)
      }
    }
    const query = pool[0] as Float32Array
    const scores = new Map(index.search(query, 2000).map(({ seq, score }) => [seq, score]))
    expect([...scores.keys()].sort((a, b) => a - b)).toEqual([...rows.keys()].sort((a, b) => a - b))
    for (const [seq, vector] of rows)
      expect(scores.get(seq), `SEED=${SEED} seq=${seq}`).toBeCloseTo(dot(vector, query), 1)
  })

  it('removes and replaces rows of a set that is filtered', () => {
    const count = VECTOR_FULL_SCORE_ROWS_MAX + 300
    const vectors = clusteredVectors({ count, dimensions: 64, clusters: 50, seed: SEED })
    const index = filled(vectors, 64)
    const query = vectors[5] as Float32Array
    expect(index.search(query, 1)[0]?.seq).toBe(5)
    index.remove(5)
    expect(index.search(query, 64).some(({ seq }) => seq === 5)).toBe(false)
    const last = vectors[count - 1] as Float32Array
    expect(index.search(last, 1)[0]?.seq).toBe(count - 1)
    index.upsert({ seq: count - 1, change: count + 1, vector: query })
    expect(index.search(query, 1)[0]?.seq).toBe(count - 1)
  })

  it('scores a zero row and a zero query as 0', () => {
    const index = filled([new Float32Array(8), Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0)], 8)
    expect(index.search(new Float32Array(8), 2).map(({ score }) => score)).toEqual([0, 0])
    expect(index.search(Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0), 2).map(({ seq }) => seq)).toEqual([1, 0])
  })

  it('foretells the bytes that it takes', () => {
    const index = new ResidentIndex(kernel, 384)
    for (const rows of [1, 255, 1, 256, 5000]) {
      const expected = index.bytes + index.growthBytes(rows)
      index.reserve(rows)
      expect(index.bytes).toBe(expected)
      expect(index.growthBytes(rows)).toBe(0)
      for (let i = 0; i < rows; i++) index.upsert({ seq: index.count, change: 1, vector: new Float32Array(384) })
      expect(index.bytes).toBe(expected)
    }
  })

  it('answers at most what it holds, and nothing for a limit of 0', () => {
    const index = filled([Float32Array.of(1)], 1)
    expect(index.search(Float32Array.of(1), 50)).toHaveLength(1)
    expect(index.search(Float32Array.of(1), 0)).toEqual([])
  })

  it.each([0, -1, 1.5, 4097, Number.NaN])('refuses %d dimensions', (dimensions) => {
    expect(() => new ResidentIndex(kernel, dimensions)).toThrow(RangeError)
  })
})
