import { describe, expect, it } from 'vitest'
import { FEATURE } from './features.ts'
import { type Candidate, type RankInput, rank } from './rank.ts'
import { DEFAULT_WEIGHTS } from './weights.ts'

const candidate = (seq: number, fields: Partial<Candidate> = {}): Candidate => ({
  seq,
  bm25: 1,
  matched: 1,
  session: `s${seq}`,
  pos: 0,
  features: 0,
  speaker: null,
  ...fields,
})

const input = (candidates: Candidate[], fields: Partial<RankInput> = {}): RankInput => ({
  candidates,
  terms: [
    { term: 'a', idf: 1, finds: true, bit: 1 },
    { term: 'b', idf: 1, finds: true, bit: 2 },
  ],
  sessionScores: new Map(),
  query: { terms: ['a', 'b'], namedSpeakers: [], isWhen: false },
  weights: DEFAULT_WEIGHTS,
  documents: 10,
  hasRoles: false,
  ...fields,
})

const order = (ranked: ReturnType<typeof rank>): number[] => ranked.map(({ seq }) => seq)

describe('rank', () => {
  it('orders by score, ties by age', () => {
    expect(order(rank(input([candidate(3), candidate(1), candidate(2, { bm25: 2 })])))).toEqual([2, 1, 3])
  })
  it('lifts a turn without a match that answers a matching question', () => {
    const question = candidate(1, { session: 's', pos: 4, bm25: 4, matched: 3, features: FEATURE.question })
    const answer = candidate(2, { session: 's', pos: 5, bm25: 0, matched: 0 })
    const [, second] = rank(input([question, answer]))
    expect(second?.seq).toBe(2)
    expect(second?.explain).toMatchObject({ bm25: 0, neighbours: expect.closeTo(4 * 0.7) })
  })
  it('does not take over across sessions', () => {
    const hits = rank(input([candidate(1, { bm25: 4 }), candidate(2, { pos: 1, bm25: 0, matched: 0 })]))
    expect(order(hits)).toEqual([1])
  })
  it('adds the share of a good session to its turns', () => {
    const sessionScores = new Map([
      ['s1', 5],
      ['s2', 10],
    ])
    const hits = rank(input([candidate(1), candidate(2)], { sessionScores }))
    expect(hits.map(({ explain }) => explain.session)).toEqual([DEFAULT_WEIGHTS.session, DEFAULT_WEIGHTS.session / 2])
    expect(order(hits)).toEqual([2, 1])
  })
  it('prefers the one named speaker, and nobody where two are named', () => {
    const said = [candidate(1, { speaker: 'Bob' }), candidate(2, { speaker: 'Ann' })]
    const query = { terms: ['a'], namedSpeakers: ['Ann'], isWhen: false }
    expect(order(rank(input(said, { query })))).toEqual([2, 1])
    expect(order(rank(input(said, { query: { ...query, namedSpeakers: ['Ann', 'Bob'] } })))).toEqual([1, 2])
  })
  it('applies chat factors to chats with an assistant and talk factors to the others', () => {
    const features = FEATURE.fromUser | FEATURE.question | FEATURE.firstPerson | FEATURE.time
    const query = { terms: ['a'], namedSpeakers: [], isWhen: true }
    const factorsIn = (hasRoles: boolean) =>
      rank(input([candidate(1, { features })], { query, hasRoles }))[0]?.explain.factors
    expect(factorsIn(true)).toEqual({ userRole: DEFAULT_WEIGHTS.userRole, when: DEFAULT_WEIGHTS.when })
    expect(factorsIn(false)).toEqual({
      when: DEFAULT_WEIGHTS.when,
      question: DEFAULT_WEIGHTS.question,
      firstPerson: DEFAULT_WEIGHTS.firstPerson,
    })
  })
  it('prefers the recent session in live chat', () => {
    const sessionsAgo = new Map([
      ['s1', 50],
      ['s2', 0],
    ])
    const [first] = rank(input([candidate(1), candidate(2)], { sessionsAgo }))
    expect(first?.seq).toBe(2)
    expect(first?.explain.factors.recency).toBe(1 + DEFAULT_WEIGHTS.recency)
  })
  it('adds what the graph reaches on the scale of the lexical scores, and nothing where it was not walked', () => {
    const hits = rank(input([candidate(1, { bm25: 4 }), candidate(2, { bm25: 0, matched: 0, graph: 1 })]))
    expect(hits.map(({ seq, explain }) => [seq, explain.graph])).toEqual([
      [1, 0],
      [2, 4 * DEFAULT_WEIGHTS.graph],
    ])
  })
  it('fuses cosines on the scale of the lexical scores', () => {
    const cold = { bm25: 0, matched: 0 }
    const hits = rank(
      input([
        candidate(1, { bm25: 3 }),
        candidate(2, { ...cold, cosine: 0.9 }),
        candidate(3, { ...cold, cosine: 0.7 }),
        candidate(4, { ...cold, cosine: 0.5 }),
      ]),
    )
    expect(order(hits)).toEqual([1, 2, 3])
    const full = 3 * DEFAULT_WEIGHTS.vector
    expect(hits.map(({ explain }) => explain.vector)).toEqual([0, full, expect.closeTo(full / 2 ** 2.5)])
  })
  it('gives less to vectors that favour what words have found', () => {
    const near = [candidate(1, { bm25: 3, cosine: 0.9 }), candidate(2, { bm25: 1, cosine: 0.1 })]
    const independent = [candidate(1, { bm25: 1, cosine: 0.9 }), candidate(2, { bm25: 3, cosine: 0.1 })]
    const ofFirst = (candidates: Candidate[]) =>
      rank(input(candidates)).find(({ seq }) => seq === 1)?.explain.vector ?? Number.NaN
    expect(ofFirst(near)).toBe(0)
    expect(ofFirst(independent)).toBeCloseTo(3 * DEFAULT_WEIGHTS.vector * (2 / 3) ** 4)
  })

  it('lets a document that only its vector found pass those whose words say little', () => {
    const words = [1, 2, 3].map((seq) => candidate(seq, { bm25: 4 / seq ** 2, cosine: 0.1 }))
    const hits = rank(input([...words, candidate(4, { bm25: 0, matched: 0, cosine: 0.8 })]))
    expect(order(hits)).toEqual([1, 4, 2, 3])
  })
  it('lets words stand for a vector that is still to be made, and for no other', () => {
    const hits = (awaitsVector: boolean) =>
      rank(
        input([
          candidate(1, { bm25: 3, awaitsVector }),
          candidate(2, { bm25: 1, cosine: 0.9 }),
          candidate(3, { bm25: 1, cosine: 0.1 }),
        ]),
      )
    expect(order(hits(true))).toEqual([1, 2, 3])
    const [awaiting, nearest] = hits(true)
    expect(awaiting?.explain.vector).toBeGreaterThan(0)
    expect(awaiting?.explain.vector).toBe(nearest?.explain.vector)
    expect(hits(false).find(({ seq }) => seq === 1)?.explain.vector).toBe(0)
  })

  it('ranks by cosine alone where no word matches', () => {
    const cold = { bm25: 0, matched: 0 }
    expect(
      order(rank(input([candidate(1, { ...cold, cosine: 0.2 }), candidate(2, { ...cold, cosine: 0.7 })]))),
    ).toEqual([2])
    expect(order(rank(input([candidate(1, { ...cold, cosine: 0.7 })])))).toEqual([1])
  })
  it('explains each score exactly', () => {
    const sessionScores = new Map([['s', 2]])
    const turns = [0, 1, 2, 3].map((pos) =>
      candidate(pos, { session: 's', pos, bm25: pos, matched: pos % 3, features: pos, cosine: pos / 10 }),
    )
    for (const { score, explain } of rank(input(turns, { sessionScores }))) {
      const sum = explain.bm25 + explain.neighbours + explain.session + explain.vector
      expect(score).toBeCloseTo(Object.values(explain.factors).reduce((product, factor) => product * factor, sum))
    }
  })
  it('gives an empty ranking for nothing', () => {
    expect(rank(input([]))).toEqual([])
  })
})
