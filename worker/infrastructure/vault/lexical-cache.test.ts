import { describe, expect, it } from 'vitest'
import { LEXICAL_CACHE_MS } from '../../../schemas/limits.ts'
import type { LexicalIndex, LexicalStatistics, PostingList } from '../../ports/lexical.ts'
import { cachedLexicalIndex, LexicalCache } from './lexical-cache.ts'

const TOTALS: Omit<LexicalStatistics, 'documents'> = {
  cubes: 2,
  averageLength: 5,
  sessions: 0,
  averageSessionLength: 1,
  lastOrdinal: 0,
  speakers: [],
  hasRoles: false,
}

/** An index over postings that a test changes, which counts what it is asked. */
function sourceOf(postings: Map<string, number[]>) {
  const asked: string[][] = []
  const index = {
    statistics: async (_: unknown, terms: readonly string[]) => {
      asked.push([...terms])
      return {
        ...TOTALS,
        documents: new Map(terms.flatMap((t) => (postings.has(t) ? [[t, postings.get(t)?.length ?? 0] as const] : []))),
      }
    },
    postings: async (_: unknown, terms: readonly string[]): Promise<PostingList[]> => {
      asked.push([...terms])
      return terms.map((term) => ({ packed: postings.get(term) ?? [], sessions: [] }))
    },
  } as unknown as LexicalIndex
  return { index, asked }
}

const at = (nextSeq: number, nextChange = 1) => ({ id: 7, nextSeq, nextChange, cubeCount: nextSeq - 1 })

const HERE = { place: 'default', nowMs: 0 }

describe('cachedLexicalIndex', () => {
  it('asks for a term once per version of the namespace', async () => {
    const { index, asked } = sourceOf(new Map([['tea', [1, 2]]]))
    const cached = cachedLexicalIndex(index, new LexicalCache(), HERE)
    for (let i = 0; i < 3; i++) {
      expect((await cached.postings(at(3), ['tea', 'rum'], { sessions: false })).map((list) => list.packed)).toEqual([
        [1, 2],
        [],
      ])
    }
    expect(asked).toEqual([['tea', 'rum']])
    expect((await cached.statistics(at(3), ['tea', 'rum'])).documents).toEqual(new Map([['tea', 2]]))
    await cached.statistics(at(3), ['tea', 'gin'])
    expect(asked).toEqual([['tea', 'rum'], ['tea', 'rum'], ['gin']])
  })

  it.each([
    ['a new cube', at(4)],
    ['a changed text of the same length', at(3, 2)],
    ['a deletion', { ...at(3), cubeCount: 1 }],
  ])('reads afresh after %s', async (_, version) => {
    const postings = new Map([['tea', [1]]])
    const cached = cachedLexicalIndex(sourceOf(postings).index, new LexicalCache(), HERE)
    await cached.postings(at(3), ['tea'], { sessions: false })
    await cached.statistics(at(3), ['tea'])
    postings.set('tea', [1, 9])
    expect((await cached.postings(version, ['tea'], { sessions: false }))[0]?.packed).toEqual([1, 9])
    expect((await cached.statistics(version, ['tea'])).documents.get('tea')).toBe(2)
  })

  it.each([
    ['in another database', { place: 'shard-1', nowMs: 0 }],
    ['after five minutes', { place: 'default', nowMs: LEXICAL_CACHE_MS }],
  ])('reads afresh %s', async (_, reading) => {
    const postings = new Map([['tea', [1]]])
    const cache = new LexicalCache()
    const { index } = sourceOf(postings)
    await cachedLexicalIndex(index, cache, HERE).postings(at(3), ['tea'], { sessions: true })
    postings.set('tea', [2])
    const lists = await cachedLexicalIndex(index, cache, reading).postings(at(3), ['tea'], { sessions: true })
    expect(lists[0]?.packed).toEqual([2])
  })

  it('keeps lists with sessions apart from those without, and asks each time for some documents only', async () => {
    const { index, asked } = sourceOf(new Map([['tea', [1]]]))
    const cached = cachedLexicalIndex(index, new LexicalCache(), HERE)
    await cached.postings(at(3), ['tea'], { sessions: false })
    await cached.postings(at(3), ['tea'], { sessions: true })
    await cached.postings(at(3), ['tea'], { sessions: false, among: [1] })
    await cached.postings(at(3), ['tea'], { sessions: false, among: [1] })
    expect(asked).toHaveLength(4)
  })

  it('holds no more numbers than its bound, and forgets the namespace that rested longest', async () => {
    const list = Array.from({ length: 50 }, (_, i) => i)
    const { index, asked } = sourceOf(new Map([['tea', list]]))
    const cache = new LexicalCache(800)
    const cached = cachedLexicalIndex(index, cache, HERE)
    for (let id = 1; id <= 30; id++) {
      await cached.postings({ ...at(3), id }, ['tea'], { sessions: false })
      expect(cache.numbers).toBeLessThanOrEqual(800)
    }
    await cached.postings({ ...at(3), id: 30 }, ['tea'], { sessions: false })
    expect(asked).toHaveLength(30)
    await cached.postings({ ...at(3), id: 1 }, ['tea'], { sessions: false })
    expect(asked).toHaveLength(31)
  })

  it.each(['statistics', 'postings'] as const)(
    'stays within its bound when every query brings words that occur nowhere (%s)',
    async (call) => {
      const cache = new LexicalCache(800)
      const { index } = sourceOf(new Map([['tea', [1, 2]]]))
      const cached = cachedLexicalIndex(index, cache, HERE)
      let most = 0
      for (let i = 0; i < 1000; i++) {
        const terms = ['tea', `a${i}`, `b${i}`]
        if (call === 'postings') await cached.postings(at(3), terms, { sessions: false })
        else expect((await cached.statistics(at(3), terms)).documents).toEqual(new Map([['tea', 2]]))
        most = Math.max(most, cache.numbers)
      }
      expect(most).toBeGreaterThan(600)
      expect(most).toBeLessThanOrEqual(800)
    },
  )

  it('answers with a list that is too large to keep', async () => {
    const list = Array.from({ length: 100 }, (_, i) => i)
    const cache = new LexicalCache(800)
    const cached = cachedLexicalIndex(sourceOf(new Map([['tea', list]])).index, cache, HERE)
    expect((await cached.postings(at(3), ['tea'], { sessions: false }))[0]?.packed).toEqual(list)
    expect(cache.numbers).toBe(0)
  })
})
