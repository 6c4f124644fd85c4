export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

/** A stretch of time; null is open. */
export interface TimeWindow {
  fromMs: number | null
  /** Exclusive. */
  toMs: number | null
}

/** A stretch with both ends. */
export interface Span {
  fromMs: number
  toMs: number
}

/** A phrase of time in a text: where it stands and what it means. */
export interface TimePhrase {
  start: number
  end: number
  span: Span
}

export type TimeUnit = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year'

export const startOfDay = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS
/** ISO weeks begin on Monday. */
export const mondayOf = (dayMs: number): number => dayMs - ((new Date(dayMs).getUTCDay() + 6) % 7) * DAY_MS

export const yearOf = (ms: number): number => new Date(ms).getUTCFullYear()
/** 0 for January. */
export const monthOf = (ms: number): number => new Date(ms).getUTCMonth()

export const days = (fromMs: number, count: number): Span => ({ fromMs, toMs: fromMs + count * DAY_MS })
export const months = (year: number, month: number, count = 1): Span => ({
  fromMs: Date.UTC(year, month, 1),
  toMs: Date.UTC(year, month + count, 1),
})
export const years = (year: number, count = 1): Span => months(year, 0, 12 * count)

/** A day of a month; null for one that no calendar has. */
export function dayOf(year: number, month: number, day: number): Span | null {
  const ms = Date.UTC(year, month, day)
  const date = new Date(ms)
  return date.getUTCMonth() === month && date.getUTCDate() === day ? days(ms, 1) : null
}

/** The whole unit that lies `offset` units from the present one: day -1 is yesterday, week -1 the week before this. */
export function unitAround(unit: TimeUnit, nowMs: number, offset: number): Span {
  const today = startOfDay(nowMs)
  switch (unit) {
    case 'minute':
      return { fromMs: nowMs + offset * 60_000, toMs: nowMs + offset * 60_000 + 60_000 }
    case 'hour': {
      const hour = Math.floor(nowMs / HOUR_MS) * HOUR_MS + offset * HOUR_MS
      return { fromMs: hour, toMs: hour + HOUR_MS }
    }
    case 'day':
      return days(today + offset * DAY_MS, 1)
    case 'week':
      return days(mondayOf(today) + offset * 7 * DAY_MS, 7)
    case 'month':
      return months(yearOf(nowMs), monthOf(nowMs) + offset)
    case 'quarter':
      return months(yearOf(nowMs), (Math.floor(monthOf(nowMs) / 3) + offset) * 3, 3)
    case 'year':
      return years(yearOf(nowMs) + offset)
  }
}

/** The last `count` units up to and with today. */
export function lastUnits(unit: TimeUnit, nowMs: number, count: number): Span {
  const end = startOfDay(nowMs) + DAY_MS
  if (unit === 'minute' || unit === 'hour')
    return { fromMs: nowMs - count * (unit === 'hour' ? HOUR_MS : 60_000), toMs: nowMs }
  if (unit === 'day' || unit === 'week')
    return { fromMs: end - DAY_MS - count * (unit === 'week' ? 7 : 1) * DAY_MS, toMs: end }
  const step = unit === 'year' ? 12 : unit === 'quarter' ? 3 : 1
  return { fromMs: monthsBefore(end - DAY_MS, count * step), toMs: end }
}

/** The same day so many months earlier, or the last day of that month where it has no such day. */
function monthsBefore(dayMs: number, count: number): number {
  const date = new Date(dayMs)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - count + 1, 0))
  return Date.UTC(last.getUTCFullYear(), last.getUTCMonth(), Math.min(date.getUTCDate(), last.getUTCDate()))
}

/** A weekday (0 Monday … 6 Sunday) of the week that lies `offset` weeks from this one. */
export const weekdayOfWeek = (nowMs: number, weekday: number, offset: number): Span =>
  days(mondayOf(startOfDay(nowMs)) + (offset * 7 + weekday) * DAY_MS, 1)

/** The most recent such weekday before today. */
export function lastWeekday(nowMs: number, weekday: number): Span {
  const today = startOfDay(nowMs)
  const since = ((new Date(today).getUTCDay() + 6) % 7) - weekday
  return days(today - (since <= 0 ? since + 7 : since) * DAY_MS, 1)
}

/** A month without a year is the latest one that has begun. */
export const latestMonth = (nowMs: number, month: number): Span =>
  months(month > monthOf(nowMs) ? yearOf(nowMs) - 1 : yearOf(nowMs), month)

export const SEASONS = ['spring', 'summer', 'autumn', 'winter'] as const
export type Season = (typeof SEASONS)[number]

/** Seasons of the northern half of the earth by whole months; a winter bears the year in which it begins. */
export const season = (year: number, name: Season): Span => months(year, 2 + 3 * SEASONS.indexOf(name), 3)

/** The latest such season that has begun. */
export const latestSeason = (nowMs: number, name: Season): Span => {
  const thisYear = season(yearOf(nowMs), name)
  return thisYear.fromMs <= nowMs ? thisYear : season(yearOf(nowMs) - 1, name)
}

/** First, middle or last third of a stretch, cut at days. */
export function third(span: Span, which: 0 | 1 | 2): Span {
  const at = (part: number) => startOfDay(span.fromMs + ((span.toMs - span.fromMs) * part) / 3)
  return { fromMs: at(which), toMs: which === 2 ? span.toMs : at(which + 1) }
}
