import { SCREENING_RULES } from './screening-rules.ts'

/** Text beyond this is looked at in pieces; a rule never needs more than a piece. */
const PIECE_CHARS = 20_000
const PIECE_OVERLAP_CHARS = 1000
/** Runs that may be Base64; longer ones are opaque to every reader, and no rule could look inside. */
const BASE64 = /(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{32,8192}={0,2}(?![A-Za-z0-9+/=_-])/g
const OPAQUE_CHARS_MIN = 256
const DEPTH_MAX = 2

// Tag characters and the supplementary variation selectors can spell out whole sentences that no person sees.
const TAGS = /[\u{e0000}-\u{e007f}]/u
const SELECTORS = /[\u{e0100}-\u{e01ef}\ufe00-\ufe0d]{3}/u
const OVERRIDES = /[\u202a-\u202e\u2066-\u2069]/u
const INVISIBLE =
  /\u034f|[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\u{e0000}-\u{e00ff}]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu
/** Invisible characters between letters: words that are split so that filters do not see them. */
const SPLIT_WORDS = /\p{L}[\u00ad\u200b\u2060\ufeff]\p{L}/gu
const SPLITS_MIN = 3

/**
 * What in a text tries to steer a model, as names of rules; empty for a text that is merely data (MIP 4.12: injection in a cube). Rules find
 * known shapes; what they miss still reaches the model framed as data.
 */
export function screen(text: string, depth = 0): string[] {
  const found = new Set<string>()
  if (TAGS.test(text.replace(EMOJI_FLAG, '')) || SELECTORS.test(text) || OVERRIDES.test(text))
    found.add('hidden_unicode')
  if ((text.match(SPLIT_WORDS)?.length ?? 0) >= SPLITS_MIN) found.add('hidden_unicode')
  for (let at = 0; at < text.length; at += PIECE_CHARS) {
    const piece = folded(text.slice(Math.max(0, at - PIECE_OVERLAP_CHARS), at + PIECE_CHARS))
    for (const { name, patterns } of SCREENING_RULES)
      if (!found.has(name) && patterns.some((pattern) => pattern.test(piece))) found.add(name)
  }
  if (depth < DEPTH_MAX && hidesInBase64(text, depth)) found.add('encoded')
  return [...found]
}

/** Flags of regions are tag characters between a black flag and a cancel tag. */
const EMOJI_FLAG = /\u{1f3f4}[\u{e0030}-\u{e007a}]{1,8}\u{e007f}/gu

/** One spelling for what looks alike: compatibility forms, case, invisible characters, spaced-out letters. */
const folded = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .replace(/[‘’ʼ]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/\b(?:\p{L}[ .\-_*]){5,40}\p{L}\b/gu, (spaced) => spaced.replace(/[ .\-_*]/g, ''))
    .toLowerCase()

function hidesInBase64(text: string, depth: number): boolean {
  for (const [run] of text.matchAll(BASE64)) {
    if (!/[a-z]/.test(run) || !/[A-Z]/.test(run) || !/\d/.test(run)) continue
    const inner = decoded(run)
    if (inner === null ? run.length >= OPAQUE_CHARS_MIN : screen(inner, depth + 1).length > 0) return true
  }
  return false
}

/** The text that Base64 stands for, or null when it is no text. */
function decoded(run: string): string | null {
  try {
    const binary = atob(run.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, ''))
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0))
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return /[\p{Cc}]/u.test(text.replace(/[\n\r\t]/g, '')) ? null : text
  } catch {
    return null
  }
}
