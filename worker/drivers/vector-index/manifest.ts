import { sha256Hex } from './chunk-codec.ts'

const MANIFEST_VERSION = 1
const DIGEST_HEX_LENGTH = 64

/** What is persisted of one space. Chunk `i` holds slots from i * CHUNK_ROWS; its name contains its digest. */
export interface Manifest {
  version: number
  rows: number
  /** Every row with `change` up to here is in the chunks. */
  absorbedChange: number
  chunks: { name: string; sha256: string }[]
  /** Rows that were removed after their chunk was written. */
  tombstones: number[]
}

export const emptyManifest = (): Manifest => ({
  version: MANIFEST_VERSION,
  rows: 0,
  absorbedChange: 0,
  chunks: [],
  tombstones: [],
})

/** A digest line, then JSON: a damaged `absorbedChange` would hide rows for good, so the manifest is checked as well. */
export async function encodeManifest(manifest: Manifest): Promise<Uint8Array> {
  const json = JSON.stringify(manifest)
  const digest = await sha256Hex(new TextEncoder().encode(json))
  return new TextEncoder().encode(`${digest}\n${json}`)
}

/** The manifest, or null when it is damaged or of another version. */
export async function decodeManifest(bytes: Uint8Array): Promise<Manifest | null> {
  const text = new TextDecoder().decode(bytes)
  const json = text.slice(DIGEST_HEX_LENGTH + 1)
  if ((await sha256Hex(new TextEncoder().encode(json))) !== text.slice(0, DIGEST_HEX_LENGTH)) return null
  // The digest proves that encodeManifest wrote this text, so its shape is known up to the version.
  const manifest = JSON.parse(json) as Manifest
  return manifest.version === MANIFEST_VERSION ? manifest : null
}
