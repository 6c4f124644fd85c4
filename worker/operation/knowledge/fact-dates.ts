const DAY_MS = 86_400_000
const MONTHS = 'january february march april may june july august september october november december'.split(' ')
const WEEKDAYS = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ')
const NUMBERS = 'zero one two three four five six seven eight nine ten eleven twelve'.split(' ')
const CHINESE_DIGITS = '零一二三四五六七八九十'

const MONTH =
  '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?'
const NUMBER = '(?:\\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a couple of|a few)'
const WEEKDAY = '(?:mon|tues|wednes|thurs|fri|satur|sun)day'

/** Source of a pattern for one date as English writes it. */
export const ENGLISH_DATE = [
  '\\d{4}-\\d\\d-\\d\\d',
  `${MONTH} \\d{1,2}(?:st|nd|rd|th)?(?:,? \\d{4})?(?!\\d)`,
  `(?:the )?\\d{1,2}(?:st|nd|rd|th)?(?: of)? ${MONTH}(?:,? \\d{4})?`,
  `${MONTH}(?: of)? \\d{4}`,
  `(?:last|this|next) (?:week|month|year|${WEEKDAY}|${MONTH})`,
  `${NUMBER} (?:day|week|month|year)s? ago`,
  'the day before yesterday|the day after tomorrow|yesterday|today|tomorrow|tonight',
  WEEKDAY,
  '(?:19|20)\\d\\d(?!\\d)',
  `${MONTH}(?![a-z])`,
].join('|')

/** Source of a pattern for one date as Chinese writes it. */
export const CHINESE_DATE = [
  '\\d{4}-\\d\\d-\\d\\d',
  '(?:\\d{4}|今|去|前|明)年(?:\\d{1,2}|[一二三四五六七八九十]{1,2})月(?:\\d{1,2}[日号])?',
  '(?:\\d{1,2}|[一二三四五六七八九十]{1,2})月\\d{1,2}[日号]',
  '(?:\\d{4}|今|去|前|明)年',
  '(?:上|这|本|下)个?(?:周|星期|礼拜)[一二三四五六日天]?|(?:上|这|本|下)个?月',
  '(?:\\d{1,3}|[一二两三四五六七八九十]{1,2})(?:天|周|个星期|个月|年)前',
  '前天|昨天|今天|明天|后天',
  '(?:周|星期)[一二三四五六日天]',
  '(?:\\d{1,2}|[一二三四五六七八九十]{1,2})月(?!\\d)',
].join('|')

/** Whether a date without a year lies behind or ahead of the moment at which it was said. */
export type Lean = 'past' | 'future'

interface Now {
  todayMs: number
  lean: Lean
}

const startOfDay = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS

/** Start of the day, month or year that a date means, in UTC, seen from when it was said; null where it names none. */
export function dateMs(text: string, saidAtMs: number, lean: Lean): number | null {
  const now: Now = { todayMs: startOfDay(saidAtMs), lean }
  const plain = text
    .trim()
    .toLowerCase()
    .replaceAll('.', '')
    .replace(/^the (?=\d)/, '')
  const iso = /^(\d{4})-(\d\d)-(\d\d)$/.exec(plain)
  if (iso !== null) return dayMs(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]))
  return english(plain, now) ?? chinese(plain, now)
}

/** A day of the calendar; null for one that does not exist. */
function dayMs(year: number, month: number, day: number): number | null {
  const ms = Date.UTC(year, month, day)
  const date = new Date(ms)
  return date.getUTCMonth() === month && date.getUTCDate() === day ? ms : null
}

const OFFSETS: Readonly<Record<string, number>> = {
  today: 0,
  tonight: 0,
  yesterday: -1,
  tomorrow: 1,
  'the day before yesterday': -2,
  'the day after tomorrow': 2,
  今天: 0,
  昨天: -1,
  明天: 1,
  前天: -2,
  后天: 2,
}

function english(text: string, now: Now): number | null {
  const offset = OFFSETS[text]
  if (offset !== undefined) return now.todayMs + offset * DAY_MS
  const ago = /^(.+) (day|week|month|year)s? ago$/.exec(text)
  if (ago !== null) return shifted(now.todayMs, -numberOf(ago[1] ?? ''), ago[2] ?? '')
  const relative = /^(last|this|next) (.+)$/.exec(text)
  if (relative !== null)
    return relativeMs(['last', 'this', 'next'].indexOf(relative[1] ?? '') - 1, relative[2] ?? '', now)
  if (WEEKDAYS.includes(text)) return weekdayMs(WEEKDAYS.indexOf(text), 0, now)
  if (/^(?:19|20)\d\d$/.test(text)) return Date.UTC(Number(text), 0, 1)
  const parts =
    /^(?:(\d{1,2})(?:st|nd|rd|th)?(?: of)? )?([a-z]+)(?: (\d{1,2})(?:st|nd|rd|th)?(?!\d))?(?:(?:,| of)? ?(\d{4}))?$/.exec(
      text,
    )
  const month = monthOf(parts?.[2] ?? '')
  if (parts === null || month < 0) return null
  const day = parts[1] ?? parts[3]
  return calendarMs(parts[4] === undefined ? null : Number(parts[4]), month, day === undefined ? 1 : Number(day), now)
}

