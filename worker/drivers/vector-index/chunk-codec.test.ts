import { describe, expect, it } from 'vitest'
import { decodeChunk, encodeChunk } from './chunk-codec.ts'
import { decodeManifest, emptyManifest, encodeManifest } from './manifest.ts'

const row = (seq: number) => ({
  seq,
  change: seq + 2 ** 40,
  scale: 0.25,
  codes: Int8Array.from({ length: 128 }, (_, i) => i - seq),
})

describe('chunk', () => {
  it('holds rows as they were', () => {
    const rows = [row(1), row(2 ** 50)]
    expect(decodeChunk(encodeChunk(rows, 2, 128), 128)).toEqual(rows)
  })

  it('reads at any offset of a larger buffer', () => {
    const bytes = encodeChunk([row(1)], 1, 128)
    const shifted = new Uint8Array(bytes.length + 3)
    shifted.set(bytes, 3)
    expect(decodeChunk(shifted.subarray(3), 128)).toEqual([row(1)])
  })

  it('has the bytes that the format says', () => {
    const bytes = encodeChunk([row(1)], 1, 128)
    expect([...bytes.subarray(0, 12)]).toEqual([0x4d, 0x56, 0x43, 0x31, 128, 0, 0, 0, 1, 0, 0, 0])
    expect(bytes).toHaveLength(12 + 20 + 128)
  })

  it('is refused with another magic, width, count or length', () => {
    const bytes = encodeChunk([row(1)], 1, 128)
    expect(decodeChunk(bytes, 256)).toBeNull()
    expect(decodeChunk(bytes.subarray(0, -1), 128)).toBeNull()
    expect(decodeChunk(new Uint8Array(), 128)).toBeNull()
    for (const at of [0, 3, 4, 8]) {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 1
      expect(decodeChunk(damaged, 128)).toBeNull()
    }
  })
})

describe('manifest', () => {
  const manifest = {
    ...emptyManifest(),
    rows: 2,
    absorbedChange: 7,
    chunks: [{ name: 'chunk-0-a', sha256: 'a' }],
    tombstones: [3],
  }

  it('reads as it was written', async () => {
    expect(await decodeManifest(await encodeManifest(manifest))).toEqual(manifest)
  })

  it('is refused when any one byte has changed', async () => {
    const bytes = await encodeManifest(manifest)
    for (let at = 0; at < bytes.length; at++) {
      if (at === 64) continue // the line break between digest and text carries nothing
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 1
      expect(await decodeManifest(damaged), `byte ${at}`).toBeNull()
    }
    expect(await decodeManifest(bytes.subarray(0, 20))).toBeNull()
  })

  it('is refused in another version', async () => {
    expect(await decodeManifest(await encodeManifest({ ...manifest, version: 2 }))).toBeNull()
  })
})
