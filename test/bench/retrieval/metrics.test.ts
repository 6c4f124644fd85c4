import { describe, expect, it } from 'vitest'
import type { Question } from './dataset.ts'
import { isScored, recallAt, reciprocalRank, score } from './metrics.ts'

const question = (facts: Partial<Question>): Question => ({
  question_id: 'q',
  conv: 'c',
  question: '?',
  evidence: ['a'],
  ...facts,
})

describe('recallAt', () => {
  it('is the share of the evidence above the cut', () => {
    expect(recallAt(2, ['a', 'x', 'b'], ['a', 'b'])).toBe(0.5)
    expect(recallAt(3, ['a', 'x', 'b'], ['a', 'b'])).toBe(1)
  })

  it('drops repetitions before it cuts', () => {
    expect(recallAt(2, ['x', 'x', 'a'], ['a'])).toBe(1)
  })

  it('counts evidence that is named twice once', () => {
    expect(recallAt(1, ['a'], ['a', 'a'])).toBe(1)
  })
})

describe('reciprocalRank', () => {
  it('looks at the first piece of evidence', () => {
    expect(reciprocalRank(['x', 'b', 'a'], ['a', 'b'])).toBe(1 / 2)
  })

  it('is 0 when nothing was found', () => {
    expect(reciprocalRank(['x'], ['a'])).toBe(0)
    expect(reciprocalRank([], ['a'])).toBe(0)
  })
})

describe('score', () => {
  it('leaves out questions without evidence or without an answer', () => {
    expect(isScored(question({}))).toBe(true)
    expect(isScored(question({ evidence: [] }))).toBe(false)
    expect(isScored(question({ answerable: false }))).toBe(false)
    const questions = [question({}), question({ question_id: 'none', evidence: [] })]
    expect(score(questions, new Map([['q', ['a']]]), new Map()).MRR).toBe(100)
  })

  it('counts a question that was never answered as found nothing', () => {
    const questions = [question({}), question({ question_id: 'silent' })]
    const result = score(questions, new Map([['q', ['a']]]), new Map())
    expect(result).toMatchObject({ MRR: 50, 'R@1': 50, 'R@20': 50 })
  })

  it('maps turns to sessions, each session once, for session recall', () => {
    const turns = Array.from({ length: 10 }, (_, i) => `noise${i}`)
    const sessionOf = new Map([...turns.map((id): [string, string] => [id, 's0']), ['a', 's1']])
    const questions = [question({ evidence_sessions: ['s1'] })]
    const result = score(questions, new Map([['q', [...turns, 'a']]]), sessionOf)
    expect(result).toMatchObject({ 'R@10': 0, 'R@20': 100, 'session.R@10': 100 })
  })
})
