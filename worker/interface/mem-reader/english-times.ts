import {
  DAY_MS,
  dayOf,
  days,
  lastUnits,
  lastWeekday,
  latestMonth,
  latestSeason,
  mondayOf,
  months,
  type Season,
  type Span,
  season,
  startOfDay,
  type TimePhrase,
  type TimeUnit,
  third,
  unitAround,
  weekdayOfWeek,
  yearOf,
  years,
} from './calendar.ts'

const MONTHS = 'january february march april may june july august september october november december'.split(' ')
const WEEKDAYS = 'monday tuesday wednesday thursday friday saturday sunday'.split(' ')
const NUMBERS: Record<string, number> = Object.fromEntries(
  'one two three four five six seven eight nine ten eleven twelve'.split(' ').map((word, at) => [word, at + 1]),
)
/** `a few weeks ago` reaches from five to two weeks back. */
const FEW = { least: 2, most: 5 }
/** What `recently` and `lately` mean. */
const RECENT_DAYS = 14

const MONTH = `(?:${MONTHS.map((name) => `${name.slice(0, 3)}(?:${name.slice(3)})?`).join('|')}|sept)`
const WEEKDAY = `(?:${WEEKDAYS.join('|')})`
const SEASON = '(?:spring|summer|autumn|fall|winter)'
const UNIT = '(minute|hour|day|week|month|quarter|year)s?'
const COUNT = `(\\d{1,3}|${Object.keys(NUMBERS).join('|')}|an?|a couple of|couple of|a few|few|several)`
const YEAR = '((?:19|20)\\d{2})'
const PART = '(early|mid|late|the (?:beginning|start|middle|end) of)[ -]?'
const WHEN = '(?:in|during|since|until|till|from|of|by|before|after|between|and|to|through|last|for)'

const monthIndex = (word: string): number => MONTHS.findIndex((name) => name.startsWith(word.toLowerCase().slice(0, 3)))
const weekdayIndex = (word: string): number => WEEKDAYS.indexOf(word.toLowerCase())
const seasonName = (word: string): Season => (word.toLowerCase() === 'fall' ? 'autumn' : (word.toLowerCase() as Season))
const countOf = (word: string): number =>
  NUMBERS[word] ?? (/couple/.test(word) ? 2 : /^an?$/.test(word) ? 1 : Number(word))
const isFew = (word: string): boolean => /few|several/.test(word)
const around = (word: string): number =>
  /^(last|past|previous)$/.test(word) ? -1 : /^(next|coming)$/.test(word) ? 1 : 0
const partOf = (word: string): 0 | 1 | 2 => (/early|beginning|start/.test(word) ? 0 : /mid/.test(word) ? 1 : 2)

type Rule = [pattern: string, span: (nowMs: number, groups: string[]) => Span | null]

