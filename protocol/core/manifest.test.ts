import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { MIP_CHUNK_BYTES_MIN as CHUNK, MIP_BLOB_BYTES_MAX, MIP_OBJECT_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { cidOf } from './cid.ts'
import {
  chunkCount,
  chunkLength,
  decodeManifest,
  encodeManifest,
  isChunk,
  isPaged,
  joinPages,
  type Manifest,
  ManifestError,
  manifestOf,
} from './manifest.ts'
import { encodeMipCbor, type MipValue } from './mip-cbor.ts'

const reasonOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (error instanceof ManifestError) return error.reason
    throw error
  }
  return 'accepted'
}
const refusal = (value: MipValue) => reasonOf(() => decodeManifest(encodeMipCbor(value)))
const blob = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff)
const manifestOfChunks = (chunks: number): Manifest => ({
  size: chunks * CHUNK - 5,
  chunk: CHUNK,
  hashes: blob(chunks * 32),
})

describe('a manifest', () => {
  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])(
    'of %i bytes verifies each chunk and no other bytes',
    (size) => {
      const bytes = blob(size)
      const manifest = manifestOf(bytes, CHUNK)
      expect(decodeManifest(encodeManifest(manifest).bytes)).toEqual(manifest)
      expect(chunkCount(manifest)).toBe(Math.ceil(size / CHUNK))
      for (let i = 0; i < chunkCount(manifest); i++) {
        const chunk = bytes.slice(i * CHUNK, i * CHUNK + chunkLength(manifest, i))
        expect(isChunk(manifest, i, chunk)).toBe(true)
        chunk[chunk.length - 1]! ^= 1
        expect(isChunk(manifest, i, chunk)).toBe(false)
        expect(isChunk(manifest, i, chunk.subarray(1))).toBe(false)
      }
      for (const index of [-1, 0.5, Number.NaN, chunkCount(manifest)])
        expect(isChunk(manifest, index, bytes)).toBe(false)
    },
  )

  it('hashes nothing that is not as long as the chunk', () => {
    const manifest = manifestOf(blob(CHUNK + 1), CHUNK)
    let hashed = 0
    const counting = (bytes: Uint8Array) => {
      hashed += bytes.length
      return sha256(bytes)
    }
    expect(isChunk(manifest, 1, blob(100 * CHUNK), counting)).toBe(false)
    expect(hashed).toBe(0)
  })

  it('has no pages up to 2,040 chunks, and pages of 2,040 hashes beyond', () => {
    expect(encodeManifest(manifestOfChunks(2040)).pages).toEqual([])
    const manifest = manifestOfChunks(2041)
    const { bytes, pages, cid } = encodeManifest(manifest)
    expect(pages.map((page) => page.bytes.length)).toEqual([2040 * 32, 32])
    expect(cidOf(bytes, 'object')).toBe(cid)
    const root = decodeManifest(bytes)
    if (!isPaged(root)) throw new Error('expected pages')
    expect(
      joinPages(
        root,
        pages.map((page) => page.bytes),
      ),
    ).toEqual(manifest)
  })

  it('of the largest blob fits its object', () => {
    const chunks = MIP_BLOB_BYTES_MAX / CHUNK
    const { bytes } = encodeManifest({ size: MIP_BLOB_BYTES_MAX, chunk: CHUNK, hashes: new Uint8Array(chunks * 32) })
    expect(bytes.length).toBeLessThanOrEqual(MIP_OBJECT_BYTES_MAX)
  })

  it('takes only the pages that it names, all of them, in order', () => {
    const { bytes, pages } = encodeManifest(manifestOfChunks(5000))
    const root = decodeManifest(bytes)
    if (!isPaged(root)) throw new Error('expected pages')
    const [a, b, c] = pages.map((page) => page.bytes) as [Uint8Array, Uint8Array, Uint8Array]
    expect(reasonOf(() => joinPages(root, [a, b]))).toBe('count')
    expect(reasonOf(() => joinPages(root, [b, a, c]))).toBe('page')
    expect(reasonOf(() => joinPages(root, [a, b, c.map((byte) => byte ^ 1)]))).toBe('page')
    const short = { ...root, pages: [root.pages[0]!, root.pages[1]!, cidOf(c.subarray(32), 'raw')] }
    expect(reasonOf(() => joinPages(short, [a, b, c.subarray(32)]))).toBe('count')
  })

  const hash = new Uint8Array(32)
  const good = { v: 1, size: 10, chunk: CHUNK, hashes: hash }
  it('passes over fields that a later version may add', () => {
    expect(refusal({ ...good, note: 'x' })).toBe('accepted')
  })
})
