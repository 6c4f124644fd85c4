import { z } from 'zod'
import { canonicalString } from './canonical-text.ts'
import { ObjectCid } from './cid.ts'
import { Did } from './did.ts'
import { TAG_LENGTH_MAX, TITLE_LENGTH_MAX } from './limits.ts'
import {
  MIP_ADDRESS_LENGTH_MAX,
  MIP_CRITICAL_NAMES_MAX,
  MIP_OP_LENGTH_MAX,
  MIP_REPLICAS_MAX,
  MIP_TOPICS_MAX,
} from './limits-mip.ts'
import { CubeId } from './revision.ts'
import { TimestampMs } from './timestamp.ts'

/** Name of a log. Control operations of an organisation stand in `main`. */
export const LogName = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'expected [a-z][a-z0-9-]{0,62}')
export const MAIN_LOG = 'main'

const Sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'expected 32 bytes')
/** 32 bytes as unpadded base64url: 43 characters of which the last carries four bits. */
const Key32 = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, 'expected 32 bytes')
const count = z.int().nonnegative()
const Topics = z.array(canonicalString(TAG_LENGTH_MAX)).max(MIP_TOPICS_MAX)
const Kind = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'expected a snake_case word')

export const REVOCATION_REASONS = ['superseded', 'error', 'legal', 'compromised'] as const
/** `cube`: do not recall or serve it; `derived`: nor what was made from it. */
export const REVOCATION_SCOPES = ['cube', 'derived'] as const

const Rotation = {
  next: Sha256Hex.describe('sha2-256 of the public key that the next rotation will reveal.'),
  recovery: Did.optional().describe('May take the next rotation back for 72 hours.'),
}
const addresses = z.array(canonicalString(MIP_ADDRESS_LENGTH_MAX)).max(MIP_REPLICAS_MAX)

/** The `sum` of each known operation, as view (links and bytes are text). Unknown fields are dropped from the view, not from the bytes. */
export const ENTRY_SUMS = {
  'org.genesis': z.object({ ...Rotation, agreement: Key32.optional().describe('X25519 public key.') }),
  'org.rotate': z.object({ ...Rotation, root: Did }),
  'org.delegate': z.object({ delegation: ObjectCid.describe('The same as `body`.') }),
  'org.revoke-key': z.object({
    delegation: ObjectCid,
    lastSeq: z.int().min(-1).describe('Last place where it counts; -1 for nowhere.'),
    log: LogName.nullable().describe('null: every log that no other revocation of it names.'),
  }),
  'org.replicas': z.object({ urls: addresses, addrs: addresses }),
  'cube.publish': z.object({
    topics: Topics.optional(),
    title: canonicalString(TITLE_LENGTH_MAX).optional(),
    size: count.optional().describe('Bytes of the content, all blobs together.'),
    cube: CubeId.optional(),
    rev: z.int().positive().optional(),
    kinds: z.array(Kind).max(16).optional().describe('Kinds of the renditions.'),
    price: count.optional().describe('Millionths of a credit.'),
  }),
  'cube.revoke': z.object({
    cube: CubeId,
    fromRev: z.int().positive().optional(),
    reason: z.enum(REVOCATION_REASONS),
    scope: z.enum(REVOCATION_SCOPES),
  }),
  'log.resolve': z.object({ survivor: ObjectCid }),
} as const
export type EntryOp = keyof typeof ENTRY_SUMS
export type EntrySum<O extends EntryOp> = z.infer<(typeof ENTRY_SUMS)[O]>

/**
 * One entry of a log, as view: links and bytes are text. `sum` holds the arguments of the operation (ENTRY_SUMS); of an operation that is
 * not known here it is left as it is. Fields that are not known are kept in the bytes only (MIP 4.11).
 */
export const Entry = z
  .object({
    v: z.literal(1),
    org: Did,
    log: LogName,
    epoch: count,
    seq: count.describe('Place in the chain; goes on through epochs.'),
    prev: ObjectCid.nullable().describe('The entry before this one; null exactly for seq 0.'),
    ts: TimestampMs.describe('When it was written, as the writer tells it; never decides about order.'),
    op: z
      .string()
      .max(MIP_OP_LENGTH_MAX)
      .regex(/^[a-z]+(?:\.[a-z][a-z-]*)+$/, 'expected a dotted name'),
    key: Did.describe('Who signed.'),
    dlg: ObjectCid.nullable().describe('Delegation by which `key` may append; null for the root.'),
    body: ObjectCid.nullable(),
    sum: z.record(z.string(), z.unknown()),
    crit: z
      .array(z.string().max(MIP_OP_LENGTH_MAX))
      .min(1)
      .max(MIP_CRITICAL_NAMES_MAX)
      .optional()
      .describe('Names that a reader must understand; else it holds the entry.'),
  })
  .meta({ id: 'MipEntry', description: 'One entry of a log. MIP 4.2.' })
export type Entry = z.infer<typeof Entry>

/** Says where the log of an organisation ends, as view (MIP 4.3). */
export const Head = z
  .object({
    v: z.literal(1),
    org: Did,
    log: LogName,
    epoch: count,
    seq: count,
    cid: ObjectCid,
    ts: TimestampMs,
    key: Did.describe('Who signed; may append to this log.'),
    dlg: ObjectCid.nullable(),
  })
  .meta({ id: 'MipHead', description: 'Signed end of a log. MIP 4.3.' })
export type Head = z.infer<typeof Head>
