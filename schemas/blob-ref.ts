import { z } from 'zod'
import { Cid } from './cid.ts'

/** sha2-256 digest as 64 lower-case hex digits. */
export const Sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits')

/**
 * Bytes outside the object. A raw CID already is the digest of the bytes; the CID of a chunk manifest (MIP 4.7) is not, so there the
 * digest of the whole stands beside it. One way to say each: `sha256` is present exactly with a manifest.
 */
export const BlobRef = z
  .strictObject({
    cid: Cid.describe('Raw CID of the bytes, or CID of their chunk manifest.'),
    bytes: z
      .int()
      .nonnegative()
      .describe('Size of the content; quota is reserved from it before the first byte is fetched.'),
    sha256: Sha256Hex.optional().describe('Digest of the whole content; present exactly when `cid` names a manifest.'),
  })
  .refine((ref) => ref.cid.startsWith('bafyrei') === (ref.sha256 !== undefined), {
    path: ['sha256'],
    message: 'expected exactly when cid names a manifest',
  })
  .meta({ id: 'BlobRef', description: 'Content-addressed bytes outside the object. MIP 4.7.' })
export type BlobRef = z.infer<typeof BlobRef>
