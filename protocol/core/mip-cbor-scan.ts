import { MIP_OBJECT_DEPTH_MAX } from '../../schemas/limits-mip.ts'
import { MipCborError, type MipCborReason } from './mip-cbor-error.ts'

const CBOR_LINK_TAG = 42
// A link is tag 42 on a byte string of 37: 0x00 and the 36 bytes of a CID (DAG-CBOR specification, "Links").
const LINK_BYTES = 41

interface Head {
  major: number
  /** Value, length or count; for major 7 the value that follows the initial byte. */
  argument: number
  end: number
}

/**
 * Walks the heads (RFC 8949 section 3) of one CBOR item without recursion and refuses what the profile has no room for. The general
 * decoder runs afterwards: it recurses, so depth has to be known first, and it turns some kinds into others (undefined into null,
 * integral floats into integers), so kinds have to be seen here.
 * @throws MipCborError
 */
export function scanMipCbor(bytes: Uint8Array): void {
  const left: number[] = []
  let at = 0
  do {
    const head = readHead(bytes, at)
    if (left.length > 0) left[left.length - 1]! -= 1
    at = afterItem(bytes, at, head)
    const items = itemsInside(head)
    // Every item takes a byte at least, so a count beyond the end is refused before anything is made for it.
    if (items > bytes.length - at) fail('malformed', at)
    if (items >= 0) left.push(items)
    if (left.length > MIP_OBJECT_DEPTH_MAX) fail('depth', at)
    while (left.at(-1) === 0) left.pop()
  } while (left.length > 0)
  if (at !== bytes.length) fail('malformed', at)
}

/** Items inside an array or map; -1 for everything else. */
const itemsInside = ({ major, argument }: Head) => (major === 4 ? argument : major === 5 ? argument * 2 : -1)

/** Offset after the item, or after the head of an array or map. */
function afterItem(bytes: Uint8Array, at: number, { major, argument, end }: Head): number {
  if (major === 2 || major === 3) return argument <= bytes.length - end ? end + argument : fail('malformed', at)
  if (major === 6) return afterLink(bytes, at, argument)
  if (major <= 1 && argument > Number.MAX_SAFE_INTEGER - major) fail('big_int', at)
  return end
}

function afterLink(bytes: Uint8Array, at: number, tag: number): number {
  if (tag !== CBOR_LINK_TAG) fail('tag', at)
  const codec = bytes[at + 6]
  const header = [0xd8, CBOR_LINK_TAG, 0x58, 37, 0, 1, codec === 0x71 ? 0x71 : 0x55, 0x12, 0x20]
  if (header.some((byte, i) => bytes[at + i] !== byte)) fail('cid', at)
  return at + LINK_BYTES <= bytes.length ? at + LINK_BYTES : fail('malformed', at)
}

function readHead(bytes: Uint8Array, at: number): Head {
  const initial = bytes[at] ?? fail('malformed', at)
  const major = initial >> 5
  const info = initial & 0x1f
  if (major === 7) checkSimple(info, at)
  if (info < 24) return { major, argument: info, end: at + 1 }
  if (info === 31) fail('indefinite', at)
  if (info > 27) fail('malformed', at)
  const width = 2 ** (info - 24)
  const end = at + 1 + width
  if (end > bytes.length) fail('malformed', at)
  let argument = 0
  for (let i = at + 1; i < end; i++) argument = argument * 256 + bytes[i]!
  // RFC 8949 section 4.2.1: the shortest head is the only one.
  if (argument < (width === 1 ? 24 : 2 ** (width * 4))) fail('not_canonical', at)
  return { major, argument, end }
}

function checkSimple(info: number, at: number): void {
  if (info === 23) fail('undefined', at)
  if (info >= 25 && info <= 27) fail('float', at)
  if (info === 31) fail('malformed', at)
  if (info < 20 || info > 22) fail('simple', at)
}

function fail(reason: MipCborReason, at: number): never {
  throw new MipCborError(reason, `byte ${at}`)
}
