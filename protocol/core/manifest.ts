import { CID } from 'multiformats/cid'
import type { Cid } from '../../schemas/cid.ts'
import {
  MIP_BLOB_BYTES_MAX,
  MIP_BLOB_CHUNKS_MAX,
  MIP_CHUNK_BYTES_DEFAULT,
  MIP_CHUNK_BYTES_MAX,
  MIP_CHUNK_BYTES_MIN,
  MIP_MANIFEST_PAGE_HASHES,
} from '../../schemas/limits-mip.ts'
import { cidOf, cidOfLink, codecOf, linkOf, matchesCid } from './cid.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'
import { MipCborError } from './mip-cbor-error.ts'
import { sha256 } from './sha256.ts'

const HASH_BYTES = 32

/** Why bytes are no chunk manifest, or values cannot become one. The codes are stable: conformance vectors use them. */
export type ManifestReason =
  | 'not_mip_cbor'
  | 'version' // `v` is not 1
  | 'size' // no byte count from 0 to 64 GiB
  | 'chunk' // no chunk size from 64 KiB to 4 MiB
  | 'form' // neither `hashes` nor `pages`, both, or the one where the other belongs
  | 'count' // not one hash for each chunk, not one page for each 2,040 hashes
  | 'page' // bytes that are not the page which the manifest names

/** Bytes that are no chunk manifest. */
export class ManifestError extends Error {
  override name = 'ManifestError'
  readonly reason: ManifestReason

  constructor(reason: ManifestReason, options?: ErrorOptions) {
    super(`not a chunk manifest: ${reason}`, options)
    this.reason = reason
  }
}

/** What a receiver knows of a blob before its first byte (MIP 4.7). */
export interface BlobShape {
  /** Bytes of the whole. */
  size: number
  /** Bytes of each chunk but the last one, which may be shorter. */
  chunk: number
}

/** A manifest with all its hashes: the sha2-256 of each chunk, 32 bytes each, in order. */
export interface Manifest extends BlobShape {
  hashes: Uint8Array
}

/** A manifest whose hashes stand in pages of their own: raw blocks of 2,040 hashes, the last one shorter. */
export interface PagedManifest extends BlobShape {
  pages: readonly Cid[]
}

export interface EncodedManifest {
  /** The name of the blob. */
  cid: Cid
  bytes: Uint8Array
  pages: { cid: Cid; bytes: Uint8Array }[]
}

export const isPaged = (manifest: Manifest | PagedManifest): manifest is PagedManifest => 'pages' in manifest

/** Chunks of a blob; 0 for an empty one. */
export const chunkCount = ({ size, chunk }: BlobShape): number => Math.ceil(size / chunk)

/** Bytes of one chunk. `index` is below chunkCount. */
export const chunkLength = ({ size, chunk }: BlobShape, index: number): number => Math.min(chunk, size - index * chunk)

/** The manifest of bytes at hand. For a stream, hash each chunk and give the digests to encodeManifest. */
export function manifestOf(bytes: Uint8Array, chunk: number = MIP_CHUNK_BYTES_DEFAULT): Manifest {
  const shape = { size: bytes.length, chunk }
  checkShape(shape)
  const hashes = new Uint8Array(chunkCount(shape) * HASH_BYTES)
  for (let at = 0, i = 0; at < bytes.length; at += chunk, i++)
    hashes.set(sha256(bytes.subarray(at, at + chunk)), i * HASH_BYTES)
  return { ...shape, hashes }
}

/**
 * The canonical bytes of a manifest, with pages exactly when there are more than 2,040 chunks.
 * @throws ManifestError
 */
export function encodeManifest({ size, chunk, hashes }: Manifest): EncodedManifest {
  checkShape({ size, chunk })
  if (hashes.length !== chunkCount({ size, chunk }) * HASH_BYTES) throw new ManifestError('count')
  if (hashes.length <= MIP_MANIFEST_PAGE_HASHES * HASH_BYTES) return encoded({ v: 1, size, chunk, hashes }, [])
  const pages: EncodedManifest['pages'] = []
  for (let at = 0; at < hashes.length; at += MIP_MANIFEST_PAGE_HASHES * HASH_BYTES) {
    const bytes = hashes.slice(at, at + MIP_MANIFEST_PAGE_HASHES * HASH_BYTES)
    pages.push({ cid: cidOf(bytes, 'raw'), bytes })
  }
  return encoded({ v: 1, size, chunk, pages: pages.map((page) => linkOf(page.cid)) }, pages)
}

