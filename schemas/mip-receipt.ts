import { z } from 'zod'
import { ObjectCid } from './cid.ts'
import { PageQuery } from './common.ts'
import { Did } from './did.ts'
import { MIP_RECEIPT_REVISIONS_MAX } from './limits-mip.ts'
import { LogName } from './mip-entry.ts'
import { CubeId } from './revision.ts'
import { TimestampMs } from './timestamp.ts'

const count = z.int().nonnegative()

/** Where a revocation stands, and what was here of it. */
const Erased = {
  revoke: ObjectCid.describe('The entry that revokes.'),
  log: LogName,
  epoch: count,
  seq: count,
  cube: CubeId,
  revisions: z
    .array(z.int().positive())
    .max(MIP_RECEIPT_REVISIONS_MAX)
    .describe('Numbers of the revisions that were here.'),
  cubes: count.describe('Memories that were erased.'),
  renditions: count.describe('Renditions of these revisions.'),
  blobs: count.describe('Blobs that were erased.'),
}

/** Says that an organisation has erased what another one revoked, as view (MIP 4.9). */
export const EraseReceipt = z
  .object({
    v: z.literal(1),
    org: Did.describe('Who has erased.'),
    of: Did.describe('Whose log it was.'),
    ...Erased,
    ts: TimestampMs.describe('When it was gone.'),
    key: Did.describe('Who signed; may append to logs of `org`.'),
    dlg: ObjectCid.nullable(),
  })
  .meta({ id: 'MipEraseReceipt', description: 'Signed receipt of an erasure. MIP 4.9.' })
export type EraseReceipt = z.infer<typeof EraseReceipt>

const stamp = z.iso.datetime()

export const ReceiptQuery = PageQuery.extend({ cube: CubeId.optional() })

/** A receipt that another organisation has sent. */
export const ReceivedReceipt = z
  .strictObject({
    ...Erased,
    org: Did.describe('Who has erased.'),
    erasedAt: stamp,
    receivedAt: stamp,
    receipt: z.string().describe('The signed bytes, base64url.'),
  })
  .meta({ id: 'ReceivedReceipt', description: 'Another organisation has erased what was revoked here. MIP 4.9.' })

export const ERASURE_ANSWERS = ['accepted', 'known', 'refused', 'unsigned'] as const

/** What was erased here because another organisation asked for it by law. */
export const MipErasure = z
  .strictObject({
    ...Erased,
    of: Did.describe('Whose it was.'),
    at: stamp,
    answer: z
      .enum(ERASURE_ANSWERS)
      .nullable()
      .describe('What its publisher said to the receipt; unsigned: there is no identity to sign with; null: not yet.'),
    attempts: count,
  })
  .meta({ id: 'MipErasure', description: 'A revocation for legal reasons that was carried out here. MIP 4.9.' })
