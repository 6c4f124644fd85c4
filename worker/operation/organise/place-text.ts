import { cidOf } from '../../../protocol/core/cid.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { CONTENT_INLINE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Rendition } from '../../../schemas/rendition.ts'

type TextRendition = Extract<Rendition, { kind: 'text' }>

const utf8 = new TextEncoder()

/** Text as the revision carries it: inside the object, or as a blob when it is long. */
export function placeText(text: string): {
  rendition: Pick<TextRendition, 'text' | 'blob'>
  blob: { cid: Cid; bytes: Uint8Array } | null
} {
  // Three bytes a UTF-16 unit is the most UTF-8 takes; short text needs no encoding to be measured.
  if (text.length * 3 <= CONTENT_INLINE_BYTES_MAX) return { rendition: { text }, blob: null }
  const bytes = utf8.encode(text)
  if (bytes.length <= CONTENT_INLINE_BYTES_MAX) return { rendition: { text }, blob: null }
  const cid = cidOf(bytes, 'raw')
  return { rendition: { blob: { cid, bytes: bytes.length } }, blob: { cid, bytes } }
}
