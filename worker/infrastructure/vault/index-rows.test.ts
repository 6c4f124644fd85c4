import { describe, expect, it } from 'vitest'
import { deletePostingsOf, type IndexedCube } from './index-rows.ts'

const cube = (namespaceId: number, seq: number, terms: string[] | null): IndexedCube => ({ namespaceId, seq, terms })
const placesOf = (cubes: IndexedCube[]) =>
  deletePostingsOf('postings', cubes).map(({ params }) => params.map((param) => JSON.parse(String(param))))

describe('deletePostingsOf', () => {
  it('names every cube once, with its terms, in groups that cost a bounded number of seeks', () => {
    const words = Array.from({ length: 300 }, (_, n) => `w${n}`)
    const cubes = Array.from({ length: 90 }, (_, n) => cube(1 + (n % 3), n, words.slice(n, n + 40)))
    const groups = placesOf(cubes)
    expect(groups.flatMap(([, , , places]) => places).toSorted()).toEqual(
      cubes.map(({ namespaceId, seq }) => [namespaceId, seq]).toSorted(),
    )
    for (const [namespaces, terms, seqs, places] of groups) {
      expect(namespaces.length * terms.length * seqs.length).toBeLessThanOrEqual(20_000)
      for (const [, seq] of places) expect(terms).toEqual(expect.arrayContaining(words.slice(seq, seq + 40)))
    }
  })

  it('takes a text of very many terms alone', () => {
    const many = Array.from({ length: 30_000 }, (_, n) => `w${n}`)
    expect(placesOf([cube(1, 1, many), cube(1, 2, ['a']), cube(1, 3, many)]).map((group) => group[3])).toEqual([
      [[1, 1]],
      [[1, 2]],
      [[1, 3]],
    ])
  })

  it('searches the namespace for cubes whose terms are not known', () => {
    expect(placesOf([cube(1, 5, null), cube(2, 6, null), cube(1, 7, null)])).toEqual([
      [1, [5, 7]],
      [2, [6]],
    ])
  })
})
