import { stemmer } from 'stemmer'
import { BASE_BY_FORM } from './irregular-forms.ts'

/** Stored beside an index: terms of different analyser versions must never meet in one query. */
export const ANALYSER_VERSION = 1
/** A longer word (a key, a hash) is cut here, at index and at query time alike. */
export const TERM_LENGTH_CHARS_MAX = 48
const STEM_CACHE_ENTRIES_MAX = 50_000

/** Scripts written without spaces, or with endings glued to the word (Hangul): Thai, Lao, Burmese, Khmer, kana, Han, Hangul. */
const UNSPACED =
  '\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3005-\\u3007\\u3040-\\u30ff\\u31f0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7a3\\u{20000}-\\u{323af}'
const UNSPACED_CHARACTER = new RegExp(`[${UNSPACED}]`, 'u')
const UNSPACED_RUN = new RegExp(`([${UNSPACED}]+)`, 'u')
const BEYOND_ASCII = /[^\0-\x7f]/
const ASCII_WORD = /[a-z0-9]+/g
const ANY_WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu
/** What a cut in the middle of a surrogate pair leaves behind. */
const HALF_CHARACTER = /[\ud800-\udbff]$/
const ENGLISH_CONTRACTION = /['’](?:s|d|ll|m|re|ve|t)\b/g
/** Accents and vowel points that people leave out when typing. Vowel signs of Indic scripts and kana voicing marks carry meaning and stay. */
const OPTIONAL_MARKS = /[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670]/g

const stems = new Map<string, string>()

/** A word cut from a text is a view that keeps the whole text in memory; a copy is held for longer than the text. */
const copied = (word: string): string => word.split('').join('')

/** Index term of one folded Latin or digit word: irregular form to base, then Porter stem. */
function termOf(word: string): string {
  const known = stems.get(word)
  if (known !== undefined) return known
  const isLong = word.length > TERM_LENGTH_CHARS_MAX
  const own = copied(isLong ? word.slice(0, TERM_LENGTH_CHARS_MAX).replace(HALF_CHARACTER, '') : word)
  const base = BASE_BY_FORM.get(own) ?? own
  const term = /^[a-z]+$/.test(base) ? stemmer(base) : base.replace(/^0(?=\d$)/, '')
  // A key, a hash: too long to be kept as it is, and hardly ever seen again.
  if (isLong) return term
  if (stems.size >= STEM_CACHE_ENTRIES_MAX) stems.clear()
  stems.set(own, term)
  return term
}

/** Characters and character pairs of a run; a number right before it is joined to its first character (`3月`, `15分`). */
function pushRun(run: string, before: string, terms: string[]): void {
  const characters = Array.from(run)
  const first = characters[0]
  if (first !== undefined && /^\d+$/.test(before)) terms.push(termOf(before) + first)
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string
    terms.push(character)
    const next = characters[i + 1]
    if (next !== undefined) terms.push(character + next)
  }
}

/** Compatibility forms unified, optional accents dropped, lower case. */
export function fold(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text.toLowerCase()
  return text.normalize('NFKD').replace(OPTIONAL_MARKS, '').normalize('NFC').toLowerCase()
}

/** Folded words of a text in order, before stemming, English contractions cut ("Ann's" -> "ann", "don't" -> "don"). */
export function words(text: string): string[] {
  const folded = fold(text).replace(ENGLISH_CONTRACTION, ' ')
  return folded.match(BEYOND_ASCII.test(folded) ? ANY_WORD : ASCII_WORD) ?? []
}

/** Whether a text has characters of a script written without spaces, where words cannot be told apart. */
export const hasUnspacedScript = (text: string): boolean => UNSPACED_CHARACTER.test(text)

/** Index terms of one word that `words` returned. */
export function termsOfWord(word: string): string[] {
  if (!UNSPACED_CHARACTER.test(word)) return [termOf(word)]
  const terms: string[] = []
  const pieces = word.split(UNSPACED_RUN)
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as string
    if (i % 2 === 1) pushRun(piece, pieces[i - 1] ?? '', terms)
    else if (piece !== '') terms.push(termOf(piece))
  }
  return terms
}

/**
 * Index terms of a text, in order and with repeats: words folded and stemmed, unspaced scripts as characters and character pairs. Any string is
 * accepted; emoji, punctuation and unpaired surrogates give no term.
 */
export function analyse(text: string): string[] {
  const terms: string[] = []
  for (const word of words(text)) {
    // Not spread into one call: a long unspaced run has more terms than a call takes arguments.
    if (UNSPACED_CHARACTER.test(word)) for (const term of termsOfWord(word)) terms.push(term)
    else terms.push(termOf(word))
  }
  return terms
}

/** Term -> number of occurrences: the postings of one document. */
export function termCounts(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return counts
}
