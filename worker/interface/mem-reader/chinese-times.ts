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

const DIGITS = '零一二三四五六七八九'
const RECENT_DAYS = 14
const FEW = { least: 2, most: 5 }

const NUMBER = '(\\d{1,3}|[一二两三四五六七八九十]{1,3}|几|半)'
const UNIT = '(分钟|小时|天|日|周|个?星期|个?礼拜|个?月|季度|年)'
const MONTH = '(1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])月'
const WEEKDAY = '(?:周|星期|礼拜)([一二三四五六日天])'
const SEASON = '(春|夏|秋|冬)(?:天|季)?'
const YEAR_WORD = '(今年|去年|前年|明年|后年)'

/** Arabic or Chinese number up to 99. */
export function numberOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  const plain = text.replace('两', '二')
  const [tens, ones] = plain.includes('十') ? plain.split('十') : ['', plain]
  const ten = plain.includes('十') ? 10 * (tens === '' ? 1 : DIGITS.indexOf(tens ?? '')) : 0
  return ten + (ones === '' || ones === undefined ? 0 : DIGITS.indexOf(ones))
}

const UNITS: [pattern: RegExp, unit: TimeUnit][] = [
  [/分钟/, 'minute'],
  [/小时/, 'hour'],
  [/天|日/, 'day'],
  [/周|星期|礼拜/, 'week'],
  [/月/, 'month'],
  [/季度/, 'quarter'],
  [/年/, 'year'],
]
const unitOf = (word: string): TimeUnit => UNITS.find(([pattern]) => pattern.test(word))?.[1] ?? 'day'
const YEAR_OFFSETS: Record<string, number> = { 今年: 0, 去年: -1, 前年: -2, 明年: 1, 后年: 2 }
const DAY_OFFSETS: Record<string, number> = {
  大前天: -3,
  前天: -2,
  昨天: -1,
  昨晚: -1,
  昨夜: -1,
  昨日: -1,
  明天: 1,
  明日: 1,
  明晚: 1,
  后天: 2,
}
const SEASONS: Record<string, Season> = { 春: 'spring', 夏: 'summer', 秋: 'autumn', 冬: 'winter' }
const seasonOf = (word: string): Season => SEASONS[word] ?? 'spring'
const weekdayOf = (word: string): number => '一二三四五六日'.indexOf(word.replace('天', '日'))
const yearAt = (nowMs: number, word: string): number => yearOf(nowMs) + (YEAR_OFFSETS[word] ?? 0)
/** `上` and `下` count, `这` and `本` stay. */
const around = (word: string): number =>
  word.startsWith('上') ? -word.length : word.startsWith('下') ? word.length : 0
const partOf = (word: string): 0 | 1 | 2 => (word === '初' ? 0 : word === '中' ? 1 : 2)

type Rule = [pattern: string, span: (nowMs: number, groups: string[]) => Span | null]

