/** Letters and digits of one gram, and grams of which the least hash is kept (Schleimer, Wilkerson, Aiken 2003, "Winnowing"). */
const GRAM_CHARACTERS = 12
const WINDOW_GRAMS = 6

/**
 * Hashes that a text shares with whatever quotes at least 17 letters of it, spelling of spaces, case and punctuation aside. Survives retyping and
 * cutting; does not survive rewording or translation.
 */
export function textFingerprint(text: string): Set<number> {
  const letters = text
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}]+/gu, '')
  const grams: number[] = []
  for (let at = 0; at + GRAM_CHARACTERS <= letters.length; at++)
    grams.push(hash(letters.slice(at, at + GRAM_CHARACTERS)))
  const kept = new Set<number>()
  for (let at = 0; at + WINDOW_GRAMS <= grams.length; at++) kept.add(Math.min(...grams.slice(at, at + WINDOW_GRAMS)))
  if (kept.size === 0 && grams.length > 0) kept.add(Math.min(...grams))
  return kept
}

/** Share of the hashes of `part` that `whole` has too, 0..1. */
export function containment(part: ReadonlySet<number>, whole: ReadonlySet<number>): number {
  if (part.size === 0) return 0
  return part.intersection(whole).size / part.size
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}
