import { describe, expect, it } from 'vitest'
import type { VectorIndex, VectorSpace } from '../../worker/ports/vector-index.ts'
import { clusteredVectors, dot, SEED, unit } from '../support/clustered-vectors.ts'
import { VectorRows } from '../support/vector-rows.ts'
import { seededRandom } from './seeded-random.ts'

const DIMENSIONS = 32
const SPACE: VectorSpace = { orgId: 'test', namespaceId: 1, model: 'test/model-a', dimensions: DIMENSIONS }

/** One opened driver. */
export interface VectorIndexHarness {
  index: VectorIndex
  /** Lets everything that was told to the index take effect. */
  settle(): Promise<void>
  /** Ends the index in good order and opens another over the same rows and stored state. */
  reopen(): Promise<VectorIndexHarness>
  /** Opens another as after a crash: nothing was written in good order. */
  crash(): Promise<VectorIndexHarness>
}

/** Opens a driver for vectors of `dimensions` over `rows`. */
export type OpenVectorIndex = (rows: VectorRows, dimensions: number) => Promise<VectorIndexHarness>

/**
 * What every VectorIndex must do, seen through a search as the vault does it. `skip` maps a title to the reason why a
 * driver cannot do it. Imports nothing of Node, so it also runs in workerd.
 */
