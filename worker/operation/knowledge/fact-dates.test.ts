import { describe, expect, it } from 'vitest'
import { isoOf } from '../../../schemas/common.ts'
import { chineseNumber, dateMs, type Lean, numberOf } from './fact-dates.ts'

/** A Sunday. */
const SAID_AT_MS = Date.UTC(2026, 4, 10, 15, 30)
const day = (text: string, lean: Lean = 'past') => {
  const ms = dateMs(text, SAID_AT_MS, lean)
  return ms === null ? null : isoOf(ms).slice(0, 10)
}

describe('dateMs', () => {
  it.each([
    ['2024-02-29', '2024-02-29'],
    ['March 5th, 2024', '2024-03-05'],
    ['5 March 2024', '2024-03-05'],
    ['the 3rd of June', '2025-06-03'],
    ['May 3', '2026-05-03'],
    ['Sept 2023', '2023-09-01'],
    ['2019', '2019-01-01'],
    ['March', '2026-03-01'],
    ['December', '2025-12-01'],
    ['yesterday', '2026-05-09'],
    ['the day before yesterday', '2026-05-08'],
    ['last week', '2026-04-27'],
    ['last month', '2026-04-01'],
    ['last year', '2025-01-01'],
    ['last Monday', '2026-04-27'],
    ['Friday', '2026-05-08'],
    ['two weeks ago', '2026-04-26'],
    ['a month ago', '2026-04-10'],
    ['3 years ago', '2023-05-10'],
    ['2024年3月5日', '2024-03-05'],
    ['去年', '2025-01-01'],
    ['今年三月', '2026-03-01'],
    ['十一月', '2025-11-01'],
    ['上个月', '2026-04-01'],
    ['上周五', '2026-05-01'],
    ['前天', '2026-05-08'],
    ['三天前', '2026-05-07'],
  ])('reads %s as what lies behind', (text, wanted) => {
    expect(day(text)).toBe(wanted)
  })

  it.each([
    ['May 3', '2027-05-03'],
    ['May 21', '2026-05-21'],
    ['tomorrow', '2026-05-11'],
    ['next Friday', '2026-05-15'],
    ['next month', '2026-06-01'],
    ['Tuesday', '2026-05-12'],
    ['5月20日', '2026-05-20'],
    ['3月1号', '2027-03-01'],
    ['下周三', '2026-05-13'],
    ['明天', '2026-05-11'],
  ])('reads %s as what lies ahead', (text, wanted) => {
    expect(day(text, 'future')).toBe(wanted)
  })

  it.each(['soon', 'February 30', '2026-13-01', 'the meeting', '13月', ''])('reads no date in %j', (text) => {
    expect(day(text)).toBeNull()
  })
})

it('reads numbers in words, digits and characters', () => {
  expect(['12', 'a', 'seven', 'a couple of', 'a few'].map(numberOf)).toEqual([12, 1, 7, 2, 3])
  expect(['8', '两', '十', '十二', '二十', '三十五'].map(chineseNumber)).toEqual([8, 2, 10, 12, 20, 35])
})
