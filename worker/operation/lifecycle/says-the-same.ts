import { indexDocument } from '../retrieval/document.ts'

/** Words that turn a statement around; the index leaves them out as stop words. */
const NEGATION =
  /\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|stopped|no longer)\b|n['’]t\b|[不没無无非未别]/giu
const NUMBER = /\p{N}+(?:[.,:/-]\p{N}+)*/gu

/** What of a text is compared. */
export interface Gist {
  /** Index terms of title and text; who said it and when are compared on their own. */
  terms: ReadonlySet<string>
  /** Numbers and negations in order of the alphabet: one that differs makes another statement of the same words. */
  marks: string
}

export function gistOf({ title, content }: { title: string | null; content: string }): Gist {
  const text = title === null ? content : `${title}\n${content}`
  const { terms } = indexDocument({ text, speaker: null, role: null, date: null })
  const numbers = new Set(text.match(NUMBER))
  const negations = new Set(text.toLowerCase().match(NEGATION))
  return {
    terms: new Set(terms.keys()),
    marks: [...[...numbers].sort(), '/', ...[...negations].sort()].join(' '),
  }
}

/** Share of common terms (Jaccard), 0..1. */
export function overlapOf(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = a.intersection(b).size
  return shared === 0 ? 0 : shared / (a.size + b.size - shared)
}

/** Whether two texts say the same: enough common terms, the same numbers, the same negations. */
export const saysTheSame = (a: Gist, b: Gist, overlapMin: number): boolean =>
  a.marks === b.marks && overlapOf(a.terms, b.terms) >= overlapMin

/**
 * The rarest terms of a text, as many as guarantee that a text with the wanted overlap has one of them: with |A| terms, all but
 * ceil(overlap * |A|) - 1 (prefix filter for Jaccard, Chaudhuri et al. 2006). `frequency` must be the same for all texts.
 */
export function tellingTerms(
  terms: Iterable<string>,
  frequency: (term: string) => number,
  overlapMin: number,
): string[] {
  const sorted = [...terms].sort((a, b) => frequency(a) - frequency(b) || (a < b ? -1 : 1))
  return sorted.slice(0, sorted.length - Math.ceil(overlapMin * sorted.length) + 1)
}
