import { decode, encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { isCanonicalText } from '../../schemas/canonical-text.ts'
import { MIP_OBJECT_BYTES_MAX, MIP_OBJECT_DEPTH_MAX } from '../../schemas/limits-mip.ts'
import { isKnownLink } from './cid.ts'
import { decodeCanonical } from './mip-cbor-decode.ts'
import { encodeChecked } from './mip-cbor-encode.ts'
import { MipCborError, type MipCborReason } from './mip-cbor-error.ts'
import { scanMipCbor } from './mip-cbor-scan.ts'

/** What a MIP-CBOR object can say. Numbers are integers, |n| < 2^53; links are CIDs. */
export type MipValue = null | boolean | number | string | Uint8Array | CID | MipValue[] | { [key: string]: MipValue }

const KEY = /^[a-z][A-Za-z0-9]*$/

/**
 * The canonical bytes of a value (MIP 4.2: DAG-CBOR without floats, within the MIP-CBOR profile).
 * `bytesMax` is larger for frames, which carry several objects; an object itself is at most 64 KiB.
 * @throws MipCborError with the reason when the value is outside the profile or takes more than `bytesMax`.
 */
export function encodeMipCbor(value: MipValue, bytesMax = MIP_OBJECT_BYTES_MAX): Uint8Array {
  checkValue(value, '', 0)
  return encodeChecked(value, bytesMax) ?? fail('size', '')
}

/**
 * The value of canonical bytes. Accepts them iff the profile holds and encoding the value gives the same bytes, so each value has one
 * encoding and one CID. Arbitrary bytes are safe: time and memory are linear in their length.
 * @throws MipCborError with the reason.
 */
export function decodeMipCbor(bytes: Uint8Array, bytesMax = MIP_OBJECT_BYTES_MAX): MipValue {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`"bytes" expected Uint8Array, got ${typeof bytes}`)
  if (bytes.length > bytesMax) throw new MipCborError('size', `byte ${bytesMax}`)
  return decodeCanonical(bytes) ?? decodeDoubtful(bytes)
}

/** Decodes by way of the general decoder, which takes four times as long and says exactly what is wrong. */
function decodeDoubtful(bytes: Uint8Array): MipValue {
  scanMipCbor(bytes)
  const value = decodeScanned(bytes)
  // Strings that are not UTF-8, keys out of order, and whatever else has a better spelling come back as other bytes.
  if (!areEqual(encode(value), bytes)) throw new MipCborError('not_canonical', 'the object')
  checkValue(value, '', 0)
  return value
}

// After the scan only map keys are left for the decoder to stumble on: one that is no string, or one that comes twice.
function decodeScanned(bytes: Uint8Array): MipValue {
  try {
    return decode<MipValue>(bytes)
  } catch (cause) {
    throw new MipCborError('key', 'the object', { cause })
  }
}

function checkValue(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'boolean' || value instanceof Uint8Array) return
  if (typeof value === 'string') checkText(value, path)
  else if (typeof value === 'number') checkNumber(value, path)
  else if (Array.isArray(value)) checkItems(value, path, depth + 1)
  else if (typeof value === 'object') checkObject(value, path, depth + 1)
  else fail(typeof value === 'undefined' ? 'undefined' : typeof value === 'bigint' ? 'big_int' : 'type', path)
}

function checkItems(items: readonly unknown[], path: string, depth: number): void {
  if (depth > MIP_OBJECT_DEPTH_MAX) fail('depth', path)
  for (let i = 0; i < items.length; i++) checkValue(items[i], `${path}.${i}`, depth)
}

function checkObject(value: object, path: string, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) checkFields(value, path, depth)
  else checkLink(value, path)
}

function checkFields(fields: object, path: string, depth: number): void {
  if (depth > MIP_OBJECT_DEPTH_MAX) fail('depth', path)
  for (const [key, value] of Object.entries(fields)) {
    if (!KEY.test(key)) fail('key', path)
    checkValue(value, `${path}.${key}`, depth)
  }
}

function checkLink(value: object, path: string): void {
  const link = CID.asCID(value)
  if (!link) fail('type', path)
  if (!isKnownLink(link)) fail('cid', path)
}

function checkNumber(value: number, path: string): void {
  if (!Number.isInteger(value) || Object.is(value, -0)) fail('float', path)
  if (!Number.isSafeInteger(value)) fail('big_int', path)
}

function checkText(text: string, path: string): void {
  if (isCanonicalText(text)) return
  fail(text.isWellFormed() && !text.startsWith('\uFEFF') ? 'non_nfc' : 'utf8', path)
}

/** Compares four bytes at a time where both lie at a word: frames are of megabytes, and this is most of the cost of reading one. */
function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  const words = (a.byteOffset | b.byteOffset) & 3 ? 0 : a.length >> 2
  const left = new Uint32Array(a.buffer, words ? a.byteOffset : 0, words)
  const right = new Uint32Array(b.buffer, words ? b.byteOffset : 0, words)
  for (let i = 0; i < words; i++) if (left[i] !== right[i]) return false
  for (let i = words << 2; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function fail(reason: MipCborReason, path: string): never {
  throw new MipCborError(reason, path === '' ? 'the object' : path.slice(1))
}
