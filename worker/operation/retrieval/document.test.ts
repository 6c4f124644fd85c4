import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { indexDocument } from './document.ts'
import { FEATURE } from './features.ts'
import { analyseQuery } from './query.ts'

const source = (text: string) => ({ text, speaker: null, role: null, date: null })

describe('indexDocument', () => {
  it('indexes speaker, date and topical words, and counts all words as length', () => {
    const { terms, length } = indexDocument({
      text: 'The dog and the dogs',
      speaker: 'Ann',
      role: null,
      date: '2024-03-05',
    })
    expect(terms).toEqual(
      new Map([
        ['ann', 1],
        ['5', 1],
        ['march', 1],
        ['2024', 1],
        ['dog', 2],
      ]),
    )
    expect(length).toBe(9)
  })
  it('keeps a text of stop words findable by a query of stop words', () => {
    const { terms } = indexDocument({ ...source('Who are you?'), speaker: 'Ann' })
    const query = analyseQuery('who are you', { speakers: [] })
    expect(query.terms.every((term) => terms.has(term))).toBe(true)
  })
  it('keeps a speaker whose name looks like a stop word', () => {
    expect(indexDocument({ ...source('hello'), speaker: 'Will' }).terms.has('will')).toBe(true)
  })
  it('has every term that a query of the same text looks up', () => {
    for (const text of ['She bought green shoes', '她昨天去了北京大学', 'a b c', '日本語 and English 2024年']) {
      const { terms, length } = indexDocument(source(text))
      for (const term of analyseQuery(text, { speakers: [] }).terms) expect(terms.has(term), term).toBe(true)
      expect(length).toBe(analyse(text).length)
    }
  })
  it('sets the features of the text, not of the header', () => {
    const { features } = indexDocument({ text: 'I see', speaker: 'user', role: 'user', date: '2024-03-05' })
    expect(features).toBe(FEATURE.firstPerson | FEATURE.fromUser)
  })
  it('is empty for text without words', () => {
    expect(indexDocument(source('😀'))).toEqual({ terms: new Map(), length: 0, features: 0 })
  })
})
