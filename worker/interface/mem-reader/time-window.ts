const DAY_MS = 86_400_000
const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]

export interface TimeWindow {
  fromMs: number | null
  /** Exclusive. */
  toMs: number | null
}

const startOfDay = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS
const startOfMonth = (year: number, month: number): number => Date.UTC(year, month, 1)

/** Phrases and the window each means, seen from the start of today (UTC). */
const RELATIVE: [pattern: RegExp, window: (todayMs: number, match: RegExpExecArray) => TimeWindow][] = [
  [/\btoday\b|今天/i, (today) => ({ fromMs: today, toMs: today + DAY_MS })],
  [/\byesterday\b|昨天/i, (today) => ({ fromMs: today - DAY_MS, toMs: today })],
  [/\b(?:last|past) week\b|上周/i, (today) => ({ fromMs: mondayOf(today) - 7 * DAY_MS, toMs: mondayOf(today) })],
  [/\bthis week\b|这周|本周/i, (today) => ({ fromMs: mondayOf(today), toMs: mondayOf(today) + 7 * DAY_MS })],
  [/\blast month\b|上个?月/i, (today) => monthAround(today, -1)],
  [/\bthis month\b|这个?月|本月/i, (today) => monthAround(today, 0)],
  [/\blast year\b|去年/i, (today) => yearOf(new Date(today).getUTCFullYear() - 1)],
  [/\bthis year\b|今年/i, (today) => yearOf(new Date(today).getUTCFullYear())],
  [
    /\b(?:last|past) (\d{1,3}) days\b|最近(\d{1,3})天/i,
    (today, match) => ({ fromMs: today - Number(match[1] ?? match[2]) * DAY_MS, toMs: today + DAY_MS }),
  ],
]

/** The window of time that a prompt names, in UTC; open where it names none. */
export function timeWindow(prompt: string, nowMs: number): TimeWindow {
  const today = startOfDay(nowMs)
  for (const [pattern, window] of RELATIVE) {
    const match = pattern.exec(prompt)
    if (match !== null) return window(today, match)
  }
  return namedMonth(prompt) ?? { fromMs: null, toMs: null }
}

/** `March 2024`, `in March of 2024`, `2024年3月`. A month without a year could be any. */
function namedMonth(prompt: string): TimeWindow | null {
  const chinese = /(\d{4})年(\d{1,2})月/.exec(prompt)
  if (chinese !== null && Number(chinese[2]) >= 1 && Number(chinese[2]) <= 12)
    return month(Number(chinese[1]), Number(chinese[2]) - 1)
  const english = new RegExp(`\\b(${MONTHS.join('|')})(?: of)?,? (\\d{4})\\b`, 'i').exec(prompt)
  if (english === null) return null
  return month(Number(english[2]), MONTHS.indexOf((english[1] ?? '').toLowerCase()))
}

const month = (year: number, index: number): TimeWindow => ({
  fromMs: startOfMonth(year, index),
  toMs: startOfMonth(year, index + 1),
})
const yearOf = (year: number): TimeWindow => ({ fromMs: Date.UTC(year, 0, 1), toMs: Date.UTC(year + 1, 0, 1) })

function monthAround(todayMs: number, offset: number): TimeWindow {
  const date = new Date(todayMs)
  return month(date.getUTCFullYear(), date.getUTCMonth() + offset)
}

/** ISO weeks begin on Monday. */
const mondayOf = (dayMs: number): number => dayMs - ((new Date(dayMs).getUTCDay() + 6) % 7) * DAY_MS
