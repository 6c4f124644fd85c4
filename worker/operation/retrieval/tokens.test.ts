import { describe, expect, it } from 'vitest'
import { cutToTokens, estimateTokens } from './tokens.ts'

describe('estimateTokens', () => {
  it.each([
    ['', 0],
    ['a', 1],
    ['word word word ok', 5],
    ['12345678', 4],
    ['北京大学', 4],
    ['😀😀', 2],
    ['привет', 3],
  ])('counts %j as %i', (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens)
  })
})

describe('cutToTokens', () => {
  it('keeps what fits and marks what is cut', () => {
    expect(cutToTokens('short', 2)).toBe('short')
    expect(cutToTokens('one two three four five', 4)).toMatch(/^one .*…$/u)
    expect(cutToTokens('北京大学', 0)).toBe('')
  })
  it('never exceeds the budget and never splits a character', () => {
    const text = 'mixed 北京 text 😀 with 12 numbers, and more'
    for (let tokens = 0; tokens < 30; tokens++) {
      const cut = cutToTokens(text, tokens)
      expect(estimateTokens(cut)).toBeLessThanOrEqual(tokens)
      expect(cut.isWellFormed()).toBe(true)
    }
  })
})
