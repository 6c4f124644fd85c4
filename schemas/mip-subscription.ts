import { z } from 'zod'
import { ObjectCid } from './cid.ts'
import { NamespaceName, Tag } from './common.ts'
import { Did } from './did.ts'
import { NAME_LENGTH_MAX } from './limits.ts'
import { MIP_ADDRESS_LENGTH_MAX, MIP_FILTER_QUERY_LENGTH_MAX, MIP_REPLICAS_MAX } from './limits-mip.ts'
import { LogName, MAIN_LOG } from './mip-entry.ts'
import { CubeId } from './revision.ts'

const stamp = z.iso.datetime()
const DID_EXAMPLE = 'did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3'

export const PEER_TIERS = ['blocked', 'unknown', 'known', 'trusted'] as const
export const PeerTier = z.enum(PEER_TIERS).meta({
  id: 'PeerTier',
  description:
    'blocked: nothing is read; unknown: text waits in quarantine; known: screened text is taken in; trusted: renditions for models too. MIP 4.8.',
})
export type PeerTier = z.infer<typeof PeerTier>

/** Where a log may be had: the base URL of a mirror, or a multiaddr of a peer. */
export const PeerAddress = z
  .string()
  .max(MIP_ADDRESS_LENGTH_MAX)
  .regex(/^(?:https?:\/\/|\/)[^\s\p{Cc}]+$/u, 'expected a URL or a multiaddr')
  .meta({ id: 'PeerAddress', examples: ['https://mirror.example.org'] })
const Addresses = z.array(PeerAddress).max(MIP_REPLICAS_MAX)

const MirrorStrikes = z.strictObject({
  address: z.string(),
  strikes: z.int(),
  reason: z.string().meta({ description: 'Why it was struck last.' }),
  restsUntil: stamp.meta({ description: 'Until then others are asked first.' }),
})

export const MipPeer = z
  .strictObject({
    did: Did,
    name: z.string().nullable(),
    tier: PeerTier,
    addresses: z.array(z.string()),
    strikes: z
      .int()
      .meta({ description: 'What was proven of the publisher itself, such as two entries for one place.' }),
    nodes: z
      .array(z.strictObject({ peerId: z.string(), until: stamp }))
      .meta({ description: 'Nodes that have shown a delegation of it by which they serve in its name.' }),
    mirrors: z.array(MirrorStrikes).meta({ description: 'Addresses that withheld or falsified something.' }),
    createdAt: stamp,
    updatedAt: stamp,
  })
  .meta({ id: 'MipPeer', description: 'What the organisation thinks of another one. MIP 4.8.' })

export const SetMipPeer = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(NAME_LENGTH_MAX)
      .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'no control characters')
      .nullable()
      .default(null),
    tier: PeerTier,
    addresses: Addresses.default([]),
  })
  .meta({
    id: 'SetMipPeer',
    examples: [{ name: 'Harbour office', tier: 'known', addresses: ['https://mirror.example.org'] }],
  })

/** Which published cubes are wanted. All conditions must hold; none: everything. */
export const SubscriptionFilter = z
  .strictObject({
    topics: z.array(Tag).min(1).max(32).optional().meta({ description: 'One of them is a topic of the cube.' }),
    kinds: z
      .array(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'expected a snake_case word'))
      .min(1)
      .max(16)
      .optional()
      .meta({ description: 'The cube has a rendition of one of these kinds.' }),
    text: z
      .strictObject({
        query: z.string().min(1).max(MIP_FILTER_QUERY_LENGTH_MAX),
        minScore: z.number().min(0).max(1).default(0.5),
      })
      .optional()
      .meta({
        description:
          'The text must be about this: share of the words of the query that it has, or the cosine of both vectors where a model embeds here, whichever is higher.',
      }),
  })
  .meta({
    id: 'SubscriptionFilter',
    examples: [{ topics: ['ports'], text: { query: 'ferry timetable', minScore: 0.5 } }],
  })
export type SubscriptionFilter = z.infer<typeof SubscriptionFilter>

