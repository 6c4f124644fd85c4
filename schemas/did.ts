import { z } from 'zod'

/**
 * A did:key of an Ed25519 public key: base58btc of 0xed 0x01 and 32 bytes. Those two bytes make every text start with `z6Mk` and be 48
 * characters long (did:key method, W3C CCG). protocol/core/keys.ts decodes it.
 */
export const Did = z
  .string()
  .regex(/^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$/, 'expected a did:key of an Ed25519 key')
  .brand<'Did'>()
  .meta({ id: 'Did', description: 'did:key of an Ed25519 public key. MIP 4.1.' })
export type Did = z.infer<typeof Did>
