import { describe, expect, it } from 'vitest'
import { timeWindow } from './time-window.ts'

/** A Wednesday. */
const NOW_MS = Date.UTC(2026, 2, 18, 10)
const dateOf = (ms: number | null) => (ms === null ? '' : new Date(ms).toISOString().slice(0, 10))
const windowOf = (prompt: string) => {
  const { fromMs, toMs } = timeWindow(prompt, NOW_MS)
  return `${dateOf(fromMs)}/${dateOf(toMs)}`
}

describe('timeWindow', () => {
  it.each([
    ['what did I do today', '2026-03-18/2026-03-19'],
    ['the day before yesterday', '2026-03-16/2026-03-17'],
    ['three weeks ago', '2026-02-23/2026-03-02'],
    ['a few days ago', '2026-03-13/2026-03-17'],
    ['the past two months', '2026-01-18/2026-03-19'],
    ['last quarter', '2025-10-01/2026-01-01'],
    ['on Friday', '2026-03-13/2026-03-14'],
    ['next Friday', '2026-03-27/2026-03-28'],
    ['last weekend', '2026-03-14/2026-03-16'],
    ['last March', '2025-03-01/2025-04-01'],
    ['what did we say in May?', '2025-05-01/2025-06-01'],
    ['March 5', '2026-03-05/2026-03-06'],
    ['5 March 2024', '2024-03-05/2024-03-06'],
    ['in the spring of 2024', '2024-03-01/2024-06-01'],
    ['last winter', '2025-12-01/2026-03-01'],
    ['Q3 2025', '2025-07-01/2025-10-01'],
    ['early March 2025', '2025-03-01/2025-03-11'],
    ['in the 1990s', '1990-01-01/2000-01-01'],
    ['in 2023', '2023-01-01/2024-01-01'],
    ['昨天', '2026-03-17/2026-03-18'],
    ['上周三我说了什么', '2026-03-11/2026-03-12'],
    ['三个月前', '2025-12-01/2026-01-01'],
    ['去年夏天', '2025-06-01/2025-09-01'],
    ['2024年3月5日', '2024-03-05/2024-03-06'],
    ['十二月份', '2025-12-01/2026-01-01'],
    ['最近三天', '2026-03-15/2026-03-19'],
    ['上个月底', '2026-02-19/2026-03-01'],
  ])('knows what "%s" means', (prompt, window) => expect(windowOf(prompt)).toBe(window))

  it.each([
    ['since Monday', '2026-03-16/'],
    ['before 2020', '/2020-01-01'],
    ['until last summer', '/2025-09-01'],
    ['after March 5', '2026-03-06/'],
    ['from 2024-05-01 onwards', '2024-05-01/'],
    ['between March and May 2025', '2025-03-01/2025-06-01'],
    ['from Monday to Wednesday', '2026-03-09/2026-03-12'],
    ['from 2025-01-03 to 2025-02-01', '2025-01-03/2025-02-02'],
    ['in January and in February', '2026-01-01/2026-03-01'],
    ['自从三月以来', '2026-03-01/'],
    ['2024年3月5日之后', '2024-03-06/'],
    ['2024年之前', '/2024-01-01'],
    ['2023年到2025年', '2023-01-01/2026-01-01'],
  ])('bounds "%s"', (prompt, window) => expect(windowOf(prompt)).toBe(window))

  it.each([
    'May I ask',
    'march on',
    'spring rolls',
    '2024 steps',
    'since you like tea',
    'the last of us',
    '天天向上',
    '',
  ])('takes "%s" for no time', (prompt) => expect(windowOf(prompt)).toBe('/'))

  it('refuses days that no calendar has, and reads the end of a month as one', () => {
    expect(windowOf('2025-02-30')).toBe('/')
    expect(windowOf('2024年2月29日')).toBe('2024-02-29/2024-03-01')
  })

  it('always ends after it begins, whatever is said', () => {
    const words =
      'since before until from to between and last next May 2025 Monday 2024-01-01 yesterday ago three weeks 上周 三月 2024年 以前 到'.split(
        ' ',
      )
    let seed = 7
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    for (let round = 0; round < 2000; round++) {
      const prompt = Array.from({ length: 1 + next(7) }, () => words[next(words.length)]).join(' ')
      const { fromMs, toMs } = timeWindow(prompt, NOW_MS)
      if (fromMs !== null && toMs !== null) expect(fromMs, `seed 7, "${prompt}"`).toBeLessThan(toMs)
    }
  })
})