export const VerifyMode = z.enum(['strict', 'head']).meta({
  id: 'VerifyMode',
  description:
    'strict: every signature; head: the last one of each run by one key, the chain commits it to the rest. MIP 4.3.',
})

const Place = z.strictObject({ epoch: z.int(), seq: z.int().meta({ description: '-1 before the first entry.' }) })

export const MipSubscription = z
  .strictObject({
    id: z.string(),
    did: Did,
    log: LogName,
    filter: SubscriptionFilter,
    namespace: NamespaceName.meta({ description: 'Where its cubes are; nobody else writes there.' }),
    verify: VerifyMode,
    state: z.enum(['active', 'paused', 'stopped']),
    applied: Place.meta({ description: 'Last entry whose effect is here.' }),
    read: Place.meta({ description: 'Last entry of the log that was verified and kept.' }),
    error: z.string().nullable().meta({ description: 'Why the last pull did not come to its end, as a code.' }),
    attempts: z.int(),
    nextAt: stamp,
    createdAt: stamp,
    updatedAt: stamp,
  })
  .meta({ id: 'MipSubscription', description: 'A log of another organisation that is followed. MIP 4.3.' })

export const CreateMipSubscription = z
  .strictObject({
    did: Did,
    log: LogName.default(MAIN_LOG),
    filter: SubscriptionFilter.default({}),
    namespace: NamespaceName.optional().meta({ description: 'A new one; derived from the publisher when absent.' }),
    addresses: Addresses.default([]).meta({ description: 'Added to those known of the publisher.' }),
    verify: VerifyMode.default('strict'),
  })
  .meta({
    id: 'CreateMipSubscription',
    examples: [{ did: DID_EXAMPLE, filter: { topics: ['ports'] }, addresses: ['https://mirror.example.org'] }],
  })

export const UpdateMipSubscription = z
  .strictObject({
    state: z.enum(['active', 'paused']).optional(),
    filter: SubscriptionFilter.optional().meta({ description: 'Holds for what is read from now on.' }),
  })
  .refine((change) => Object.keys(change).length > 0, 'at least one field to change')
  .meta({ id: 'UpdateMipSubscription', examples: [{ state: 'paused' }] })

const count = z.int().nonnegative()
export const CatchUpReport = z
  .strictObject({
    verified: count.meta({ description: 'Entries that were verified and kept.' }),
    applied: count.meta({ description: 'Entries whose effect is here now.' }),
    ingested: count,
    updated: count,
    quarantined: count,
    revoked: count,
    refused: count.meta({ description: 'Kept out by licence, by an earlier revocation, or as unreadable.' }),
    filtered: count.meta({ description: 'Not wanted by the filter.' }),
    atEnd: z.boolean().meta({ description: 'Nothing further is known of the log.' }),
    error: z.string().nullable(),
  })
  .meta({ id: 'CatchUpReport' })
export type CatchUpReport = z.infer<typeof CatchUpReport>

/** What an import of a log archive did, over all subscriptions of the log. */
export const MipArchiveReport = CatchUpReport.extend({
  org: Did,
  log: LogName,
  entries: count.meta({ description: 'Entries of the archive that were read.' }),
}).meta({ id: 'MipArchiveReport' })
export type MipArchiveReport = z.infer<typeof MipArchiveReport>

export const QuarantinedCube = z
  .strictObject({
    id: z.string().meta({ description: 'Subscription and cube: SUBSCRIPTION.CUBE' }),
    subscription: z.string(),
    did: Did,
    cube: CubeId.meta({ description: "The publisher's id." }),
    revision: z.int(),
    cid: ObjectCid,
    namespace: NamespaceName,
    reason: z.string().meta({ description: 'unknown_publisher, or what screening found.' }),
    title: z.string().nullable(),
    text: z.string().nullable().meta({ description: 'Null where it is a blob: it is fetched on approval.' }),
    at: stamp,
  })
  .meta({ id: 'QuarantinedCube', description: 'Foreign memory that waits for a decision. No search finds it.' })

export const QuarantineDecision = z
  .strictObject({ id: z.string(), state: z.enum(['ingested', 'refused']), cubeId: CubeId.nullable() })
  .meta({ id: 'QuarantineDecision' })
