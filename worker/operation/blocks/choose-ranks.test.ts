import { describe, expect, it } from 'vitest'
import { chooseStrength, type ReplayedQuestion, type Told, usefulnessBy } from './choose-ranks.ts'

const question = (answer: string, ...scores: [cubeId: string, score: number][]): ReplayedQuestion => ({
  hits: scores.map(([cubeId, score]) => ({ cubeId, score })).sort((a, b) => b.score - a.score),
  answers: new Set([answer]),
})
const told = (outcome: Told['outcome'], ...questions: (number | null)[]): Told[] =>
  questions.map((one) => ({ outcome, question: one }))

describe('usefulness by strength', () => {
  it('stays within -1..1, is 0 without feedback and grows with it', () => {
    for (const strength of ['none', 'settled', 'strong'] as const) expect(usefulnessBy(strength, [])).toBe(0)
    expect(usefulnessBy('none', ['helped'])).toBe(0)
    expect(usefulnessBy('settled', ['helped'])).toBeCloseTo(1 / 3)
    expect(usefulnessBy('strong', ['helped', 'ignored'])).toBe(0.25)
    expect(usefulnessBy('strong', ['corrected'])).toBe(-1)
  })
})

describe('choosing a strength', () => {
  const decoyFirst = [0, 1, 2].map(() => question('answer', ['decoy', 1.3], ['answer', 1]))
  const feedback = new Map([
    ['answer', told('helped', 0, 1, 2)],
    ['decoy', told('ignored', 0, 1, 2)],
  ])

  it('takes feedback strongly where what helped once helps again', () => {
    expect(chooseStrength(decoyFirst, feedback, 0.3)).toEqual({ strength: 'strong', before: 0.5, after: 1 })
  })
  it('never lets the feedback on a question vouch for itself', () => {
    const once = [0, 1, 2, 3].map((at) => question(`answer ${at}`, ['decoy', 1.2], [`answer ${at}`, 1]))
    const own = new Map(once.map((_, at) => [`answer ${at}`, told('helped', at)]))
    expect(chooseStrength(once, own, 0.3)).toBeNull()
  })
  it('gives feedback up where it misleads', () => {
    const misled = [0, 1, 2, 3].map((at) =>
      question(`answer ${at}`, ...[0, 1, 2, 3].map((n): [string, number] => [`answer ${n}`, n === at ? 1.02 : 1])),
    )
    const own = new Map(misled.map((_, at) => [`answer ${at}`, told('helped', at)]))
    expect(chooseStrength(misled, own, 0.3)).toMatchObject({ strength: 'none', after: 1 })
  })
  it('changes nothing on one question, or where there is none', () => {
    expect(chooseStrength(decoyFirst.slice(0, 1), new Map([['decoy', told('ignored', null, null)]]), 0.9)).toBeNull()
    expect(chooseStrength([], feedback, 0.3)).toBeNull()
  })
})
