import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../test/conformance/seeded-random.ts'
import { gistOf, overlapOf, saysTheSame, tellingTerms } from './says-the-same.ts'

const gist = (content: string) => gistOf({ title: null, content })
const same = (a: string, b: string, overlap = 0.8) => saysTheSame(gist(a), gist(b), overlap)

describe('saysTheSame', () => {
  it.each([
    ['Alice prefers window seats on long flights.', 'Alice prefers a window seat on long flights!'],
    ['The wifi password of the cabin is on the fridge.', 'the wifi password of the cabin is on the fridge'],
    ['她喜欢靠窗的座位', '她喜欢靠窗的座位。'],
  ])('holds for %j and %j', (a, b) => expect(same(a, b)).toBe(true))

  it.each([
    ['Alice eats meat at every dinner.', 'Alice does not eat meat at every dinner.'],
    ['Bob can swim across the lake.', "Bob can't swim across the lake."],
    ['The rent of the flat in Porto is 900 euros a month.', 'The rent of the flat in Porto is 950 euros a month.'],
    ['他喜欢吃肉和鱼', '他不喜欢吃肉和鱼'],
    ['Alice prefers window seats.', 'Bob collects old stamps.'],
  ])('does not hold for %j and %j', (a, b) => expect(same(a, b, 0.5)).toBe(false))

  it('counts the common share of terms', () => {
    expect(overlapOf(new Set(['a', 'b', 'c']), new Set(['b', 'c', 'd']))).toBe(0.5)
    expect(overlapOf(new Set(), new Set())).toBe(0)
  })
})

describe('tellingTerms', () => {
  it('has a term in common with everything that overlaps enough, and takes the rarest', () => {
    const seed = 7
    const random = seededRandom(seed)
    const words = Array.from({ length: 30 }, (_, n) => `w${n}`)
    const frequency = (word: string) => Number(word.slice(1))
    const some = () => new Set(Array.from({ length: 1 + random(20) }, () => words[random(30)] ?? ''))
    let pairs = 0
    for (let round = 0; round < 4000; round++) {
      const a = some()
      const b = random(2) ? some() : new Set([...a].filter(() => random(8) > 0))
      const overlap = 0.5 + random(50) / 100
      if (overlapOf(a, b) < overlap) continue
      pairs += 1
      const telling = tellingTerms(a, frequency, overlap)
      expect(
        telling.some((term) => b.has(term)),
        `seed ${seed}, round ${round}`,
      ).toBe(true)
    }
    expect(pairs).toBeGreaterThan(100)
    expect(tellingTerms(['w9', 'w1', 'w5'], frequency, 0.6)).toEqual(['w1', 'w5'])
    expect(tellingTerms(['w9', 'w1', 'w5'], frequency, 1)).toEqual(['w1'])
  })
})
