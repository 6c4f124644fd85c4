import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { CONTENT_BYTES_MAX } from '../../../schemas/limits.ts'
import { analyse, TERM_LENGTH_CHARS_MAX, termCounts } from './analyse.ts'

describe('analyse', () => {
  it('joins inflections of a word, irregular ones too', () => {
    expect(analyse('She went hiking')).toEqual(analyse('she goes hike'))
    expect(analyse('bought')).toEqual(['bui'])
    expect(analyse('children')).toEqual(analyse('child'))
  })
  it('drops case, accents, compatibility forms and English contractions', () => {
    expect(analyse('Café NAÏVE ﬁle')).toEqual(['cafe', 'naiv', 'file'])
    expect(analyse("Ann's don’t we'll")).toEqual(['ann', 'don', 'we'])
  })
  it('reads Han, kana and Hangul as characters and pairs', () => {
    expect(analyse('北京大')).toEqual(['北', '北京', '京', '京大', '大'])
    expect(analyse('サッカー')).toContain('カー')
    expect(analyse('한국어')).toEqual(['한', '한국', '국', '국어', '어'])
    expect(analyse('𠮷野')).toEqual(['𠮷', '𠮷野', '野'])
  })
  it('joins a number with the character after it, so that dates are terms', () => {
    expect(analyse('2024年03月5日')).toEqual(expect.arrayContaining(['2024年', '3月', '5日']))
  })
  it('keeps kana voicing and Indic vowel signs', () => {
    expect(analyse('が')).not.toEqual(analyse('か'))
    expect(analyse('हिन्दी')).toEqual(['हिन्दी'])
  })
  it('leaves out optional vowel points', () => {
    expect(analyse('كِتَاب')).toEqual(analyse('كتاب'))
    expect(analyse('שָׁלוֹם')).toEqual(analyse('שלום'))
  })
  it('gives no term for emoji, punctuation, controls and broken surrogates', () => {
    expect(analyse('😀 👨‍👩‍👧 🇩🇪 … "*^ \u0000\ud800 \udfff')).toEqual([])
    expect(analyse('')).toEqual([])
  })
  it('cuts endless words to one bounded term', () => {
    const long = 'x9'.repeat(5_000)
    expect(analyse(long)).toEqual([long.slice(0, TERM_LENGTH_CHARS_MAX)])
  })
  it('gives the same terms again when its memory of stems has turned over', () => {
    const before = analyse('running quickly')
    for (let i = 0; i < 60_000; i++) analyse(`w${i}`)
    expect(analyse('running quickly')).toEqual(before)
  })
})

describe('termCounts', () => {
  it('counts occurrences', () => {
    expect(termCounts(['a', 'b', 'a'])).toEqual(
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    )
  })
  it.each([
    ['a long word of its own', (i: number) => `identifier${String(i).padStart(8, '0')} ${'some text '.repeat(6000)}`],
    ['one endless word', (i: number) => `${i}${'abcdef0123'.repeat(6000)}`],
  ])('holds on to no text that has %s', (_, textOf) => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = () => {
      collect()
      return process.memoryUsage().heapUsed
    }
    analyse(textOf(0))
    const before = used()
    for (let i = 1; i <= 300; i++) analyse(textOf(i))
    expect((used() - before) / 300).toBeLessThan(6000)
  })
})

it('takes an unspaced run as long as a memory may be', () => {
  const run = '港'.repeat(CONTENT_BYTES_MAX / 2)
  expect(analyse(run).length).toBeGreaterThan(run.length)
})
