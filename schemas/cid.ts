import { z } from 'zod'

// A CIDv1 of a sha2-256 digest is 36 bytes, in base32 `b` and 58 characters. The first four bytes are fixed, so the text starts with
// `bafyrei` (dag-cbor, 0x71) or `bafkrei` (raw, 0x55); the last character carries three bits of digest, so only eight of the 32
// letters can end it. The patterns accept exactly one text for each digest.
const OBJECT = /^bafyrei[a-h][a-z2-7]{50}[aeimquy4]$/
const BLOB = /^bafkrei[a-h][a-z2-7]{50}[aeimquy4]$/
const EITHER = /^baf[yk]rei[a-h][a-z2-7]{50}[aeimquy4]$/

/** Content address of an object or of raw bytes. */
export const Cid = z
  .string()
  .regex(EITHER, 'expected a base32 CIDv1 with sha2-256, codec dag-cbor or raw')
  .brand<'Cid'>()
  .meta({
    id: 'Cid',
    description: 'CIDv1, base32, sha2-256, codec 0x71 (MIP-CBOR object) or 0x55 (raw bytes). MIP 4.2.',
  })
export type Cid = z.infer<typeof Cid>

/** Content address of a MIP-CBOR object. */
export const ObjectCid = z
  .string()
  .regex(OBJECT, 'expected a base32 CIDv1 with sha2-256, codec dag-cbor')
  .brand<'Cid'>()
  .meta({ id: 'ObjectCid', description: 'CIDv1, base32, sha2-256, codec 0x71 (MIP-CBOR object). MIP 4.2.' })

/** Content address of raw bytes. */
export const BlobCid = z
  .string()
  .regex(BLOB, 'expected a base32 CIDv1 with sha2-256, codec raw')
  .brand<'Cid'>()
  .meta({ id: 'BlobCid', description: 'CIDv1, base32, sha2-256, codec 0x55 (raw bytes). MIP 4.2.' })
