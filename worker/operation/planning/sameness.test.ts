import { describe, expect, it } from 'vitest'
import { claimsOf, contradicts } from './claims.ts'
import { isContained, isEqual, isSame, wordingOf } from './sameness.ts'

const same = (a: string, b: string) => isSame(wordingOf(a), wordingOf(b))
const contained = (part: string, whole: string) => isContained(wordingOf(part), wordingOf(whole))
const claims = (content: string, speaker: string | null = null) => claimsOf({ content, speaker, saidAtMs: 0 })

describe('sameness', () => {
  it.each([
    ['I love hiking in the Alps.', 'i love hiking in the alps!'],
    ['We really love hiking together in the Swiss Alps', 'We love hiking together in the Swiss Alps'],
    ['我对花生过敏。', '我对花生过敏'],
  ])('finds that "%s" says what "%s" says', (a, b) => expect(same(a, b)).toBe(true))

  it.each([
    ['The train goes from Porto to Lisbon.', 'The train goes from Lisbon to Porto.'],
    ['I like olives.', 'I do not like olives.'],
    ['The rent is 900 euros.', 'The rent is 950 euros.'],
    ['我喜欢茶。', '我不喜欢茶。'],
    ['Ana likes tea.', 'Bob likes tea.'],
  ])('tells "%s" from "%s"', (a, b) => expect(same(a, b)).toBe(false))

  it('finds a statement inside a longer one, unless a number or a negation differs', () => {
    expect(contained('I met Eva at the harbour', 'Yesterday I met Eva at the harbour and we had coffee')).toBe(true)
    expect(contained('I met Eva at the harbour', 'Yesterday I did not meet Eva at the harbour and had coffee')).toBe(
      false,
    )
    expect(contained('tea', 'I like tea')).toBe(false)
  })

  it('compares without case and marks', () => {
    expect(isEqual(wordingOf('My café, is  OPEN!'), wordingOf('my cafe is open'))).toBe(true)
  })
})

describe('claims', () => {
  it.each([
    ['I moved to Lisbon.', 'I live in Berlin.'],
    ['My favourite colour is green.', 'My favourite colour is blue.'],
    ['My wifi password is lion.', 'My wifi password is tiger.'],
    ['我住在上海。', '我住在北京。'],
    ['I no longer work at Acme.', 'I work at Acme.'],
  ])('finds that "%s" ends "%s"', (later, earlier) => expect(contradicts(claims(later), claims(earlier))).toBe(true))

  it('keeps apart what different persons say, and what agrees', () => {
    expect(contradicts(claims('I live in Rome.', 'Ana'), claims('I live in Oslo.', 'Bob'))).toBe(false)
    expect(contradicts(claims('I live in Rome.'), claims('I live in Rome.'))).toBe(false)
    expect(contradicts(claims('I like tea.'), claims('I like coffee.'))).toBe(false)
  })
})
