import { z } from 'zod'
import { canonicalString } from './canonical-text.ts'
import { ObjectCid } from './cid.ts'
import { Did } from './did.ts'
import { TAG_LENGTH_MAX } from './limits.ts'
import { MIP_TOPICS_MAX } from './limits-mip.ts'
import { LogName } from './mip-entry.ts'
import { TimestampMs } from './timestamp.ts'

/** Commands that this version gives a meaning. Others may be delegated and are of no use here. */
export const DELEGATION_COMMANDS = ['/mip/log/append', '/mip/serve'] as const
export type DelegationCommand = (typeof DELEGATION_COMMANDS)[number]

/** What limits a delegation. An unknown limit makes it unusable: dropping it would widen it. */
export const DelegationPolicy = z.strictObject({
  log: LogName.optional(),
  topics: z.array(canonicalString(TAG_LENGTH_MAX)).max(MIP_TOPICS_MAX).optional(),
  kinds: z.array(z.string().max(32)).max(16).optional().describe('Kinds of renditions.'),
  maxBytes: z.int().nonnegative().optional().describe('Largest `size` of a publication.'),
})
export type DelegationPolicy = z.infer<typeof DelegationPolicy>

/** Says that `aud` may do `cmd` in the name of `sub`, as view (links and bytes are text). */
export const Delegation = z
  .object({
    v: z.literal(1),
    iss: Did.describe('Who signs: a root of the organisation, or the audience of `prf`.'),
    aud: Did,
    sub: Did.describe('The organisation.'),
    cmd: z
      .string()
      .max(64)
      .regex(/^\/mip(?:\/[a-z-]+)+$/),
    pol: DelegationPolicy,
    nbf: TimestampMs.describe('Valid from here.'),
    exp: TimestampMs.describe('... until here (exclusive), at most 90 days later.'),
    nonce: z.string().regex(/^[A-Za-z0-9_-]{21}[AQgw]$/, 'expected 16 bytes'),
    prf: ObjectCid.nullable().describe('The delegation that this one comes from; null for one of the root.'),
  })
  .meta({ id: 'MipDelegation', description: 'A right that is passed on. MIP 4.1.' })
export type Delegation = z.infer<typeof Delegation>
