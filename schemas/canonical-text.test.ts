import { expect, it } from 'vitest'
import { areCharacterStarts, isCanonicalText, toCanonicalText, utf8Length } from './canonical-text.ts'

const TEXTS = ['', 'a', 'é', '東', '𝄞', 'aé東𝄞', '\uFFFF\u07FF\u0800\u007F\u0080']

it('measures UTF-8 as an encoder writes it', () => {
  for (const text of TEXTS) expect(utf8Length(text), text).toBe(new TextEncoder().encode(text).length)
})

it('finds the starts of characters and nothing between them', () => {
  const starts = (text: string) => [...text].map((_, i, all) => utf8Length(all.slice(0, i).join('')))
  for (const text of TEXTS) {
    const expected = starts(text)
    expect(areCharacterStarts(text, expected)).toBe(true)
    for (let at = 0; at <= utf8Length(text); at++) expect(areCharacterStarts(text, [at])).toBe(expected.includes(at))
  }
})

it.each([
  ['a lone surrogate', 'a\udc00b', 'a\ufffdb'],
  ['leading byte order marks', '\uFEFF\uFEFFa', 'a'],
  ['decomposed letters', 'e\u0301', '\u00e9'],
])('repairs %s', (_, text, repaired) => {
  expect(isCanonicalText(text)).toBe(false)
  expect(toCanonicalText(text)).toBe(repaired)
  expect(isCanonicalText(repaired)).toBe(true)
})
