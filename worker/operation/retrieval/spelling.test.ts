import { describe, expect, it } from 'vitest'
import { SPELLING_SUGGESTIONS_PER_TERM_MAX, SPELLING_TERMS_MAX } from '../../../schemas/limits.ts'
import { suggestTerms } from './spelling.ts'

const VOCABULARY = ['restaurant', 'garden', 'kitchen', 'birthday', 'paris', 'station', 'violin']

describe('suggestTerms', () => {
  it.each([
    ['restaraunt', 'restaurant'],
    ['kichen', 'kitchen'],
    ['birtday', 'birthday'],
    ['parris', 'paris'],
    ['vilin', 'violin'],
  ])('corrects %s to %s', (term, suggestion) => {
    expect(suggestTerms([term], VOCABULARY).map((found) => found.suggestion)).toEqual([suggestion])
  })
  it('offers nothing for a word that is merely unknown', () => {
    expect(suggestTerms(['quantum', 'harvest', 'at'], VOCABULARY)).toEqual([])
  })
  it('bounds terms and suggestions', () => {
    const near = Array.from({ length: 20 }, (_, i) => `violins${i}`)
    expect(suggestTerms(['violins'], near)).toHaveLength(SPELLING_SUGGESTIONS_PER_TERM_MAX)
    const unknown = Array.from({ length: 30 }, () => 'violins')
    expect(suggestTerms(unknown, ['violin'])).toHaveLength(SPELLING_TERMS_MAX)
  })
  it('gives the nearest first, with its cosine', () => {
    const [best, next] = suggestTerms(['violinx'], ['violinist', 'violin'])
    expect([best?.suggestion, next?.suggestion]).toEqual(['violin', 'violinist'])
    expect(best?.cosine).toBeGreaterThan(next?.cosine ?? 1)
  })
})
