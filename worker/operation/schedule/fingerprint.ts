/** Bits of a fingerprint, and hex digits that write them. */
const BITS = 64
const DIGITS = BITS / 4
const FNV_PRIME = 0x01000193
/** Two FNV-1a hashes with different beginnings make the 64 bits of one term. */
const FNV_OFFSETS = [0x811c9dc5, 0x050c5d1f] as const

function hash32(text: string, offset: number): number {
  let hash = offset
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME)
  // FNV leaves the high bits of short texts alike; the finaliser of MurmurHash3 spreads them.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * Locality-sensitive hash of index terms, 16 hex digits: queries with terms in common differ in few bits (simhash; Charikar, 2002). It is the
 * "contextual fingerprint" of the paper (section 5.2). null without terms.
 */
export function fingerprintOf(terms: readonly string[]): string | null {
  if (terms.length === 0) return null
  const votes = new Int32Array(BITS)
  for (const term of terms)
    for (const [word, offset] of FNV_OFFSETS.entries()) {
      const hash = hash32(term, offset)
      for (let bit = 0; bit < 32; bit++) {
        const at = word * 32 + bit
        votes[at] = (votes[at] ?? 0) + ((hash >>> bit) & 1 ? 1 : -1)
      }
    }
  let hex = ''
  for (let digit = 0; digit < DIGITS; digit++) {
    let nibble = 0
    for (let bit = 0; bit < 4; bit++) if ((votes[digit * 4 + bit] ?? 0) > 0) nibble |= 1 << bit
    hex += nibble.toString(16)
  }
  return hex
}

/** Share of bits that two fingerprints have in common beyond chance: 1 the same, 0 unrelated (half of the bits agree) or opposite. */
export function fingerprintSimilarity(a: string, b: string): number {
  let differing = 0
  for (let at = 0; at < DIGITS; at++) {
    let bits = Number.parseInt(a[at] ?? '0', 16) ^ Number.parseInt(b[at] ?? '0', 16)
    for (; bits > 0; bits >>= 1) differing += bits & 1
  }
  return Math.max(0, 1 - (2 * differing) / BITS)
}
