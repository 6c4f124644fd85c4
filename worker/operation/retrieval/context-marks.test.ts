import { describe, expect, it } from 'vitest'
import { type EntryFact, type MarkedEntry, marksOf } from './context-marks.ts'

const fact = (about: string, validFromMs: number, supersededBy: string | null = null): EntryFact => ({
  about,
  validFromMs,
  supersededBy,
})
/** Entries in order of time; the first is the best unless ranks are given. */
const entries = (list: (Partial<MarkedEntry> & { cubeId: string })[]): MarkedEntry[] =>
  list.map((entry, at) => ({ date: `2025-0${at + 1}-01`, rank: at, ...entry }))

describe('marksOf', () => {
  it('names the entry that holds now on each that was superseded, also through several', () => {
    const marks = marksOf(
      entries([
        { cubeId: 'a', facts: [fact('home', 1, 'b')] },
        { cubeId: 'b', facts: [fact('home', 2, 'c')] },
        { cubeId: 'c', facts: [fact('home', 3)] },
      ]),
    )
    expect(marks).toEqual([' (superseded by [3])', ' (superseded by [3])', ' (newest)'])
  })

  it('names nothing when what superseded it is not in the pack', () => {
    expect(marksOf(entries([{ cubeId: 'a', facts: [fact('home', 1, 'elsewhere')] }]))).toEqual([' (superseded)'])
  })

  it('says when only a part was superseded', () => {
    const marks = marksOf(
      entries([
        { cubeId: 'a', facts: [fact('home', 1, 'b'), fact('job', 1)] },
        { cubeId: 'b', facts: [fact('home', 2)] },
      ]),
    )
    expect(marks).toEqual([' (partly superseded by [2])', ' (newest)'])
  })

  it('marks the newest of each thing, by when it holds and not by when it was said', () => {
    const marks = marksOf(
      entries([
        { cubeId: 'a', facts: [fact('home', 5)] },
        { cubeId: 'b', facts: [fact('home', 2, 'a')] },
        { cubeId: 'c', facts: [fact('job', 1, 'd')] },
        { cubeId: 'd', facts: [fact('job', 4)] },
      ]),
    )
    expect(marks).toEqual([' (newest)', ' (superseded by [1])', ' (superseded by [4])', ' (newest)'])
  })

  it('marks no statement that stands alone', () => {
    expect(
      marksOf(
        entries([
          { cubeId: 'a', facts: [fact('home', 1)] },
          { cubeId: 'b', facts: [fact('job', 2)] },
        ]),
      ),
    ).toEqual(['', ''])
  })

  it('marks, of entries of which nothing is known, the newest of the best and the last', () => {
    const ranks = [0, 1, 5, 2, 6, 7, 3, 8]
    expect(marksOf(entries(ranks.map((rank, at) => ({ cubeId: `c${at}`, rank }))))).toEqual([
      ...Array(6).fill(''),
      ' (newest)',
      ' (newest)',
    ])
  })

  it('marks nothing among entries of one date or of none', () => {
    expect(
      marksOf(entries([{ cubeId: 'a', date: null }, { cubeId: 'b' }, { cubeId: 'c', date: '2025-02-01' }])),
    ).toEqual(['', '', ''])
  })
})