/** What a phrase means, the more specific one first. Groups come in lower case. */
const RULES: Rule[] = [
  [`(\\d{4})[-/](\\d{1,2})[-/](\\d{1,2})`, (_, [y, m, d]) => dayOf(Number(y), Number(m) - 1, Number(d))],
  [
    `(\\d{4})-(\\d{2})(?![-\\d])`,
    (_, [y, m]) => (Number(m) >= 1 && Number(m) <= 12 ? months(Number(y), Number(m) - 1) : null),
  ],
  [
    `(${MONTH})\\.? (\\d{1,2})(?:st|nd|rd|th)?,? ${YEAR}`,
    (_, [m = '', d, y]) => dayOf(Number(y), monthIndex(m), Number(d)),
  ],
  [
    `(\\d{1,2})(?:st|nd|rd|th)? (?:of )?(${MONTH})\\.?,? ${YEAR}`,
    (_, [d, m = '', y]) => dayOf(Number(y), monthIndex(m), Number(d)),
  ],
  [
    `${PART}(${MONTH})\\.?(?: of|,)? ${YEAR}`,
    (_, [p = '', m = '', y]) => third(months(Number(y), monthIndex(m)), partOf(p)),
  ],
  [`(${MONTH})\\.?(?: of|,)? ${YEAR}`, (_, [m = '', y]) => months(Number(y), monthIndex(m))],
  [
    `(${MONTH})\\.? (\\d{1,2})(?:st|nd|rd|th)?(?![\\d:])`,
    (now, [m = '', d]) => latestDay(now, monthIndex(m), Number(d)),
  ],
  [
    `(?:the )?(\\d{1,2})(?:st|nd|rd|th) (?:of )?(${MONTH})`,
    (now, [d, m = '']) => latestDay(now, monthIndex(m), Number(d)),
  ],
  [`(${SEASON})(?: of|,)? ${YEAR}`, (_, [s = '', y]) => season(Number(y), seasonName(s))],
  [`(last|this|next) (${SEASON})`, (now, [which = '', s = '']) => seasonAround(now, around(which), seasonName(s))],
  [`(?<=\\b(?:in|since|during) (?:the )?)(${SEASON})(?! \\w)`, (now, [s = '']) => latestSeason(now, seasonName(s))],
  [`q([1-4])(?: of)? ${YEAR}`, (_, [q, y]) => months(Number(y), (Number(q) - 1) * 3, 3)],
  [
    `(first|second|third|fourth) quarter(?: of)? ${YEAR}`,
    (_, [q = '', y]) => months(Number(y), 3 * ORDINALS.indexOf(q), 3),
  ],
  [`(first|second) half(?: of)? ${YEAR}`, (_, [h = '', y]) => months(Number(y), 6 * ORDINALS.indexOf(h), 6)],
  [`the ((?:19|20)\\d)0s`, (_, [decade]) => years(Number(`${decade}0`), 10)],
  [`${PART}${YEAR}`, (_, [p = '', y]) => third(years(Number(y)), partOf(p))],
  ['the day before yesterday', (now) => unitAround('day', now, -2)],
  ['the day after tomorrow', (now) => unitAround('day', now, 2)],
  ['yesterday|last night', (now) => unitAround('day', now, -1)],
  ['today|tonight|this (?:morning|afternoon|evening)|earlier today', (now) => unitAround('day', now, 0)],
  ['tomorrow', (now) => unitAround('day', now, 1)],
  [`${COUNT} weekends ago`, (now, [n = '']) => weekend(now, -countOf(n))],
  [
    `(last|this|next|past|previous|coming) weekend|(?:over|on|at) the weekend`,
    (now, [which = 'last']) => weekend(now, around(which)),
  ],
  [`${COUNT} ${UNIT} (?:ago|earlier|back)`, (now, [n = '', unit]) => ago(now, unit as TimeUnit, n)],
  [
    `(?:the )?(?:last|past|previous) ${COUNT} ${UNIT}`,
    (now, [n = '', unit]) => lastUnits(unit as TimeUnit, now, isFew(n) ? FEW.most : countOf(n)),
  ],
  [
    `(?:the )?next ${COUNT} ${UNIT}`,
    (now, [n = '', unit]) => nextUnits(now, unit as TimeUnit, isFew(n) ? FEW.most : countOf(n)),
  ],
  [
    `(last|this|next|past|previous|coming) (day|week|month|quarter|year)`,
    (now, [which = '', unit]) => unitAround(unit as TimeUnit, now, around(which)),
  ],
  [
    `(last|this|next|past|previous|coming) (${WEEKDAY})`,
    (now, [which = '', day = '']) =>
      around(which) === -1 ? lastWeekday(now, weekdayIndex(day)) : weekdayOfWeek(now, weekdayIndex(day), around(which)),
  ],
  [
    `(last|this|next|past|previous) (${MONTH})`,
    (now, [which = '', m = '']) => monthAround(now, around(which), monthIndex(m)),
  ],
  [`(${WEEKDAY}) of last week`, (now, [day = '']) => weekdayOfWeek(now, weekdayIndex(day), -1)],
  [`(${WEEKDAY})(?:'s)?`, (now, [day = '']) => lastWeekday(now, weekdayIndex(day))],
  [
    `(?<=\\b${WHEN} (?:the )?)${YEAR}(?![-/\\d]| (?:steps|points|dollars|euros|people|words))`,
    (_, [y]) => years(Number(y)),
  ],
  [
    `(?<=\\b${WHEN} )(${MONTH})(?! \\w*(?:be|have|not|i|we|you|forth)\\b)`,
    (now, [m = '']) => latestMonth(now, monthIndex(m)),
  ],
  [
    'recently|lately|these days|in recent days',
    (now) => ({ fromMs: startOfDay(now) - RECENT_DAYS * DAY_MS, toMs: startOfDay(now) + DAY_MS }),
  ],
]

