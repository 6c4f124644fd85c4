import { z } from 'zod'

const BYTE_ORDER_MARK = 0xfeff
/** Text of these alone is NFC; asking the platform costs ten times as much. */
const ASCII = /^[\0-\x7f]*$/

/**
 * Says whether a string may stand in a MIP-CBOR object (MIP 4.2): no lone surrogate, NFC, and no leading byte order mark, because
 * WHATWG UTF-8 decoders drop it, so a reader would see another text than the writer signed.
 */
export function isCanonicalText(text: string): boolean {
  if (ASCII.test(text)) return true
  return text.isWellFormed() && text.charCodeAt(0) !== BYTE_ORDER_MARK && text.normalize('NFC') === text
}

/** The nearest text that may stand in a MIP-CBOR object. Lone surrogates become U+FFFD; the rest keeps its meaning (NFC). */
export function toCanonicalText(text: string): string {
  return text
    .replace(/^\uFEFF+/, '')
    .toWellFormed()
    .normalize('NFC')
}

/** Length of well-formed text in UTF-8, bytes. */
export function utf8Length(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const width = utf8Width(text.charCodeAt(i))
    if (width === 4) i += 1
    bytes += width
  }
  return bytes
}

/**
 * Says whether every offset (bytes of UTF-8, ascending) is the start of a character inside the text.
 */
export function areCharacterStarts(text: string, offsets: readonly number[]): boolean {
  let next = 0
  let at = 0
  for (let i = 0; i < text.length && next < offsets.length; i++) {
    if (offsets[next] === at) next += 1
    const width = utf8Width(text.charCodeAt(i))
    if (width === 4) i += 1
    at += width
  }
  return next === offsets.length
}

// A UTF-16 surrogate opens a pair that takes four bytes in UTF-8 (RFC 3629); callers step over its second half.
const utf8Width = (unit: number) => (unit < 0x80 ? 1 : unit < 0x800 ? 2 : unit >= 0xd800 && unit <= 0xdfff ? 4 : 3)

/** Schema of a canonical string of at most `lengthMax` UTF-16 units. */
export const canonicalString = (lengthMax: number) =>
  z
    .string()
    .min(1)
    .max(lengthMax)
    .refine(isCanonicalText, 'expected well-formed NFC text without a leading byte order mark')
