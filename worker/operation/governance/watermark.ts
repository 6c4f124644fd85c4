import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'

const ID_BYTES = 8
const TAG_BYTES = 4
/** Characters without width: two bits each. None is a joiner between letters of a script that needs it where we put them, which is at spaces. */
const DIGITS = ['\u200b', '\u200c', '\u200d', '\u2060'] as const
const START = '\u2063'
const FRAME_DIGITS = (ID_BYTES + TAG_BYTES) * 4
const FRAME = new RegExp(`${START}([${DIGITS.join('')}]{${FRAME_DIGITS}})`, 'g')
/** Distance of repetitions: whoever quotes a paragraph takes a mark along. */
const REPEAT_CHARACTERS = 240

/** Key under which an organisation's marks are made: it follows from the deployment's own secret. */
export const watermarkKey = (secret: string, orgId: string): Uint8Array =>
  hmac(sha256, utf8ToBytes(secret), utf8ToBytes(`memos-watermark-v1\n${orgId}`))

/** The mark of one export: 8 bytes that name its request, and 4 that only the holder of the key can make. */
export function markOf(key: Uint8Array, requestId: string): Uint8Array {
  const id = sha256(utf8ToBytes(requestId)).subarray(0, ID_BYTES)
  return Uint8Array.of(...id, ...tagOf(key, id))
}

const tagOf = (key: Uint8Array, id: Uint8Array): Uint8Array => hmac(sha256, key, id).subarray(0, TAG_BYTES)

/** Whether a mark was made with this key: others' zero-width characters are not ours. */
export const isGenuine = (key: Uint8Array, mark: Uint8Array): boolean =>
  tagOf(key, mark.subarray(0, ID_BYTES)).every((byte, at) => byte === mark[ID_BYTES + at])

/**
 * The text with an invisible mark behind its first word and about every 240 characters. The mark survives copying, saving and quoting; it does
 * not survive retyping, screenshots, translation, a model's rewording, or a filter of zero-width characters.
 */
export function watermark(text: string, mark: Uint8Array): string {
  const frame = START + [...mark].map(digitsOf).join('')
  let marked = ''
  let at = 0
  for (let next = 1; ; next = at + REPEAT_CHARACTERS) {
    const space = text.slice(next).search(/\s/)
    if (space < 0) break
    marked += text.slice(at, next + space) + frame
    at = next + space
  }
  return at === 0 ? text + frame : marked + text.slice(at)
}

/** The different marks in a text. */
export function readWatermarks(text: string): Uint8Array[] {
  const frames = new Set([...text.matchAll(FRAME)].map(([, digits = '']) => digits))
  return [...frames].map((digits) =>
    Uint8Array.from({ length: FRAME_DIGITS / 4 }, (_, at) =>
      [...digits.slice(at * 4, at * 4 + 4)].reduce(
        (byte, one) => byte * 4 + DIGITS.indexOf(one as (typeof DIGITS)[number]),
        0,
      ),
    ),
  )
}

const digitsOf = (byte: number): string => [6, 4, 2, 0].map((shift) => DIGITS[(byte >> shift) & 3]).join('')