export function testVectorIndex(name: string, open: OpenVectorIndex, skip: Record<string, string> = {}): void {
  const on = (title: string, body: () => Promise<void>) =>
    title in skip ? it.skip(`${title} (${skip[title]})`, body) : it(title, body)

  describe(`VectorIndex: ${name}`, () => {
    on('returns the nearest rows first, as an exact scan does', async () => {
      const { rows, harness, vectors } = await filled(open, 300)
      const query = vectors.get(7) as Float32Array
      const exact = [...vectors].sort((a, b) => dot(b[1], query) - dot(a[1], query)).map(([seq]) => seq)
      await harness.settle()
      for (let round = 0; round < 2; round++)
        expect(await searchLikeVault(harness.index, rows, SPACE, query), `SEED=${SEED}`).toEqual(exact.slice(0, 10))
    })

    on('proposes candidates best first, no more than asked, each once', async () => {
      const { harness, vectors } = await filled(open, 300)
      await harness.settle()
      const query = vectors.get(7) as Float32Array
      await harness.index.candidates(SPACE, query, 5)
      const { hits, absorbedChange } = await harness.index.candidates(SPACE, query, 5)
      expect(absorbedChange).toBe(300)
      expect(hits).toHaveLength(5)
      expect(hits[0]?.seq).toBe(7)
      expect(hits[0]?.score).toBeCloseTo(1, 2)
      expect(hits.map(({ score }) => score)).toEqual(hits.map(({ score }) => score).sort((a, b) => b - a))
      expect(new Set(hits.map(({ seq }) => seq)).size).toBe(5)
    })

    on('sees its own write at once', async () => {
      const { rows, harness } = await filled(open, 50)
      await searchLikeVault(harness.index, rows, SPACE, axis(0))
      for (const seq of [1001, 1002, 1003]) {
        const vector = axis(seq % DIMENSIONS)
        await harness.index.upsert(SPACE, rows.put(SPACE, new Map([[seq, vector]])))
        expect((await searchLikeVault(harness.index, rows, SPACE, vector))[0]).toBe(seq)
      }
    })

    on('sees a write that it was never told of', async () => {
      const { rows, harness } = await filled(open, 50)
      await harness.settle()
      await searchLikeVault(harness.index, rows, SPACE, axis(0))
      rows.put(SPACE, new Map([[1001, axis(3)]]))
      expect((await searchLikeVault(harness.index, rows, SPACE, axis(3)))[0]).toBe(1001)
      await harness.index.upsert(SPACE, rows.put(SPACE, new Map([[1002, axis(4)]])))
      expect((await searchLikeVault(harness.index, rows, SPACE, axis(3)))[0]).toBe(1001)
      expect((await searchLikeVault(harness.index, rows, SPACE, axis(4)))[0]).toBe(1002)
    })

    on('finds a replaced row by its new vector only', async () => {
      const { rows, harness } = await filled(open, 50)
      await harness.index.upsert(SPACE, rows.put(SPACE, new Map([[1001, axis(5)]])))
      await harness.settle()
      await searchLikeVault(harness.index, rows, SPACE, axis(5))
      await harness.index.upsert(SPACE, rows.put(SPACE, new Map([[1001, axis(6)]])))
      await harness.settle()
      expect((await searchLikeVault(harness.index, rows, SPACE, axis(6)))[0]).toBe(1001)
      const scores = await harness.index.candidates(SPACE, axis(5), 64)
      const stale = scores.hits.find(({ seq }) => seq === 1001)
      expect(stale?.score ?? 0).toBeLessThan(0.5)
    })

    on('does not let removed rows crowd out real ones', async () => {
      const { rows, harness } = await filled(open, 50)
      const crowd = Array.from({ length: 80 }, (_, i) => 2000 + i)
      await harness.index.upsert(SPACE, rows.put(SPACE, new Map(crowd.map((seq) => [seq, axis(2)]))))
      await harness.settle()
      await searchLikeVault(harness.index, rows, SPACE, axis(2))
      const nearest = unit(axis(2).map((value, i) => value + (i === 9 ? 0.3 : 0)))
      await harness.index.upsert(SPACE, rows.put(SPACE, new Map([[3000, nearest]])))
      rows.delete(SPACE, crowd)
      await harness.index.remove(SPACE, crowd)
      await harness.settle()
      expect((await searchLikeVault(harness.index, rows, SPACE, axis(2)))[0]).toBe(3000)
      const after = await harness.crash()
      expect((await searchLikeVault(after.index, rows, SPACE, axis(2)))[0]).toBe(3000)
    })

    on('ignores the removal of a row that it does not have', async () => {
      const { rows, harness, vectors } = await filled(open, 20)
      await harness.index.remove(SPACE, [999])
      await harness.index.remove({ ...SPACE, namespaceId: 99 }, [1])
      expect((await searchLikeVault(harness.index, rows, SPACE, vectors.get(3) as Float32Array))[0]).toBe(3)
    })

    on('keeps spaces apart: namespaces, models and dimensions', async () => {
      const rows = new VectorRows()
      const { index, settle } = await open(rows, DIMENSIONS)
      const spaces = [
        SPACE,
        { ...SPACE, namespaceId: 11 },
        { ...SPACE, model: 'test/model-b' },
        { ...SPACE, model: '1/test/model-a' },
      ]
      for (const [i, space] of spaces.entries()) await index.upsert(space, rows.put(space, new Map([[i + 1, axis(1)]])))
      await settle()
      for (let round = 0; round < 2; round++)
        for (const [i, space] of spaces.entries()) {
          expect(await searchLikeVault(index, rows, space, axis(1))).toEqual([i + 1])
          expect((await index.candidates(space, axis(1), 64)).hits.every(({ seq }) => seq === i + 1)).toBe(true)
        }
      const wide = { ...SPACE, dimensions: DIMENSIONS * 2 }
      await index.upsert(wide, rows.put(wide, new Map([[9, axis(1, DIMENSIONS * 2)]])))
      expect(await searchLikeVault(index, rows, wide, axis(1, DIMENSIONS * 2))).toEqual([9])
    })

    on('answers an empty space with nothing', async () => {
      const { index } = await open(new VectorRows(), DIMENSIONS)
      expect(await index.candidates(SPACE, axis(0), 10)).toEqual({ hits: [], absorbedChange: 0 })
    })

    on('forgets a dropped space, also after reopening, and takes it up again', async () => {
      const { rows, harness, vectors } = await filled(open, 50)
      await harness.settle()
      await searchLikeVault(harness.index, rows, SPACE, axis(0))
      await harness.index.drop(SPACE)
      rows.delete(SPACE, [...vectors.keys()])
      await harness.settle()
      expect(await searchLikeVault(harness.index, rows, SPACE, axis(0))).toEqual([])
      const again = await harness.reopen()
      expect((await again.index.candidates(SPACE, axis(0), 10)).hits).toEqual([])
      await again.index.upsert(SPACE, rows.put(SPACE, new Map([[5, axis(0)]])))
      await again.settle()
      expect(await searchLikeVault(again.index, rows, SPACE, axis(0))).toEqual([5])
    })

    on('finds everything after reopening', async () => {
      const { rows, harness, vectors } = await filled(open, 300)
      await searchLikeVault(harness.index, rows, SPACE, axis(0))
      rows.put(SPACE, new Map([[1001, axis(3)]]))
      const again = await harness.reopen()
      expect((await searchLikeVault(again.index, rows, SPACE, axis(3)))[0]).toBe(1001)
      expect((await searchLikeVault(again.index, rows, SPACE, vectors.get(42) as Float32Array))[0]).toBe(42)
    })

    on('refuses a vector of the wrong length, NaN or Infinity and names the field', async () => {
      const { index } = await open(new VectorRows(), DIMENSIONS)
      const bad = [
        new Float32Array(DIMENSIONS - 1),
        new Float32Array(0),
        axis(0).fill(Number.NaN, 3, 4),
        axis(0).fill(Infinity, 3, 4),
      ]
      const refusal = { code: 'invalid_vector', facts: { field: 'vector', expected: `${DIMENSIONS} finite numbers` } }
      for (const vector of bad) {
        await expect(index.upsert(SPACE, [{ seq: 1, change: 1, vector }])).rejects.toMatchObject(refusal)
        await expect(index.candidates(SPACE, vector, 10)).rejects.toMatchObject(refusal)
      }
    })

    on('stops at an aborted signal', async () => {
      const { harness } = await filled(open, 20)
      const reason = new Error('the caller has gone')
      await expect(harness.index.candidates(SPACE, axis(0), 10, AbortSignal.abort(reason))).rejects.toBe(reason)
    })

    on('agrees with an exact scan through random writes, removals and reopenings', async () => {
      const random = seededRandom(SEED)
      const rows = new VectorRows()
      let harness = await open(rows, DIMENSIONS)
      const pool = clusteredVectors({ count: 400, dimensions: DIMENSIONS, clusters: 8, seed: SEED })
      for (let step = 0; step < 400; step++) {
        const seq = 1 + random(60)
        const action = random(10)
        if (action < 6) {
          const told = rows.put(SPACE, new Map([[seq, pool[step] as Float32Array]]))
          if (action < 5) await harness.index.upsert(SPACE, told)
        } else if (action < 8) {
          rows.delete(SPACE, [seq])
          await harness.index.remove(SPACE, [seq])
        } else if (action === 8) await harness.settle()
        else if (random(8) === 0) harness = random(2) === 0 ? await harness.reopen() : await harness.crash()
        const query = pool[random(400)] as Float32Array
        const found = await searchLikeVault(harness.index, rows, SPACE, query)
        expect(found, `SEED=${SEED} step=${step}`).toEqual(await searchExactly(rows, SPACE, query))
      }
    })
  })
}

