import { sha256 } from '@noble/hashes/sha2.js'
import type { JsonView } from '../../../protocol/core/json-view.ts'
import { chunkCount, type Manifest, manifestOf } from '../../../protocol/core/manifest.ts'

const KIB = 1024

export interface ManifestCase {
  title: string
  size: number
  chunk: number
  content: 'pattern' | 'counted'
}

export const MANIFEST_VALID: ManifestCase[] = [
  { title: 'an empty blob', size: 0, chunk: 256 * KIB, content: 'pattern' },
  { title: 'one byte', size: 1, chunk: 256 * KIB, content: 'pattern' },
  { title: 'exactly one chunk', size: 64 * KIB, chunk: 64 * KIB, content: 'pattern' },
  { title: 'one byte more than a chunk', size: 64 * KIB + 1, chunk: 64 * KIB, content: 'pattern' },
  { title: 'chunks of a size that is no power of two', size: 300_000, chunk: 100_000, content: 'pattern' },
  { title: 'the most chunks without pages', size: 2040 * 64 * KIB, chunk: 64 * KIB, content: 'counted' },
  { title: 'one chunk more, in two pages', size: 2041 * 64 * KIB, chunk: 64 * KIB, content: 'counted' },
  { title: 'one gibibyte in default chunks', size: 1024 ** 3, chunk: 256 * KIB, content: 'counted' },
]

/** The manifest of a case. */
export function manifestOfCase({ size, chunk, content }: ManifestCase): Manifest {
  return content === 'pattern'
    ? manifestOf(patternBytes(size), chunk)
    : { size, chunk, hashes: countedHashes(size, chunk) }
}

export const patternBytes = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (7 * i + Math.floor(i / 256)) % 256)

function countedHashes(size: number, chunk: number): Uint8Array {
  const hashes = new Uint8Array(chunkCount({ size, chunk }) * 32)
  const counter = new DataView(new ArrayBuffer(4))
  for (let i = 0; i * 32 < hashes.length; i++) {
    counter.setUint32(0, i)
    hashes.set(sha256(new Uint8Array(counter.buffer)), i * 32)
  }
  return hashes
}

const good: { [key: string]: JsonView } = { v: 1, size: 10, chunk: 65536, hashes: { $bytes: 'A'.repeat(43) } }
const { hashes: _hashes, ...bare } = good
const PAGE = { $link: 'bafkreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua' }
const OBJECT = { $link: 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua' }
const PAGED = 2041 * 64 * KIB

export const MANIFEST_INVALID: { title: string; json: JsonView; reason: string }[] = [
  { title: 'no map', json: [1], reason: 'form' },
  { title: 'another version', json: { ...good, v: 2 }, reason: 'version' },
  { title: 'a negative size', json: { ...good, size: -1 }, reason: 'size' },
  { title: 'a size that is text', json: { ...good, size: '10' }, reason: 'size' },
  { title: 'more than 64 GiB', json: { ...good, size: 64 * 1024 ** 3 + 1 }, reason: 'size' },
  { title: 'chunks below 64 KiB', json: { ...good, chunk: 65535 }, reason: 'chunk' },
  { title: 'chunks above 4 MiB', json: { ...good, chunk: 4 * 1024 ** 2 + 1 }, reason: 'chunk' },
  { title: 'a hash too few', json: { ...good, hashes: { $bytes: '' } }, reason: 'count' },
  { title: 'a hash too many', json: { ...good, size: 0 }, reason: 'count' },
  { title: 'half a hash', json: { ...good, hashes: { $bytes: 'AAAA' } }, reason: 'count' },
  { title: 'hashes as a list', json: { ...good, hashes: [] }, reason: 'form' },
  { title: 'neither hashes nor pages', json: bare, reason: 'form' },
  { title: 'pages where hashes belong', json: { ...bare, pages: [PAGE] }, reason: 'form' },
  { title: 'both', json: { ...good, pages: [PAGE] }, reason: 'form' },
  { title: 'hashes where pages belong', json: { ...good, size: PAGED }, reason: 'form' },
  { title: 'a page too few', json: { ...bare, size: PAGED, pages: [PAGE] }, reason: 'count' },
  { title: 'a page that is no link', json: { ...bare, size: PAGED, pages: [PAGE, 'x'] }, reason: 'form' },
  { title: 'a page that is an object', json: { ...bare, size: PAGED, pages: [PAGE, OBJECT] }, reason: 'form' },
]
