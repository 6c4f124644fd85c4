import { beforeEach, describe, expect, it, vi } from 'vitest'
import { clusteredVectors, SEED } from '../../../test/support/clustered-vectors.ts'
import { FakeVectorize } from '../../../test/support/fake-vectorize.ts'
import { VectorRows } from '../../../test/support/vector-rows.ts'
import type { VectorSpace } from '../../ports/vector-index.ts'
import { VectorizeIndex } from './vectorize-index.ts'

const DIMENSIONS = 8
const SPACE: VectorSpace = {
  orgId: 'org',
  namespaceId: Number.MAX_SAFE_INTEGER,
  model: `long/${'m'.repeat(200)}`,
  dimensions: DIMENSIONS,
}
const POOL = clusteredVectors({ count: 2500, dimensions: DIMENSIONS, clusters: 5, seed: SEED })
const QUERY = POOL[0] as Float32Array

let rows: VectorRows
let vectorize: FakeVectorize
let index: VectorizeIndex

const open = () => new VectorizeIndex({ vectorize, source: rows }, { dimensions: DIMENSIONS })
const put = (first: number, count: number) =>
  rows.put(SPACE, new Map(POOL.slice(first, first + count).map((vector, i) => [first + i, vector])))
const absorbed = async (of = index) => {
  await of.candidates(SPACE, QUERY, 5) // reads the marker beside its query
  return (await of.candidates(SPACE, QUERY, 5)).absorbedChange
}

beforeEach(() => {
  rows = new VectorRows()
  vectorize = new FakeVectorize(DIMENSIONS)
  index = open()
})

describe('VectorizeIndex', () => {
  it('claims a change only once the rows and then the marker behind them are visible', async () => {
    await index.upsert(SPACE, put(0, 10))
    expect(await absorbed()).toBe(0)
    vectorize.settle(1)
    expect(await absorbed()).toBe(0)
    vectorize.settle(1)
    expect(await absorbed()).toBe(10)
  })

  it('tells another isolate how far it is', async () => {
    await index.upsert(SPACE, put(0, 10))
    vectorize.settle()
    expect(await absorbed(open())).toBe(10)
  })

  it('submits rows in batches that a Worker may send, and absorbs them in order', async () => {
    await index.upsert(SPACE, put(0, 2500))
    vectorize.settle(2)
    expect(await absorbed()).toBe(1000)
    vectorize.settle(2)
    expect(await absorbed()).toBe(2000)
    vectorize.settle()
    expect(await absorbed()).toBe(2500)
  })

  it('submits rows whose hint was lost, and none twice', async () => {
    put(0, 10)
    await index.upsert(SPACE, put(10, 1))
    const upsert = vi.spyOn(vectorize, 'upsert')
    await index.upsert(SPACE, put(11, 1))
    expect(upsert.mock.calls[0]?.[0].map(({ id }) => id.split('-').at(-1))).toEqual(['11'])
    vectorize.settle()
    expect(await absorbed()).toBe(12)
  })

  it('submits again after a refusal', async () => {
    vi.spyOn(vectorize, 'upsert').mockRejectedValueOnce(new Error('VECTOR_UPSERT_ERROR'))
    await expect(index.upsert(SPACE, put(0, 5))).rejects.toThrow('VECTOR_UPSERT_ERROR')
    await index.upsert(SPACE, put(5, 1))
    vectorize.settle()
    expect(await absorbed()).toBe(6)
  })

  it('asks for at most 100 matches', async () => {
    await index.upsert(SPACE, put(0, 300))
    vectorize.settle()
    expect((await index.candidates(SPACE, QUERY, 1000)).hits).toHaveLength(100)
  })

  it('deletes rows and whole spaces in batches, markers excepted', async () => {
    await index.upsert(SPACE, put(0, 350))
    await index.remove(
      SPACE,
      Array.from({ length: 250 }, (_, seq) => seq),
    )
    vectorize.settle()
    expect(vectorize.ids).toHaveLength(101)
    await index.drop(SPACE)
    vectorize.settle()
    expect(vectorize.ids.map((id) => id.split('-').at(-1))).toEqual(['absorbed'])
  })

  it('does not trust the marker from before a drop', async () => {
    const told = put(0, 10)
    await index.upsert(SPACE, told)
    vectorize.settle()
    await index.drop(SPACE)
    expect(await absorbed()).toBe(0)
    vectorize.settle()
    expect(await absorbed()).toBe(0)
    await index.upsert(SPACE, told)
    vectorize.settle()
    expect(await absorbed()).toBe(10)
  })

  it('leaves spaces of other dimensions to the caller', async () => {
    const wide = { ...SPACE, dimensions: DIMENSIONS * 2 }
    await index.upsert(wide, rows.put(wide, new Map([[1, new Float32Array(DIMENSIONS * 2)]])))
    await index.remove(wide, [1])
    await index.drop(wide)
    expect(await index.candidates(wide, new Float32Array(DIMENSIONS * 2), 5)).toEqual({ hits: [], absorbedChange: 0 })
  })
})
