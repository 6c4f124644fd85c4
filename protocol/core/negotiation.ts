import type { Fingerprint } from './fingerprint.ts'

/** What a receiver does with a memory, best first (MIP 4.6). 6: nothing in it can be used here. */
export const NEGOTIATION_LEVELS = {
  1: 'map',
  2: 'transform_layout',
  3: 'attach',
  4: 'reuse_tokens',
  5: 'prefill_text',
  6: 'none',
} as const
export type NegotiationLevel = keyof typeof NEGOTIATION_LEVELS

/** One rendition as far as negotiation looks at it. */
export interface Offer {
  kind: 'text' | 'kv' | 'steering' | 'lora'
  /** Fingerprint that the rendition names. */
  fp?: string
  /** What lies behind the fingerprint, where its descriptor is at hand; without it only the whole can be compared. */
  model?: Fingerprint
  hasProbe?: boolean
}

export interface Negotiation {
  level: NegotiationLevel
  /** Position of the chosen rendition; null at level 6. */
  at: number | null
  /** Run the probe of the rendition before trusting it; on a mismatch negotiate again without it. */
  needsProbe: boolean
}

/**
 * Chooses among the renditions of one revision; the lowest level wins, the first of equals. Tensors and token ids of a publisher that is
 * not trusted are passed over: wrong ones do not fail, they degrade answers silently, and token ids were seen by no screening of text.
 * Levels 2 and 3 are trusted after a probe only, so without one they are passed over too.
 */
export function negotiate(offers: readonly Offer[], own: Fingerprint, isTrusted: boolean): Negotiation {
  let best: Negotiation = { level: 6, at: null, needsProbe: false }
  for (const [at, offer] of offers.entries()) {
    const level = levelOf(offer, own, isTrusted)
    if (level < best.level) best = { level, at, needsProbe: level === 2 || level === 3 }
  }
  return best
}

function levelOf(offer: Offer, own: Fingerprint, isTrusted: boolean): NegotiationLevel {
  if (offer.kind === 'text') return 5
  if (!isTrusted) return 6
  // A descriptor that is not the one named says nothing about the rendition.
  const model = offer.model?.fp === offer.fp ? offer.model : undefined
  const hasProbe = offer.hasProbe === true
  if (offer.kind === 'lora') return hasProbe && isBaseOf(offer.fp, model, own) ? 3 : 6
  if (offer.fp === own.fp) return 1
  if (hasProbe && model?.values === own.values) return 2
  return offer.kind === 'kv' && model?.tokenizer === own.tokenizer ? 4 : 6
}

const isBaseOf = (fp: string | undefined, model: Fingerprint | undefined, own: Fingerprint) =>
  fp === own.fp || (model !== undefined && (model.values === own.values || isBare(model, own)))

/** The adapter was made for the bare model below our own adapters. */
const isBare = (model: Fingerprint, own: Fingerprint) => model.base === own.base && model.isBare