const ORDINALS = ['first', 'second', 'third', 'fourth']

function latestDay(nowMs: number, month: number, day: number): Span | null {
  const thisYear = dayOf(yearOf(nowMs), month, day)
  return thisYear !== null && thisYear.fromMs > nowMs ? dayOf(yearOf(nowMs) - 1, month, day) : thisYear
}

function seasonAround(nowMs: number, offset: number, name: Season): Span {
  if (offset === 0) return season(yearOf(nowMs), name)
  if (offset === 1) return season(yearOf(nowMs) + (season(yearOf(nowMs), name).fromMs > nowMs ? 0 : 1), name)
  // The one that is over; a winter ends in the year after its own.
  const candidate = season(yearOf(nowMs), name)
  return candidate.toMs <= nowMs ? candidate : season(yearOf(nowMs) - 1, name)
}

function monthAround(nowMs: number, offset: number, month: number): Span {
  if (offset === 0) return months(yearOf(nowMs), month)
  const now = new Date(nowMs).getUTCMonth()
  if (offset === 1) return months(yearOf(nowMs) + (month > now ? 0 : 1), month)
  return months(yearOf(nowMs) - (month < now ? 0 : 1), month)
}

const weekend = (nowMs: number, offset: number): Span =>
  days(mondayOf(startOfDay(nowMs)) + (offset * 7 + 5) * DAY_MS, 2)

function ago(nowMs: number, unit: TimeUnit, count: string): Span {
  if (!isFew(count)) return unitAround(unit, nowMs, -countOf(count))
  return { fromMs: unitAround(unit, nowMs, -FEW.most).fromMs, toMs: unitAround(unit, nowMs, -FEW.least).toMs }
}

const nextUnits = (nowMs: number, unit: TimeUnit, count: number): Span => ({
  fromMs: startOfDay(nowMs),
  toMs: unitAround(unit, nowMs, count).toMs,
})

const COMPILED = RULES.map(([pattern, span]) => ({ pattern: new RegExp(`\\b(?:${pattern})\\b`, 'gi'), span }))

/** Phrases of time in an English text in their order; where two overlap, the more specific one. */
export function englishTimes(text: string, nowMs: number): TimePhrase[] {
  const found: TimePhrase[] = []
  for (const { pattern, span } of COMPILED) {
    for (const match of text.matchAll(pattern)) {
      const [start, end] = [match.index, match.index + match[0].length]
      if (found.some((one) => start < one.end && one.start < end)) continue
      if (isVerb(match[0], text, end)) continue
      const meant = span(nowMs, match.slice(1).map((group) => group?.toLowerCase()) as string[])
      if (meant !== null) found.push({ start, end, span: meant })
    }
  }
  return found.toSorted((a, b) => a.start - b.start)
}

/** `may` and `march` in lower case without a number are verbs. */
const isVerb = (phrase: string, text: string, end: number): boolean =>
  /^(?:may|march)$/.test(phrase) && !/^[, ]*\d/.test(text.slice(end))