const monthOf = (name: string): number =>
  name.length < 3
    ? -1
    : MONTHS.findIndex((month) => month.startsWith(name.slice(0, 3)) && (month.startsWith(name) || name === 'sept'))

/** A date without a year is the last one behind, or the next one ahead. */
function calendarMs(year: number | null, month: number, day: number, { todayMs, lean }: Now): number | null {
  if (year !== null) return dayMs(year, month, day)
  const thisYear = new Date(todayMs).getUTCFullYear()
  const ms = dayMs(thisYear, month, day)
  if (ms === null) return null
  if (lean === 'past' && ms > todayMs) return dayMs(thisYear - 1, month, day)
  if (lean === 'future' && ms < todayMs) return dayMs(thisYear + 1, month, day)
  return ms
}

function relativeMs(offset: number, unit: string, now: Now): number | null {
  const date = new Date(now.todayMs)
  if (unit === 'week') return mondayOf(now.todayMs) + offset * 7 * DAY_MS
  if (unit === 'month') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset, 1)
  if (unit === 'year') return Date.UTC(date.getUTCFullYear() + offset, 0, 1)
  if (WEEKDAYS.includes(unit)) return weekdayMs(WEEKDAYS.indexOf(unit), offset, now)
  const month = monthOf(unit)
  if (month < 0) return null
  if (offset === 0) return Date.UTC(date.getUTCFullYear(), month, 1)
  return calendarMs(null, month, 1, { todayMs: now.todayMs, lean: offset < 0 ? 'past' : 'future' })
}

/** ISO weeks begin on Monday. */
const mondayOf = (ms: number): number => ms - ((new Date(ms).getUTCDay() + 6) % 7) * DAY_MS

/** A day of the week: of the week before or after, or the nearest one on the side that the lean tells. */
function weekdayMs(weekday: number, offset: number, { todayMs, lean }: Now): number {
  if (offset !== 0) return mondayOf(todayMs) + offset * 7 * DAY_MS + ((weekday + 6) % 7) * DAY_MS
  const behind = (new Date(todayMs).getUTCDay() - weekday + 7) % 7
  if (lean === 'past') return todayMs - behind * DAY_MS
  return todayMs + ((7 - behind) % 7) * DAY_MS
}

function shifted(todayMs: number, count: number, unit: string): number {
  if (unit === 'day') return todayMs + count * DAY_MS
  if (unit === 'week') return todayMs + count * 7 * DAY_MS
  const date = new Date(todayMs)
  return unit === 'month'
    ? Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count, date.getUTCDate())
    : Date.UTC(date.getUTCFullYear() + count, date.getUTCMonth(), date.getUTCDate())
}

/** Number of English words or digits; `a couple of` is 2, `a few` is 3. */
export function numberOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  if (text === 'a couple of') return 2
  if (text === 'a few') return 3
  return text === 'a' || text === 'an' ? 1 : Math.max(0, NUMBERS.indexOf(text))
}

function chinese(text: string, now: Now): number | null {
  const ago = /^(.+?)(天|周|个星期|个月|年)前$/.exec(text)
  const units: Record<string, string> = { 天: 'day', 周: 'week', 个星期: 'week', 个月: 'month', 年: 'year' }
  if (ago !== null) return shifted(now.todayMs, -chineseNumber(ago[1] ?? ''), units[ago[2] ?? ''] ?? 'day')
  const week = /^(上|这|本|下)?个?(?:周|星期|礼拜)([一二三四五六日天])?$/.exec(text)
  if (week !== null) {
    const offset = { 上: -1, 下: 1 }[week[1] ?? ''] ?? 0
    return week[2] === undefined
      ? mondayOf(now.todayMs) + offset * 7 * DAY_MS
      : weekdayMs(Math.max(0, '日一二三四五六'.indexOf(week[2].replace('天', '日'))), offset, now)
  }
  const month = /^(上|这|本|下)个?月$/.exec(text)
  if (month !== null) return relativeMs({ 上: -1, 下: 1 }[month[1] ?? ''] ?? 0, 'month', now)
  const parts = /^(?:(\d{4}|今|去|前|明)年)?(?:(\d{1,2}|[一二三四五六七八九十]{1,2})月)?(?:(\d{1,2})[日号])?$/.exec(
    text,
  )
  if (parts === null || (parts[1] === undefined && parts[2] === undefined)) return null
  const thisYear = new Date(now.todayMs).getUTCFullYear()
  const named: Record<string, number> = { 今: thisYear, 去: thisYear - 1, 前: thisYear - 2, 明: thisYear + 1 }
  const year = parts[1] === undefined ? null : (named[parts[1]] ?? Number(parts[1]))
  return calendarMs(year, parts[2] === undefined ? 0 : chineseNumber(parts[2]) - 1, Number(parts[3] ?? 1), now)
}

/** Numbers up to 99 in digits or Chinese characters. */
export function chineseNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  const plain = text.replace('两', '二')
  const digit = (character: string | undefined) => Math.max(0, CHINESE_DIGITS.indexOf(character ?? '零'))
  const ten = plain.indexOf('十')
  if (ten < 0) return digit(plain[0])
  return (ten === 0 ? 1 : digit(plain[0])) * 10 + (ten + 1 < plain.length ? digit(plain[ten + 1]) : 0)
}
