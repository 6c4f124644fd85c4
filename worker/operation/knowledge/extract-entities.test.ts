import { describe, expect, it } from 'vitest'
import { MENTIONS_PER_CUBE_MAX } from '../../../schemas/limits.ts'
import { extractEntities } from './extract-entities.ts'

const read = (content: string, more: { speaker?: string; title?: string } = {}) =>
  extractEntities({ content, speaker: more.speaker ?? null, title: more.title ?? null })

const named = (content: string) =>
  Object.fromEntries(
    read(content)
      .filter(({ sure }) => sure)
      .map(({ key, kind }) => [key, kind]),
  )

describe('extractEntities in English', () => {
  it.each<[string, Record<string, string>]>([
    [
      "I moved to Lisbon in March. Visited Melanie's mother at the University of Porto.",
      { lisbon: 'place', melanie: 'person', 'university of porto': 'organisation' },
    ],
    [
      'My friend Zorblax works at Acme Corp. in New York City.',
      { zorblax: 'person', 'acme corp': 'organisation', 'new york city': 'place' },
    ],
    ['Dr. Quux recommended it.', { quux: 'person' }],
    ['She got a job at Globex.', { globex: 'organisation' }],
    ['We drove to Kvikne last week.', { kvikne: 'place' }],
    ['When did Caroline go to the LGBTQ support group?', { caroline: 'person', lgbtq: 'thing' }],
    ['On Monday I saw The Lord of the Rings in May.', { 'lord of the rings': 'thing' }],
  ])('%s', (text, expected) => {
    expect(named(text)).toEqual(expected)
  })

  it('takes neither months, days, interjections nor words that open a sentence for names', () => {
    expect(named("Wow, I'm glad! Yesterday was Sunday. Really? OK, see you in July.")).toEqual({})
  })

  it('doubts a single word that opens a sentence, and is sure once it stands inside of one', () => {
    expect(read('Quendor is far.').map(({ key, sure }) => [key, sure])).toEqual([['quendor', false]])
    expect(read('Quendor is far. We love Quendor.').map(({ sure, count }) => [sure, count])).toEqual([[true, 2]])
  })

  it('gives the same name one key, with and without possessive, title and capitals', () => {
    const [only, ...rest] = read("I met Dr. Alvarez. Alvarez's dog barked at ALVAREZ.", { speaker: 'Alvarez' })
    expect(only).toMatchObject({ key: 'alvarez', kind: 'person', count: 4 })
    expect(rest).toEqual([])
  })

  it('counts the speaker as a person and reads the title', () => {
    expect(read('nothing here', { speaker: 'ana', title: 'Porto' })).toMatchObject([
      { key: 'ana', kind: 'person' },
      { key: 'porto', name: 'Porto', kind: 'place' },
    ])
  })
})

describe('extractEntities in Chinese', () => {
  it.each<[string, Record<string, string>]>([
    ['王小明昨天去了北京大学，他住在上海市。', { 王小明: 'person', 北京大学: 'organisation', 上海市: 'place' }],
    ['张老师和小李在西湖公园见面。', { 张老师: 'person', 小李: 'person', 西湖公园: 'place' }],
    ['周末很高兴，方法也不错，马上就来。', {}],
  ])('%s', (text, expected) => {
    expect(named(text)).toEqual(expected)
  })
})

it('bounds what one cube can mention', () => {
  const many = Array.from(
    { length: 300 },
    (_, n) => `we saw Zed${String.fromCharCode(97 + (n % 26))}${'q'.repeat(n / 26)} there`,
  )
  expect(read(many.join('. '))).toHaveLength(MENTIONS_PER_CUBE_MAX)
})

it('reads any text without failing', () => {
  for (const text of ['', '...', 'A', '王', '\u0000Q', 'Ā́'.repeat(50), '’’’S', 'X'.repeat(50_000)])
    expect(Array.isArray(read(text))).toBe(true)
})
