import { CHINESE_DATE, dateMs, ENGLISH_DATE, numberOf } from './fact-dates.ts'

const YEAR_DAYS = 365.25
const DAY_MS = 86_400_000
/** Longer clauses are prose in which rules find more wrong than right. */
const CLAUSE_LENGTH_MAX = 160
/** Clauses of one text that are read. */
const CLAUSES_MAX = 200

/** When a clause says something holds; null where it does not say. */
export interface ClauseTime {
  fromMs: number | null
  toMs: number | null
  /** A moment named without saying whether something begins or ends there. */
  atMs: number | null
}

/** A statement cut out of a text, in a form that patterns can be held against. */
export interface Clause {
  /** With its dates. */
  raw: string
  /** Without dates and filling adverbs. */
  bare: string
  time: ClauseTime
  /** It says that something no longer is. */
  isOver: boolean
  isChinese: boolean
}

const HAS_CHINESE = /\p{Script=Han}/u
/** What makes a clause no statement of fact: a condition, a wish, a guess, somebody else's words, a plan. */
const NO_FACT_ENGLISH =
  /\b(?:if|unless|would|wish|wishes|could|might|may be|maybe|perhaps|probably|possibly|imagine|pretend|suppose|supposed|considering|thinking|think|thinks|want|wants|wanted|hope|hopes|hoping|plan to|plans to|planning (?:to|on|a|for)|should|must|dream|dreams|dreamed|almost|nearly|guess|heard|said|says|told|tell|asked|according to|joke|joking|kidding|character|novel|story|quote|for example|e\.g|whether|unsure|not sure|hypothetically|let's|let us|never|rumou?rs?|someone|somebody|fictional|movie|film|game)\b/i
const NO_FACT_CHINESE =
  /如果|要是|假如|假设|也许|可能|大概|或许|希望|想要|打算|考虑|听说|据说|他说|她说|说过|以为|觉得|应该|会不会|是不是|吗$|呢$|差点|梦见|小说|电影|故事|比如|例如|不确定|好像|似乎|谁|什么|怎么|哪/
/** Words that open or fill a clause without changing what it states. */
const OPENING =
  /^(?:(?:and|but|so|well|yes|yeah|yep|no|oh|ok|okay|hi|hello|hey|actually|anyway|also|btw|by the way|fyi|just so you know|as you know|update|correction|note|remember(?: that)?|for the record|please note(?: that)?|by now|these days|nowadays|in fact|honestly|sadly|happily|unfortunately|luckily|good news|big news|great news|i mean|right now|at the moment|currently|now|today)\b[\s,:;!.–—-]*)+/i
const FILLING =
  /(?:(?<=\b(?:i|we|he|she|they|am|is|are|have|has|do|does|not|number|address|name|\p{Lu}\p{L}+) )|(?<=^))(?:now|currently|just|recently|actually|really|finally|officially|already|still|also|absolutely|totally|always|definitely|deeply|both|proudly|happily) /giu
const FILLING_END =
  /,? (?:(?:right |for )?now|currently|these days|at the moment|at present|already|officially|too|as well|so much|a lot|very much|by the way|actually|again)$/i
const OVER_ENGLISH = /\b(?:no longer|any ?more|any longer)\b/i

const SPLIT_ENGLISH =
  /[.!?]+(?=\s|$)|[\n;]+|\s[–—]\s|,? (?:and|but|so|because|although|though|while|whereas) (?=(?:i|we|my|our|now|he|she|they|the|since|from)\b)|, (?=(?:but|which|though|so|my|i|we)\b)/i
const SPLIT_CHINESE =
  /[。！；\n;!]+|(?<!起|以来|开始|以后|[年月日号天周])[，,](?=(?:我|但|不过|现在|所以|因为|而且|从|后来|今年|目前|她|他))/

/** The statements of a text, in order. Questions, conditions, wishes and other people's words are left out. */
export function clausesOf(text: string, saidAtMs: number): Clause[] {
  return text
    .split(/(?<=[?？])|\n+|(?<=[.!])\s+|(?<=[。！])/u)
    .filter((sentence) => !/[?？]\s*$/.test(sentence))
    .slice(0, CLAUSES_MAX)
    .flatMap((sentence) => sentence.split(HAS_CHINESE.test(sentence) ? SPLIT_CHINESE : SPLIT_ENGLISH))
    .flatMap((part) => clauseOf(part ?? '', saidAtMs) ?? [])
    .slice(0, CLAUSES_MAX)
}

function clauseOf(part: string, saidAtMs: number): Clause | null {
  const text = part
    .normalize('NFKC')
    .replace(/[*_`"“”]/g, '')
    .replace(/’/g, "'")
    .replace(/\s+/g, ' ')
    .trim()
  if (text === '' || text.length > CLAUSE_LENGTH_MAX) return null
  return HAS_CHINESE.test(text) ? chineseClause(text, saidAtMs) : englishClause(text, saidAtMs)
}

const CONTRACTIONS: readonly [RegExp, string][] = [
  [/\bI'm\b/gi, 'I am'],
  [/\b(we|they)'re\b/gi, '$1 are'],
  [/\b(I|we|they)'ve\b/gi, '$1 have'],
  [/\bcan't\b|\bcannot\b/gi, 'can not'],
  [/\bwon't\b/gi, 'will not'],
  [/n't\b/gi, ' not'],
]

function englishClause(text: string, saidAtMs: number): Clause | null {
  if (NO_FACT_ENGLISH.test(text) || /\b(?:I|we|he|she|they)'(?:d|ll)\b/i.test(text)) return null
  const plain = CONTRACTIONS.reduce((clause, [pattern, long]) => clause.replace(pattern, long), text)
    .replace(/[.,!:;]+$/, '')
    .replace(OPENING, '')
    .trim()
    .replace(/^(?:My|Our|We|The)\b/, (word) => word.toLowerCase())
  const isOver = OVER_ENGLISH.test(plain)
  const { rest, time } = englishTime(plain, saidAtMs)
  const bare = rest
    .replace(OVER_ENGLISH, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(OPENING, '')
    .replace(FILLING, '')
    .replace(FILLING_END, '')
    .replace(/^[\s,:;-]+|[\s,:;-]+$/g, '')
  return bare === '' ? null : { raw: plain, bare, time, isOver, isChinese: false }
}

const ENGLISH_SPAN = new RegExp(`,?\\s?\\bfrom (${ENGLISH_DATE}) (?:to|until|till) (${ENGLISH_DATE})`, 'i')
const ENGLISH_SINCE = new RegExp(
  `,?\\s?\\b(?:ever since|since|starting(?: from| on| in)?|beginning(?: in| on)?|as of|effective|from)(?: (?:early|mid|late))? (now|${ENGLISH_DATE})(?: on(?:wards?)?)?`,
  'i',
)
const ENGLISH_UNTIL = new RegExp(`,?\\s?\\b(?:until|till|up to|through) (${ENGLISH_DATE})`, 'i')
const ENGLISH_AT = new RegExp(`,?\\s?(?:\\b(?:in|on|back in|earlier)\\s)?\\b(${ENGLISH_DATE})(?=$|[\\s,])`, 'i')
const ENGLISH_FOR =
  /,?\s?\bfor (?:about |over |almost |the (?:last|past) )?(\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a couple of|a few) (day|week|month|year)s?(?: now)?/i
const NO_TIME: ClauseTime = { fromMs: null, toMs: null, atMs: null }

function englishTime(text: string, saidAtMs: number): { rest: string; time: ClauseTime } {
  const moment = (date: string | undefined) =>
    date === undefined ? null : date.toLowerCase() === 'now' ? saidAtMs : dateMs(date, saidAtMs, 'past')
  const span = ENGLISH_SPAN.exec(text)
  if (span !== null)
    return { rest: without(text, span), time: { fromMs: moment(span[1]), toMs: moment(span[2]), atMs: null } }
  let rest = text
  const time = { ...NO_TIME }
  const since = ENGLISH_SINCE.exec(rest)
  if (since !== null && moment(since[1]) !== null) {
    time.fromMs = moment(since[1])
    rest = without(rest, since)
  }
  const until = ENGLISH_UNTIL.exec(rest)
  if (until !== null) {
    time.toMs = moment(until[1])
    rest = without(rest, until)
  }
  const lasting = ENGLISH_FOR.exec(rest)
  if (lasting !== null && time.fromMs === null) {
    const days = { day: 1, week: 7, month: YEAR_DAYS / 12, year: YEAR_DAYS }[(lasting[2] ?? '').toLowerCase()] ?? 0
    time.fromMs = Math.round(saidAtMs - numberOf((lasting[1] ?? '').toLowerCase()) * days * DAY_MS)
    rest = without(rest, lasting)
  }
  const at = ENGLISH_AT.exec(rest)
  if (at !== null && moment(at[1]) !== null && !isNoDate(at[1] ?? '', rest)) {
    // "This month" has begun before and is not over: what it says of is as old as the words.
    time.atMs = /^this /i.test(at[1] ?? '') ? null : moment(at[1])
    rest = without(rest, at)
  }
  return { rest: rest.trim(), time }
}

/** Months that are words or names as well, and numbers that could be years, are dates only where a preposition says so. */
const isNoDate = (date: string, text: string): boolean =>
  /^(?:may|march|august|june|april|jan|mar|dec|\d{4})$/i.test(date) &&
  !new RegExp(`\\b(?:in|on) ${date}\\b`, 'i').test(text)

const without = (text: string, match: RegExpExecArray): string =>
  `${text.slice(0, match.index)} ${text.slice(match.index + match[0].length)}`.replace(/\s+/g, ' ').trim()

const CHINESE_SINCE = new RegExp(
  `(?:自从|自|从)?(${CHINESE_DATE}|现在)(?:起|以来|开始(?!在)|以后)[，,]?|(?:自从|自|从)(${CHINESE_DATE})(?:起|以来|开始(?!在)|以后)?[，,]?`,
)
const CHINESE_UNTIL = new RegExp(`(?:直到|截至|截止|到)(${CHINESE_DATE})(?:为止|之前)?`)
const CHINESE_AT = new RegExp(`在?(${CHINESE_DATE})[，,]?`)
const CHINESE_OPENING =
  /^(?:但是|但|不过|而且|所以|因为|其实|对了|顺便说一下|顺便说|另外|还有|后来|更新一下|更新|告诉你|好消息|嗯|哦|是的|对|请记住|记住|记得|实际上|目前|现在|如今)[，,：:\s]*/
const OVER_CHINESE = /不再|已经不|早就不|现在不|不(?:在|住|是).*了$/

function chineseClause(text: string, saidAtMs: number): Clause | null {
  if (NO_FACT_CHINESE.test(text)) return null
  let plain = text.replace(/[。！!，,；;.]+$/u, '')
  for (
    let shorter = plain.replace(CHINESE_OPENING, '');
    shorter !== plain;
    shorter = plain.replace(CHINESE_OPENING, '')
  )
    plain = shorter
  const time = { ...NO_TIME }
  let rest = plain
  const moment = (date: string | undefined) =>
    date === undefined ? null : date === '现在' ? saidAtMs : dateMs(date, saidAtMs, 'past')
  const since = CHINESE_SINCE.exec(rest)
  if (since !== null) {
    time.fromMs = moment(since[1] ?? since[2])
    rest = without(rest, since)
  }
  const until = CHINESE_UNTIL.exec(rest)
  if (until !== null) {
    time.toMs = moment(until[1])
    rest = without(rest, until)
  }
  const at = CHINESE_AT.exec(rest)
  if (at !== null) {
    time.atMs = /^(?:今年|[这本]个?(?:月|周|星期))$/.test(at[1] ?? '') ? null : moment(at[1])
    rest = without(rest, at)
  }
  const bare = rest
    .replace(/\s+/g, rest.match(/[A-Za-z]/) ? ' ' : '')
    .trim()
    .replace(CHINESE_OPENING, '')
  return bare === '' ? null : { raw: plain, bare, time, isOver: OVER_CHINESE.test(plain), isChinese: true }
}
