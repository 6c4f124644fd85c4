/**
 * Goal: MEMOS_VECTOR_INDEX changes what a search costs, never what it finds.
 * Method: the same 500 cubes with vectors of their caller on two Node hosts.
 */
import { expect, it } from 'vitest'
import { clusteredVectors, SEED } from '../support/clustered-vectors.ts'
import { newTenant } from '../support/edge.ts'
import { openNodeEdge } from '../support/edge-node.ts'

const DIMENSIONS = 96
const VECTORS = clusteredVectors({ count: 510, dimensions: DIMENSIONS, clusters: 20, seed: SEED })
const CUBES = VECTORS.slice(0, 500)
const QUERIES = VECTORS.slice(500)

async function topTen(index: 'resident' | 'exact'): Promise<string[][]> {
  const edge = await openNodeEdge({ MEMOS_VECTOR_INDEX: index })
  try {
    const { admin } = await newTenant(edge)
    const cubes = CUBES.map((vector, at) => ({ content: `cube ${at}`, embedding: { model: 'm', values: [...vector] } }))
    await admin.ok('createCubes', { body: { cubes } })
    const answers: string[][] = []
    for (const query of QUERIES) {
      const body = { query: 'q', vector: [...query], mode: 'vector' as const, limit: 10 }
      const { results } = await admin.ok('search', { body })
      answers.push(results.map(({ cube }) => cube.content ?? ''))
    }
    return answers
  } finally {
    await edge.close()
  }
}

it(`finds the same ten with the resident and the exact index (SEED=${SEED})`, async () => {
  const exact = await topTen('exact')
  expect(exact.map((contents) => new Set(contents).size)).toEqual(QUERIES.map(() => 10))
  const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * (b[at] as number), 0)
  const nearest = QUERIES.map((query) => {
    const ranked = CUBES.map((vector, at) => [at, cosine(vector, query)] as const).sort((a, b) => b[1] - a[1])
    return `cube ${ranked[0]?.[0]}`
  })
  expect(exact.map(([first]) => first)).toEqual(nearest)
  expect(await topTen('resident')).toEqual(exact)
})
