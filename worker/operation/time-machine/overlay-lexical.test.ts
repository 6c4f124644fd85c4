import { expect, it } from 'vitest'
import type { LexicalDocument, LexicalIndex } from '../../ports/lexical.ts'
import { POSTING_FREQUENCY_BASE, POSTING_LENGTH_BASE } from '../../ports/lexical.ts'
import { type OverlayDocument, OverlayLexical } from './overlay-lexical.ts'

const namespace = { id: 1, nextSeq: 9, nextChange: 1, cubeCount: 2 }
const scope = { filter: null, includeArchived: false }
const posting = (seq: number, frequency: number, length: number) =>
  (seq * POSTING_FREQUENCY_BASE + frequency) * POSTING_LENGTH_BASE + length
const stored = (seq: number): LexicalDocument => ({
  seq,
  sessionId: 7,
  position: seq,
  ordinal: 0,
  features: 0,
  speaker: 'Ana',
  role: null,
  usefulness: 0,
})

/** Two stored documents of ten terms each, in one session. */
const base: LexicalIndex = {
  statistics: async () => ({
    cubes: 2,
    averageLength: 10,
    sessions: 1,
    averageSessionLength: 20,
    lastOrdinal: 0,
    speakers: ['ana'],
    hasRoles: false,
    documents: new Map([['boat', 2]]),
  }),
  postings: async (_, terms) =>
    terms.map((term) =>
      term === 'boat'
        ? { packed: [posting(1, 1, 10), posting(5, 1, 10)], sessions: [7, 7] }
        : { packed: [], sessions: [] },
    ),
  sessionLengths: async (_, ids) => new Map(ids.map((id) => [id, 20])),
  bySeq: async (_, seqs) => seqs.map(stored),
  atPlaces: async () => [],
  vocabulary: async () => ['boat'],
}
const overlaid: OverlayDocument = {
  ...stored(3),
  speaker: 'Bob',
  role: 'assistant',
  text: {
    terms: [
      ['boat', 2],
      ['buoy', 1],
    ],
    length: 4,
    features: 0,
  },
}
const index = new OverlayLexical(base, [overlaid])

it('counts documents of both', async () => {
  const statistics = await index.statistics(namespace, ['boat', 'buoy', 'none'])
  expect(statistics).toMatchObject({ cubes: 3, averageLength: 8, averageSessionLength: 24, speakers: ['ana', 'bob'] })
  expect(statistics.hasRoles).toBe(true)
  expect([...statistics.documents]).toEqual([
    ['boat', 3],
    ['buoy', 1],
  ])
  expect(await index.sessionLengths(1, [7])).toEqual(new Map([[7, 24]]))
})

it('keeps postings in order of their documents', async () => {
  const [boat, buoy] = await index.postings(namespace, ['boat', 'buoy'], { sessions: true })
  expect(boat).toEqual({ packed: [posting(1, 1, 10), posting(3, 2, 4), posting(5, 1, 10)], sessions: [7, 7, 7] })
  expect(buoy).toEqual({ packed: [posting(3, 1, 4)], sessions: [7] })
  const [among] = await index.postings(namespace, ['buoy'], { sessions: true, among: [1, 5] })
  expect(among?.packed).toEqual([])
})

it('answers its own documents by number, place and word', async () => {
  expect((await index.bySeq(1, [1, 3], scope)).map(({ seq, speaker }) => [seq, speaker])).toEqual([
    [1, 'Ana'],
    [3, 'Bob'],
  ])
  expect((await index.atPlaces(1, [{ sessionId: 7, position: 3 }], scope)).map(({ seq }) => seq)).toEqual([3])
  expect(await index.vocabulary(1, 'b', 10)).toEqual(['boat', 'buoy'])
})