/**
 * How the vault searches: candidates, every row written since, exact scores from the rows, the best ten.
 * Candidates whose row has gone fall out.
 */
export async function searchLikeVault(index: VectorIndex, rows: VectorRows, space: VectorSpace, query: Float32Array) {
  const { hits, absorbedChange } = await index.candidates(space, query, 64)
  const tail = await rows.read(space, absorbedChange, Number.MAX_SAFE_INTEGER)
  return ranked(
    rows,
    space,
    query,
    [...hits, ...tail].map(({ seq }) => seq),
  )
}

async function searchExactly(rows: VectorRows, space: VectorSpace, query: Float32Array) {
  const all = await rows.read(space, 0, Number.MAX_SAFE_INTEGER)
  return ranked(
    rows,
    space,
    query,
    all.map(({ seq }) => seq),
  )
}

function ranked(rows: VectorRows, space: VectorSpace, query: Float32Array, seqs: readonly number[]): number[] {
  return [...new Set(seqs)]
    .flatMap((seq) => rows.get(space, seq) ?? [])
    .map(({ seq, vector }) => ({ seq, score: dot(vector, query) }))
    .sort((a, b) => b.score - a.score || a.seq - b.seq)
    .slice(0, 10)
    .map(({ seq }) => seq)
}

/** Opens a driver over `count` rows with seqs from 1, all told to it. */
async function filled(open: OpenVectorIndex, count: number) {
  const rows = new VectorRows()
  const harness = await open(rows, DIMENSIONS)
  const generated = clusteredVectors({ count, dimensions: DIMENSIONS, clusters: 10, seed: SEED })
  const vectors = new Map(generated.map((vector, i) => [i + 1, vector]))
  await harness.index.upsert(SPACE, rows.put(SPACE, vectors))
  return { rows, harness, vectors }
}

/** Unit vector along one axis. */
function axis(i: number, dimensions = DIMENSIONS): Float32Array {
  const vector = new Float32Array(dimensions)
  vector[i] = 1
  return vector
}
