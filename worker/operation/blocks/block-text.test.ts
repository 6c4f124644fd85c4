import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../test/conformance/seeded-random.ts'
import { estimateTokens } from '../retrieval/tokens.ts'
import { blockText, coreContent, editedText, pageOut } from './block-text.ts'

describe('an edit', () => {
  it('appends to an empty text without a blank line', () => {
    expect(editedText('', { op: 'append', new: ' one ' })).toBe('one')
    expect(editedText('one', { op: 'append', new: 'two' })).toBe('one\ntwo')
  })
  it('inserts behind the line of a text, or in front', () => {
    expect(editedText('one\nthree', { op: 'insert', old: 'on', new: 'two' })).toBe('one\ntwo\nthree')
    expect(editedText('one', { op: 'insert', old: 'one', new: 'two' })).toBe('one\ntwo')
    expect(editedText('one', { op: 'insert', new: 'zero' })).toBe('zero\none')
  })
  it('replaces what occurs once, and refuses anything else', () => {
    expect(editedText('a b c', { op: 'replace', old: 'b', new: '$&' })).toBe('a $& c')
    expect(() => editedText('aa', { op: 'replace', old: 'a', new: 'x' })).toThrow('exactly once')
    expect(() => editedText('aaa', { op: 'replace', old: 'aa', new: 'x' })).toThrow('exactly once')
    expect(() => editedText('b', { op: 'replace', old: 'a', new: 'x' })).toThrow('exactly once')
  })
  it('finds a text in another normal form', () => {
    expect(editedText('caf\u00e9 open', { op: 'replace', old: 'cafe\u0301', new: 'bar' })).toBe('bar open')
  })
})

describe('the core of an empty block', () => {
  it('holds its name, which is no text', () => {
    expect(blockText(coreContent('', 'Alice'), 'Alice')).toBe('')
    expect(blockText(coreContent('text', 'Alice'), 'Alice')).toBe('text')
  })
})

describe('paging out', () => {
  it('leaves a text alone that fits', () => {
    expect(pageOut('', 'one\n\ntwo', 16)).toEqual({ text: 'one\n\ntwo', pages: [] })
  })
  it('moves lines of before first, the oldest first', () => {
    const before = 'old line number one\nold line number two'
    const after = `a new line in front\n${before}\nthe newest line`
    const { text, pages } = pageOut(before, after, 16)
    expect(text).toBe('a new line in front\nthe newest line')
    expect(pages).toEqual([before])
  })
  it('refuses a last line that is larger than the block', () => {
    expect(() => pageOut('', 'word '.repeat(100).trim(), 16)).toThrow('last line')
  })
  it('loses no line and keeps to the size, whatever the text', () => {
    const seed = 20261120
    const random = seededRandom(seed)
    for (let n = 0; n < 300; n++) {
      const line = () =>
        Array.from({ length: 1 + random(8) }, () => ['goat', '山羊', '42', 'ελιά'][random(4)]).join(' ')
      const before = Array.from({ length: random(12) }, line)
      const after = [...before, ...Array.from({ length: 1 + random(12) }, line)]
      const tokensMax = 48 + random(40)
      const { text, pages } = pageOut(before.join('\n'), after.join('\n'), tokensMax)
      expect(estimateTokens(text), `seed ${seed}, run ${n}`).toBeLessThanOrEqual(tokensMax)
      const kept = [...pages, text]
        .join('\n')
        .split('\n')
        .filter((one) => one !== '')
      expect(kept.toSorted(), `seed ${seed}, run ${n}`).toEqual(after.toSorted())
    }
  })
})