const RULES: Rule[] = [
  [
    `(\\d{4})[年/.-]${MONTH.replace('月', '[月/.-]')}(\\d{1,2})[日号]?`,
    (_, [y, m = '', d]) => dayOf(Number(y), numberOf(m) - 1, Number(d)),
  ],
  [`(\\d{4})年${MONTH}(初|中|底|末)`, (_, [y, m = '', p = '']) => third(months(Number(y), numberOf(m) - 1), partOf(p))],
  [`(\\d{4})年${MONTH}份?`, (_, [y, m = '']) => months(Number(y), numberOf(m) - 1)],
  [
    `${YEAR_WORD}的?${MONTH}(\\d{1,2})[日号]`,
    (now, [y = '', m = '', d]) => dayOf(yearAt(now, y), numberOf(m) - 1, Number(d)),
  ],
  [`${YEAR_WORD}的?${MONTH}份?`, (now, [y = '', m = '']) => months(yearAt(now, y), numberOf(m) - 1)],
  [`(\\d{4})年的?${SEASON}`, (_, [y, s = '']) => season(Number(y), seasonOf(s))],
  [`${YEAR_WORD}的?${SEASON}`, (now, [y = '', s = '']) => season(yearAt(now, y), seasonOf(s))],
  [`(\\d{4})年的?第?([一二三四1-4])季度`, (_, [y, q = '']) => months(Number(y), (numberOf(q) - 1) * 3, 3)],
  [
    `${YEAR_WORD}的?第?([一二三四1-4])季度`,
    (now, [y = '', q = '']) => months(yearAt(now, y), (numberOf(q) - 1) * 3, 3),
  ],
  [`(\\d{4})年的?(上|下)半年`, (_, [y, h]) => months(Number(y), h === '上' ? 0 : 6, 6)],
  [
    `(${YEAR_WORD.slice(1, -1)})?的?(上|下)半年`,
    (now, [y, h]) => months(yearAt(now, y ?? '今年'), h === '上' ? 0 : 6, 6),
  ],
  [`(\\d{4})年(初|中|底|末)`, (_, [y, p = '']) => third(years(Number(y)), partOf(p))],
  [`${YEAR_WORD}(?:年)?(初|中|底|末)`, (now, [y = '', p = '']) => third(years(yearAt(now, y)), partOf(p))],
  ['(\\d{4})年', (_, [y]) => years(Number(y))],
  [`${YEAR_WORD}`, (now, [y = '']) => years(yearAt(now, y))],
  [
    `${MONTH}(\\d{1,2}|[一二三四五六七八九十]{1,3})[日号]`,
    (now, [m = '', d = '']) => latestDay(now, numberOf(m) - 1, numberOf(d)),
  ],
  [
    '(大前天|前天|昨天|昨晚|昨夜|昨日|明天|明日|明晚|后天)',
    (now, [word = '']) => unitAround('day', now, DAY_OFFSETS[word] ?? 0),
  ],
  ['今天|今日|今早|今晚|今晨', (now) => unitAround('day', now, 0)],
  [
    `(上上|上|这|本|下下|下)个?${WEEKDAY}`,
    (now, [which = '', day = '']) => weekdayOfWeek(now, weekdayOf(day), around(which)),
  ],
  [
    '(上上|上|这|本|下下|下)个?周末',
    (now, [which = '']) => days(mondayOf(startOfDay(now)) + (around(which) * 7 + 5) * DAY_MS, 2),
  ],
  ['(上上|上|这|本|下下|下)个?(?:周|星期|礼拜)', (now, [which = '']) => unitAround('week', now, around(which))],
  [
    '(上上|上|这|本|下下|下)个?月(初|中|底|末)',
    (now, [which = '', p = '']) => third(unitAround('month', now, around(which)), partOf(p)),
  ],
  ['(上上|上|这|本|下下|下)个?月', (now, [which = '']) => unitAround('month', now, around(which))],
  ['(上上|上|这|本|下下|下)个?季度', (now, [which = '']) => unitAround('quarter', now, around(which))],
  [`(?:最近|过去|近)的?这?${NUMBER}${UNIT}`, (now, [n = '', unit = '']) => recent(now, n, unit)],
  [`${NUMBER}${UNIT}(?:之?前|以前)`, (now, [n = '', unit = '']) => ago(now, n, unit)],
  [`${SEASON}(?<=天|季)`, (now, [s = '']) => latestSeason(now, seasonOf(s))],
  [`${WEEKDAY}`, (now, [day = '']) => lastWeekday(now, weekdayOf(day))],
  [`${MONTH}份?(?!饼)`, (now, [m = '']) => latestMonth(now, numberOf(m) - 1)],
  ['最近|近来|近期|这几天|这些天', (now) => recent(now, String(RECENT_DAYS), '天')],
]

function latestDay(nowMs: number, month: number, day: number): Span | null {
  const thisYear = dayOf(yearOf(nowMs), month, day)
  return thisYear !== null && thisYear.fromMs > nowMs ? dayOf(yearOf(nowMs) - 1, month, day) : thisYear
}

const recent = (nowMs: number, count: string, unit: string): Span =>
  count === '半'
    ? lastUnits('month', nowMs, unitOf(unit) === 'year' ? 6 : 1)
    : lastUnits(unitOf(unit), nowMs, count === '几' ? FEW.most : numberOf(count))

function ago(nowMs: number, count: string, word: string): Span {
  const unit = unitOf(word)
  if (count === '半') return unitAround(unit === 'year' ? 'month' : 'day', nowMs, unit === 'year' ? -6 : -15)
  if (count !== '几') return unitAround(unit, nowMs, -numberOf(count))
  return { fromMs: unitAround(unit, nowMs, -FEW.most).fromMs, toMs: unitAround(unit, nowMs, -FEW.least).toMs }
}

const COMPILED = RULES.map(([pattern, span]) => ({ pattern: new RegExp(pattern, 'g'), span }))

/** Phrases of time in a Chinese text in their order; where two overlap, the more specific one. */
export function chineseTimes(text: string, nowMs: number): TimePhrase[] {
  if (!/\p{Script=Han}/u.test(text)) return []
  const found: TimePhrase[] = []
  for (const { pattern, span } of COMPILED) {
    for (const match of text.matchAll(pattern)) {
      const [start, end] = [match.index, match.index + match[0].length]
      if (found.some((one) => start < one.end && one.start < end)) continue
      const meant = span(nowMs, match.slice(1))
      if (meant !== null) found.push({ start, end, span: meant })
    }
  }
  return found.toSorted((a, b) => a.start - b.start)
}
