import validator from 'validator'
import { SENSITIVE_LABELS, type SensitiveLabel, type Sensitivity } from '../../../schemas/vocabulary.ts'

/** Place in the text, UTF-16 units, end exclusive. */
export interface SensitiveSpan {
  label: SensitiveLabel
  start: number
  end: number
}

interface Detector {
  label: SensitiveLabel
  /** Every repetition is bounded, so that no text takes more than linear time. With a group `value`, only that part is sensitive. */
  pattern: RegExp
  isReal?(found: string, before: string): boolean
}

const digitsOf = (text: string): string => text.replace(/\D/g, '')

/** The first that fits wins: a card number is not a telephone number as well. */
const DETECTORS: readonly Detector[] = [
  {
    label: 'secret',
    pattern: /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[\s\S]{0,8192}?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$)/dg,
  },
  // Tokens that name their issuer: AWS, GitHub, OpenAI and the like, Slack, Google, Stripe, npm.
  {
    label: 'secret',
    pattern:
      /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,255}|\bgithub_pat_\w{22,255}|\bsk-(?:proj-|ant-)?[\w-]{20,255}|\bxox[abprs]-[\w-]{10,255}|\bAIza[\w-]{35}|\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}|\bnpm_[A-Za-z0-9]{36}/dg,
  },
  { label: 'secret', pattern: /\beyJ[\w-]{8,2048}\.eyJ[\w-]{8,4096}\.[\w-]{8,1024}/dg },
  { label: 'secret', pattern: /\b[a-z][a-z0-9+.-]{1,16}:\/\/[^\s:/@]{1,64}:(?<value>[^\s@/]{3,128})@/dgi },
  {
    label: 'secret',
    pattern:
      /(?:\b(?:pass(?:word|phrase|code)?|pwd|api[ _-]?key|secret(?: key)?|access[ _-]?token|pin)\b(?: (?:for|of) [^:=\n]{1,40}?)?|密码|口令)(?:\s{0,3}[:=：]\s{0,3}| is |是|为)["'“]?(?<value>[^\s"'”,，。;]{4,128})/dgi,
    isReal: (value) => /[\d_!@#$%^&*-]/.test(value) && !/^(?:\[|<|\*+$|x+$)/i.test(value),
  },
  {
    label: 'email',
    pattern:
      /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/dgu,
  },
  // Country, check digits, then letters and digits in one piece or in groups (ISO 13616).
  {
    label: 'iban',
    pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b/dg,
    isReal: (found) => validator.isIBAN(found),
  },
  // United States (SSN), United Kingdom (NINO), Spain (DNI), Italy (codice fiscale).
  { label: 'national_id', pattern: /(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])/dg },
  {
    label: 'national_id',
    pattern: /\b(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b/dg,
  },
  { label: 'national_id', pattern: /\b\d{8}-?[A-HJ-NP-TV-Z]\b/dg, isReal: isSpanishId },
  { label: 'national_id', pattern: /\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b/dg },
  // China (GB 11643), with its check digit.
  { label: 'national_id', pattern: /(?<!\d)[1-9]\d{5}(?:18|19|20)\d{9}[\dXx](?!\d)/dg, isReal: isChineseId },
  // 13 to 19 digits in one piece or in groups (ISO/IEC 7812) with their check digit.
  {
    label: 'card',
    pattern: /(?<![\d.+])(?!00)\d(?:[ -]?\d){12,18}(?!\d)/dg,
    isReal: (found) => validator.isLuhnNumber(digitsOf(found)),
  },
  // Seven to fifteen digits (ITU-T E.164) with the separators that people write between them.
  {
    label: 'phone',
    pattern: /(?<![\w.,:/-])(?:\+|00)?\(?\d{1,4}\)?(?: ?\(0\))?(?:[ ./-]?\(?\d{2,5}\)?){1,5}(?![\w%]|[.,:]\d)/dg,
    isReal: isPhone,
  },
]

/** Without one of these there is nothing to find; most texts end here. */
const HINT = /@|\d{2}|-----BEGIN|AKIA|ASIA|AIza|eyJ|sk-|xox|pass|pwd|pin\b|key|secret|token|密码|口令|[a-z]{2}_/i

/** Sensitive places of a text, in order, none overlapping another. */
export function findSensitive(text: string): SensitiveSpan[] {
  if (!HINT.test(text)) return []
  const spans: SensitiveSpan[] = []
  for (const { label, pattern, isReal } of DETECTORS) {
    for (const match of text.matchAll(pattern)) {
      const [start, end] = match.indices?.groups?.value ?? [match.index, match.index + match[0].length]
      if (spans.some((one) => start < one.end && one.start < end)) continue
      if (isReal?.(text.slice(start, end), text.slice(Math.max(0, start - 24), start)) === false) continue
      spans.push({ label, start, end })
    }
  }
  return spans.sort((a, b) => a.start - b.start)
}

/** Kinds of sensitive content in a text, in the order of SENSITIVE_LABELS. */
export function labelsOf(text: string): SensitiveLabel[] {
  const found = new Set(findSensitive(text).map(({ label }) => label))
  return SENSITIVE_LABELS.filter((label) => found.has(label))
}

/** A memory with sensitive content is personal at least, whatever its writer said of it. */
export const sensitivityOf = (stated: Sensitivity, labels: readonly SensitiveLabel[]): Sensitivity =>
  stated === 'none' && labels.length > 0 ? 'personal' : stated

/** The text with `[label]` in place of what is sensitive. Patterns find forms, not meanings: names and street addresses stay. */
export function redactSensitive(text: string): string {
  let at = 0
  let clean = ''
  for (const { label, start, end } of findSensitive(text)) {
    clean += `${text.slice(at, start)}[${label}]`
    at = end
  }
  return clean + text.slice(at)
}

const DATE =
  /^(?:(?:19|20)\d\d([-./])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])([-./])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:19|20)\d\d|\d\d))(?!\d)/
/** Years from and to, numbered papers of a year, addresses of the internet, decimals. */
const NUMBERED = /^(?:(?:1[5-9]|20)\d\d ?[-/] ?(?:(?:1[5-9]|20)\d\d|\d{3,6})|\d{1,3}(?:\.\d{1,3}){3}|\d+\.\d+)$/
const PHONE_WORD =
  /(?:phone|tel|call|mobile|cell|fax|whatsapp|text|reach|number|dial|ring|电话|手机|联系|号码|微信)[^\d]{0,20}$/i

/** Separated groups look like a telephone number by themselves; a bare run of digits does so behind a word that says it or with the form of one. */
function isPhone(found: string, before: string): boolean {
  const digits = digitsOf(found)
  if (digits.length < 7 || digits.length > 15 || DATE.test(found) || NUMBERED.test(found)) return false
  if (found.startsWith('+') || PHONE_WORD.test(before)) return true
  const isBare = /^\d+$/.test(found)
  return isBare
    ? /^(?:00\d{8,13}|0\d{9,10}|1[3-9]\d{9})$/.test(found)
    : digits.length >= 9 || /^\(?\d{3}\)?[ -]\d{4}$/.test(found)
}

const SPANISH_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE'
function isSpanishId(found: string): boolean {
  return SPANISH_LETTERS[Number(found.slice(0, 8)) % SPANISH_LETTERS.length] === found.at(-1)
}

const CHINESE_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
function isChineseId(found: string): boolean {
  const sum = CHINESE_WEIGHTS.reduce((total, weight, at) => total + weight * Number(found[at]), 0)
  return '10X98765432'[sum % 11] === found.at(-1)?.toUpperCase()
}
