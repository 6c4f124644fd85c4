import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import { oneLine } from '../retrieval/context.ts'
import { cutToTokens, estimateTokens } from '../retrieval/tokens.ts'

/** One memory takes at most this share of the budget, so that a long one leaves room for others. */
const ENTRY_BUDGET_SHARE_MAX = 0.5

/** One memory as the model reads it. */
export interface MemoryEntry {
  full: FullCube
  text: string
  /** sha2-256 of the text, hex: what a KV cache of it is known by. */
  digest: string
  /** Estimated; the node tells the exact number. */
  tokens: number
}

/** Who published a foreign memory, in words; undefined for memory of our own. */
export const originName = (
  origin: { name: string | null; did: string; tier: string } | undefined,
): string | undefined => origin && `from ${origin.name ?? `…${origin.did.slice(-8)}`}, ${origin.tier} publisher`

/**
 * The entry of a memory: its text as one line, since a stored line break must not begin another entry; what others have published stands in
 * quotes with its origin. The same text always gives the same entry, so that its KV cache can be used again.
 */
export function entryOf(full: FullCube, origin: string | undefined): MemoryEntry {
  const said = oneLine(full.content ?? '')
  const text = origin === undefined ? said : `«${oneLine(origin).replace(/[«»]/g, '')}: ${said.replace(/[«»]/g, '"')}»`
  return withText(full, text)
}

const withText = (full: FullCube, text: string): MemoryEntry => ({
  full,
  text,
  digest: bytesToHex(sha256(utf8ToBytes(text))),
  tokens: estimateTokens(text),
})

/**
 * Those of the entries, best first, that fit the budget, in the order of the prompt: by age, so that of two that contradict each other the later
 * one is read last, and so that the same memories always make the same prefix.
 */
export function packEntries(
  entries: readonly MemoryEntry[],
  budgetTokens: number,
): { chosen: MemoryEntry[]; omitted: number } {
  const entryMax = Math.floor(budgetTokens * ENTRY_BUDGET_SHARE_MAX)
  const chosen = new Map<string, MemoryEntry>()
  let left = budgetTokens
  let omitted = 0
  for (const entry of entries) {
    const { cubeId } = entry.full.cube
    if (chosen.has(cubeId) || entry.text === '') continue
    const fit = entry.tokens <= entryMax ? entry : withText(entry.full, cutToTokens(entry.text, entryMax))
    if (fit.text === '' || fit.tokens > left) {
      omitted += 1
      continue
    }
    left -= fit.tokens
    chosen.set(cubeId, fit)
  }
  return { chosen: [...chosen.values()].toSorted(byAge), omitted }
}

const byAge = ({ full: { cube: a } }: MemoryEntry, { full: { cube: b } }: MemoryEntry): number =>
  a.saidAtMs - b.saidAtMs || a.seq - b.seq || (a.cubeId < b.cubeId ? -1 : 1)
