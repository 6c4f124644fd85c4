import { z } from 'zod'
import { canonicalString } from './canonical-text.ts'
import { ObjectCid } from './cid.ts'
import { NamespaceName } from './common.ts'
import { Did } from './did.ts'
import { Filter } from './filter.ts'
import { CURSOR_LENGTH_MAX, TAG_LENGTH_MAX } from './limits.ts'
import {
  MIP_ENTRIES_PER_CALL_MAX,
  MIP_PUBLISH_CUBES_MAX,
  MIP_TOPICS_MAX,
  MIP_WIRE_TEXT_LENGTH_MAX,
} from './limits-mip.ts'
import { LogName, MAIN_LOG, REVOCATION_REASONS, REVOCATION_SCOPES } from './mip-entry.ts'
import { CubeId } from './revision.ts'

/** The log that memory is published to where no other is named. */
export const MEMORY_LOG = 'memory'

const Wire = z
  .string()
  .min(4)
  .max(MIP_WIRE_TEXT_LENGTH_MAX)
  .regex(/^[A-Za-z0-9_-]+$/, 'expected base64url without padding')
  .meta({ description: 'Signed bytes, `[bytes, signature]` as MIP-CBOR, in base64url without padding.' })

/** Entries that were signed elsewhere: the root key never comes here. */
export const MipEntries = z
  .strictObject({
    entries: z.array(Wire).min(1).max(MIP_ENTRIES_PER_CALL_MAX).describe('Entries of one log, in its order.'),
    delegations: z.array(Wire).max(MIP_ENTRIES_PER_CALL_MAX).default([]).describe('The delegations that they name.'),
  })
  .meta({ id: 'MipEntries', examples: [{ entries: ['glkBAA'], delegations: ['glkBAA'] }] })

/** Where a log of ours stands. */
const OwnLog = z.object({
  log: LogName,
  epoch: z.int(),
  seq: z.int().describe('Number of the last entry.'),
  cid: ObjectCid.nullable(),
  stopped: z.string().nullable().describe('Why nothing further is appended, as a code.'),
})

/** Who an organisation is among peers, and by which keys. */
export const MipIdentity = z
  .object({
    org: Did.nullable().describe('Identity of the organisation; null until `memos org init` has made one.'),
    root: Did.nullable().describe('The root key that signs now.'),
    publishingKey: Did.describe('The key of this deployment that appends once the root has delegated it.'),
    nodeKey: Did.describe('The key of the libp2p node of this deployment.'),
    peerId: z
      .string()
      .describe('Its PeerId, which ends the multiaddrs of this deployment: /ip4/…/tcp/…/ws/p2p/PEERID.'),
    delegations: z.array(
      z.object({
        address: ObjectCid,
        key: Did,
        command: z
          .string()
          .describe('/mip/log/append: it may publish; /mip/serve: the node speaks for the organisation.'),
        log: LogName.nullable().describe('The only log that it may append to; null: every one.'),
        expiresAt: z.iso.datetime(),
        revoked: z.boolean(),
      }),
    ),
    logs: z.array(OwnLog),
    limits: z.object({ delegationMs: z.int(), entries: z.int() }),
  })
  .meta({ id: 'MipIdentity' })
export type MipIdentity = z.infer<typeof MipIdentity>

const PublicLog = LogName.refine(
  (name) => name !== MAIN_LOG,
  'expected another log: `main` is for who speaks for the organisation',
)

export const PublishMemories = z
  .strictObject({
    cubeIds: z.array(CubeId).min(1).max(MIP_PUBLISH_CUBES_MAX).optional(),
    namespace: NamespaceName.optional().describe('All of its cubes, newest first; with `filter` some of them.'),
    filter: Filter.optional(),
    cursor: z.string().max(CURSOR_LENGTH_MAX).optional().describe('`nextCursor` of the answer before.'),
    log: PublicLog.default(MEMORY_LOG),
    topics: z
      .array(canonicalString(TAG_LENGTH_MAX))
      .max(MIP_TOPICS_MAX)
      .default([])
      .describe('Beside the tags of each cube.'),
    allow: z
      .array(z.enum(['personal', 'secret']))
      .max(2)
      .default([])
      .describe('Sensitive cubes that go out as they are.'),
    redact: z.boolean().default(false).describe('Sensitive cubes go out as copies without their sensitive passages.'),
  })
  .refine((body) => (body.cubeIds === undefined) !== (body.namespace === undefined), {
    path: ['cubeIds'],
    message: 'expected either cubeIds or namespace',
  })
  .refine((body) => body.namespace !== undefined || (body.filter === undefined && body.cursor === undefined), {
    path: ['namespace'],
    message: 'expected with filter and cursor',
  })
  .meta({
    id: 'PublishMemories',
    examples: [
      { cubeIds: ['01K6ZQ4T2V3W5X7Y9A1B3C5D7E'], topics: ['ports'] },
      { namespace: 'handbook', log: 'handbook', redact: true },
    ],
  })
export type PublishMemories = z.infer<typeof PublishMemories>

export const PUBLISH_OUTCOMES = ['published', 'unchanged', 'refused'] as const
/** Why a cube did not go out. */
export const PUBLISH_REFUSALS = ['personal', 'secret', 'not_redactable', 'revoked', 'licence', 'damaged'] as const
export type PublishRefusal = (typeof PUBLISH_REFUSALS)[number]

const Item = z.object({
  cubeId: CubeId,
  publishedAs: CubeId.describe('The same, or the id of the redacted copy.'),
  outcome: z.enum(PUBLISH_OUTCOMES),
  reason: z.enum(PUBLISH_REFUSALS).optional(),
  cid: ObjectCid.nullable().describe('The revision that peers are served.'),
  seq: z.int().nullable().describe('Its entry, where this request wrote one.'),
})
export type PublishItem = z.infer<typeof Item>

export const Published = z
  .object({
    org: Did,
    log: LogName,
    epoch: z.int(),
    seq: z.int().describe('The last entry now; -1 while there is none.'),
    items: z.array(Item),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'Published' })
export type Published = z.infer<typeof Published>

export const RevokePublished = z
  .strictObject({
    cubeIds: z.array(CubeId).min(1).max(MIP_PUBLISH_CUBES_MAX).describe('As they were published.'),
    log: PublicLog.default(MEMORY_LOG),
    reason: z.enum(REVOCATION_REASONS),
    scope: z.enum(REVOCATION_SCOPES).default('cube'),
  })
  .meta({ id: 'RevokePublished', examples: [{ cubeIds: ['01K6ZQ4T2V3W5X7Y9A1B3C5D7E'], reason: 'error' }] })
export type RevokePublished = z.infer<typeof RevokePublished>

export const Revoked = z
  .object({
    org: Did,
    log: LogName,
    epoch: z.int(),
    seq: z.int(),
    revoked: z.array(CubeId),
    unchanged: z.array(CubeId).describe('Revoked before.'),
  })
  .meta({ id: 'RevokedCubes' })
export type Revoked = z.infer<typeof Revoked>