function encoded(object: MipValue, pages: EncodedManifest['pages']): EncodedManifest {
  const bytes = encodeMipCbor(object)
  return { cid: cidOf(bytes, 'object'), bytes, pages }
}

/**
 * Reads a manifest. Sizes and counts agree with each other afterwards. Fields that version 1 does not know are passed over (MIP 4.11).
 * That the bytes are what a CID names is for the caller to check.
 * @throws ManifestError
 */
export function decodeManifest(bytes: Uint8Array): Manifest | PagedManifest {
  const { v, size, chunk, hashes, pages } = fieldsOf(bytes)
  if (v !== 1) throw new ManifestError('version')
  const shape = { size: size as number, chunk: chunk as number }
  checkShape(shape)
  const isFlat = chunkCount(shape) <= MIP_MANIFEST_PAGE_HASHES
  const [inPlace, other] = isFlat ? [hashes, pages] : [pages, hashes]
  if (other !== undefined) throw new ManifestError('form')
  if (isFlat) {
    if (!(inPlace instanceof Uint8Array)) throw new ManifestError('form')
    if (inPlace.length !== chunkCount(shape) * HASH_BYTES) throw new ManifestError('count')
    return { ...shape, hashes: inPlace }
  }
  if (!Array.isArray(inPlace)) throw new ManifestError('form')
  if (inPlace.length !== Math.ceil(chunkCount(shape) / MIP_MANIFEST_PAGE_HASHES)) throw new ManifestError('count')
  return { ...shape, pages: inPlace.map(pageCid) }
}

/**
 * Puts the pages of a manifest together.
 * @throws ManifestError `page` for one that is not what the manifest names, `count` when they are not as long as its size says.
 */
export function joinPages({ size, chunk, pages }: PagedManifest, bytes: readonly Uint8Array[]): Manifest {
  const hashes = new Uint8Array(chunkCount({ size, chunk }) * HASH_BYTES)
  if (bytes.length !== pages.length) throw new ManifestError('count')
  let at = 0
  for (const [i, page] of bytes.entries()) {
    if (!matchesCid(pages[i]!, page)) throw new ManifestError('page')
    const isLast = i === pages.length - 1
    const length = isLast ? hashes.length - at : MIP_MANIFEST_PAGE_HASHES * HASH_BYTES
    if (page.length !== length) throw new ManifestError('count')
    hashes.set(page, at)
    at += length
  }
  return { size, chunk, hashes }
}

/**
 * Says whether bytes are the chunk at `index`: their length first, so that no more is hashed than a chunk. A host may bring a faster sha2-256.
 */
export function isChunk(
  manifest: Manifest,
  index: number,
  bytes: Uint8Array,
  hash: (bytes: Uint8Array) => Uint8Array = sha256,
): boolean {
  if (!Number.isInteger(index) || index < 0 || index >= chunkCount(manifest)) return false
  if (bytes.length !== chunkLength(manifest, index)) return false
  const digest = hash(bytes)
  for (let i = 0; i < HASH_BYTES; i++) if (digest[i] !== manifest.hashes[index * HASH_BYTES + i]) return false
  return true
}

function fieldsOf(bytes: Uint8Array): { [key: string]: MipValue | undefined } {
  try {
    const value = decodeMipCbor(bytes)
    const isMap = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
    if (!isMap) throw new ManifestError('form')
    return { ...(value as { [key: string]: MipValue }) }
  } catch (cause) {
    if (!(cause instanceof MipCborError)) throw cause
    throw new ManifestError('not_mip_cbor', { cause })
  }
}

function checkShape({ size, chunk }: BlobShape): void {
  if (!Number.isInteger(size) || size < 0 || size > MIP_BLOB_BYTES_MAX) throw new ManifestError('size')
  if (!Number.isInteger(chunk) || chunk < MIP_CHUNK_BYTES_MIN || chunk > MIP_CHUNK_BYTES_MAX)
    throw new ManifestError('chunk')
  if (chunkCount({ size, chunk }) > MIP_BLOB_CHUNKS_MAX) throw new ManifestError('count')
}

function pageCid(value: MipValue): Cid {
  const link = CID.asCID(value)
  const cid = link && cidOfLink(link)
  if (!cid || codecOf(cid) !== 'raw') throw new ManifestError('form')
  return cid
}
