import { expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../conformance/seeded-random.ts'
import { makeCase, withoutAnswer } from './cases.ts'
import { heldOutName, heldOutValue, isHeldOut, similarName } from './grammar.ts'

const seed = startSeed()

it(`names and open values are those that the model was not trained on (seed ${seed})`, () => {
  const dice = seededRandom(seed)
  // The same digests as zlib.crc32 in gpu-node/reference-model/training/grammar.py.
  expect(['Ana', 'Bob', 'Fono', 'Kikewick'].filter(isHeldOut)).toEqual(['Fono', 'Kikewick'])
  for (let round = 0; round < 50; round++) {
    const name = heldOutName(dice)
    expect(isHeldOut(name)).toBe(true)
    expect(similarName(dice, name)).not.toBe(name)
    for (const key of ['code', 'room', 'city', 'birthday'] as const)
      expect(isHeldOut(heldOutValue(dice, key))).toBe(true)
  }
})

it(`a question has its answer in one entry, which can be taken out (seed ${seed})`, () => {
  const dice = seededRandom(seed)
  for (let round = 0; round < 200; round++) {
    const one = makeCase(dice, 1 + (round % 34))
    expect(one.entries.length).toBeGreaterThanOrEqual(1 + (round % 34))
    const value = one.answer.slice(0, -1)
    expect(one.entries[one.asked]).toContain(value)
    expect(withoutAnswer(one)).toHaveLength(one.entries.length - 1)
    expect(withoutAnswer(one)).toEqual(one.entries.filter((_, at) => at !== one.asked))
  }
})

it('the same seed asks the same questions', () => {
  expect(makeCase(seededRandom(seed), 8)).toEqual(makeCase(seededRandom(seed), 8))
})
