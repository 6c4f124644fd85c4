import { type Gist, gistOf, overlapOf } from '../lifecycle/says-the-same.ts'
import { analyse, fold } from '../retrieval/analyse.ts'
import { termsOf } from './similar-memories.ts'

/** Two statements are one when they share this much of their words, with the same numbers and negations … */
export const SAME_OVERLAP_MIN = 0.8
/** … in much the same order: `from Porto to Lisbon` is not `from Lisbon to Porto`. */
const SAME_ORDER_MIN = 0.4
/** A statement is contained in another one that has nearly all of its words. */
const CONTAINED_MIN = 0.95
/** Fewer words say too little to be found in a longer text. */
const CONTAINED_TERMS_MIN = 3

/** Of a longer text the beginning is compared word by word; whether two are equal is told of the whole. */
const COMPARED_LENGTH_MAX = 20_000

/** What of a statement is compared. */
export interface Wording {
  /** Words without case, accents and punctuation. */
  plain: string
  gist: Gist
  pairs: ReadonlySet<string>
}

export function wordingOf(content: string): Wording {
  const head = content.slice(0, COMPARED_LENGTH_MAX)
  const gist = gistOf({ title: null, content: head })
  const topical = termsOf(head)
  const inOrder = analyse(head).filter((term) => topical.has(term))
  const pairs = new Set(inOrder.slice(1).map((term, at) => `${inOrder[at]} ${term}`))
  return {
    plain: fold(content)
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim(),
    gist,
    pairs,
  }
}

export const isEqual = (a: Wording, b: Wording): boolean => a.plain === b.plain

/** Whether two statements say the same in nearly the same words. */
export function isSame(a: Wording, b: Wording): boolean {
  if (isEqual(a, b)) return true
  if (a.gist.marks !== b.gist.marks || overlapOf(a.gist.terms, b.gist.terms) < SAME_OVERLAP_MIN) return false
  return Math.min(a.pairs.size, b.pairs.size) < 2 || overlapOf(a.pairs, b.pairs) >= SAME_ORDER_MIN
}

/** Whether `part` says nothing that `whole` does not say. */
export function isContained(part: Wording, whole: Wording): boolean {
  if (part.gist.terms.size < CONTAINED_TERMS_MIN || !isSubset(part.gist.marks, whole.gist.marks)) return false
  if (shareOf(part.gist.terms, whole.gist.terms) < CONTAINED_MIN) return false
  return shareOf(part.pairs, whole.pairs) >= SAME_ORDER_MIN
}

const shareOf = (part: ReadonlySet<string>, whole: ReadonlySet<string>): number =>
  part.size === 0 ? 1 : part.intersection(whole).size / part.size

/** Every number of the part, and the very negations of the whole. */
function isSubset(part: string, whole: string): boolean {
  const [numbers = '', negations = ''] = part.split('/')
  const [wholeNumbers = '', wholeNegations = ''] = whole.split('/')
  const known = new Set(wholeNumbers.trim().split(' '))
  return (
    negations.trim() === wholeNegations.trim() &&
    numbers
      .trim()
      .split(' ')
      .every((one) => one === '' || known.has(one))
  )
}
