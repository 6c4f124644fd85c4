import { sql } from 'drizzle-orm'
import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** Which organisation of this deployment an identity (did:key) belongs to. In the default database, so that its log is found without a key. */
export const mipIdentities = sqliteTable('mip_identities', {
  did: text().primaryKey(),
  orgId: text().notNull().unique(),
  createdAtMs: integer().notNull(),
})

/** Signed logs that an organisation writes or follows (MIP 4.3). The row is the cursor: it moves in the batch of what it stands for. */
export const mipLogs = sqliteTable(
  'mip_logs',
  {
    /** Random, so that an organisation moves to another database without renumbering. */
    id: integer().primaryKey(),
    orgId: text().notNull(),
    /** Identity of the publisher. */
    did: text().notNull(),
    log: text().notNull(),
    role: text({ enum: ['own', 'followed'] }).notNull(),
    epoch: integer().notNull(),
    /** Number of the last entry; -1 before the first. */
    seq: integer().notNull(),
    headCid: text(),
    /** What the entries so far say about keys and delegations (`LogState` of protocol/core). */
    state: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    /** Why nothing further is taken in, as a code; null while it goes on. */
    stopped: text(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [uniqueIndex('mip_logs_identity').on(t.orgId, t.did, t.log), index('mip_logs_role').on(t.orgId, t.role)],
)

/** Entries as they were signed. */
export const mipEntries = sqliteTable(
  'mip_entries',
  {
    logId: integer().notNull(),
    epoch: integer().notNull(),
    seq: integer().notNull(),
    cid: text().notNull(),
    bytes: blob({ mode: 'buffer' }).notNull(),
    signature: blob({ mode: 'buffer' }).notNull(),
    op: text().notNull(),
    /** The publisher's id of the cube that the entry is about. */
    cube: text(),
    bodyCid: text(),
    /** What the publisher says the time was; advisory. */
    ts: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.logId, t.epoch, t.seq] }), index('mip_entries_cube').on(t.logId, t.cube)],
)

/** Small objects that entries name: revisions, delegations, manifests, short texts. Served to whoever asks by address. */
export const mipObjects = sqliteTable(
  'mip_objects',
  {
    orgId: text().notNull(),
    cid: text().notNull(),
    /** Identity whose log named it. */
    did: text().notNull(),
    /** The publisher's id of the cube it belongs to: revoking the cube erases it. Empty: of no cube. What several cubes name has a row for each. */
    cube: text().notNull(),
    /** The cube of ours that a redacted copy was made from: erasing it erases the copy. Empty: of none. */
    source: text().notNull(),
    bytes: blob({ mode: 'buffer' }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.cid, t.did, t.cube] }),
    index('mip_objects_cid').on(t.cid),
    index('mip_objects_cube').on(t.orgId, t.did, t.cube),
    index('mip_objects_source').on(t.orgId, t.did, t.source).where(sql`source != ''`),
  ],
)

/** What an organisation thinks of another one (MIP 4.8). Without a row: unknown. */
export const mipPeers = sqliteTable(
  'mip_peers',
  {
    orgId: text().notNull(),
    did: text().notNull(),
    name: text(),
    tier: text({ enum: ['blocked', 'unknown', 'known', 'trusted'] }).notNull(),
    /** Where its log may be had: https URLs and multiaddrs. */
    addresses: text({ mode: 'json' }).$type<string[]>().notNull(),
    strikes: integer().notNull(),
    createdAtMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.did] })],
)

/** Addresses that a log was asked for at and that withheld or falsified something (MIP 4.12). */
export const mipMirrors = sqliteTable(
  'mip_mirrors',
  {
    orgId: text().notNull(),
    /** Identity whose log it was to serve. */
    did: text().notNull(),
    address: text().notNull(),
    strikes: integer().notNull(),
    /** Why it was struck last, as a code. */
    reason: text().notNull(),
    /** Until then others are asked first. */
    restUntilMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.did, t.address] })],
)

/** Nodes that have shown that they speak for a publisher (MIP 4.5): what they serve of it is asked for first. */
export const mipServers = sqliteTable(
  'mip_servers',
  {
    orgId: text().notNull(),
    /** Organisation that the node speaks for. */
    did: text().notNull(),
    peerId: text().notNull(),
    /** Addresses of the delegation and of those it comes from, the leaf first. */
    chain: text({ mode: 'json' }).$type<string[]>().notNull(),
    /** Root that stands behind it: when another one takes over it counts no longer. */
    root: text().notNull(),
    expMs: integer().notNull(),
    atMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.did, t.peerId] })],
)

/** Logs that an organisation takes cubes from, and where it has come to (MIP 4.3). */
export const mipSubscriptions = sqliteTable(
  'mip_subscriptions',
  {
    id: text().primaryKey(),
    orgId: text().notNull(),
    did: text().notNull(),
    log: text().notNull(),
    /** Which cubes are wanted; empty: all. */
    filter: text({ mode: 'json' }).$type<Record<string, unknown>>().notNull(),
    /** Where they land: a namespace of the subscription alone. */
    namespaceId: integer().notNull(),
    state: text({ enum: ['active', 'paused', 'stopped'] }).notNull(),
    /** Last entry whose effect is applied; moves in the batch of the effect. */
    epoch: integer().notNull(),
    seq: integer().notNull(),
    error: text(),
    attempts: integer().notNull(),
    nextAtMs: integer().notNull(),
    /** Whether every signature is verified, or the last of each run by one key (MIP 4.3). */
    verify: text({ enum: ['strict', 'head'] })
      .notNull()
      .default('strict'),
    createdBy: text().notNull(),
    createdAtMs: integer().notNull(),
    updatedAtMs: integer().notNull(),
  },
  (t) => [
    index('mip_subscriptions_org').on(t.orgId, t.did, t.log),
    index('mip_subscriptions_due').on(t.state, t.nextAtMs),
    index('mip_subscriptions_namespace').on(t.namespaceId),
  ],
)

/** Foreign cubes and what became of them here. */
export const mipIngested = sqliteTable(
  'mip_ingested',
  {
    orgId: text().notNull(),
    subscriptionId: text().notNull(),
    did: text().notNull(),
    /** The publisher's id of the cube. */
    cube: text().notNull(),
    /** Number and address of its latest revision that was taken in. */
    number: integer().notNull(),
    cid: text().notNull(),
    /** The cube of ours that holds it; null while only its header is known. */
    cubeId: text(),
    namespaceId: integer().notNull(),
    state: text({ enum: ['header', 'quarantined', 'ingested', 'revoked', 'refused'] }).notNull(),
    /** Why it stands as it does, as a code; null where there is nothing to say. */
    reason: text(),
    atMs: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.subscriptionId, t.cube] }),
    index('mip_ingested_cid').on(t.orgId, t.cid),
    index('mip_ingested_cube').on(t.namespaceId, t.cubeId),
    index('mip_ingested_origin').on(t.orgId, t.did, t.cube),
  ],
)

/** What must not be taken in again: revoked revisions and cubes (MIP 4.9). */
export const mipDenied = sqliteTable(
  'mip_denied',
  {
    orgId: text().notNull(),
    did: text().notNull(),
    /** A revision's address, or the publisher's id of a cube. */
    subject: text().notNull(),
    /** Of a cube: its first revision that is closed. */
    fromRev: integer().notNull().default(1),
    /** The log and the place of the revocation; empty and -1 where a person here decided. */
    log: text().notNull().default(''),
    seq: integer().notNull().default(-1),
    reason: text().notNull(),
    atMs: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.did, t.subject] }),
    index('mip_denied_revocation').on(t.orgId, t.did, t.log, t.seq),
  ],
)

/** Proofs that a publisher has signed two entries for one place (MIP 4.3). */
export const mipProofs = sqliteTable(
  'mip_proofs',
  {
    orgId: text().notNull(),
    cid: text().notNull(),
    did: text().notNull(),
    log: text().notNull(),
    epoch: integer().notNull(),
    seq: integer().notNull(),
    bytes: blob({ mode: 'buffer' }).notNull(),
    atMs: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.cid] }), index('mip_proofs_log').on(t.orgId, t.did, t.log)],
)

/** Revoked cubes of others that were erased here because the law asked for it, and what is said of that (MIP 4.9). */
export const mipErasures = sqliteTable(
  'mip_erasures',
  {
    orgId: text().notNull(),
    /** The revocation: its entry, and where it stands in the log of its publisher. */
    revoke: text().notNull(),
    did: text().notNull(),
    log: text().notNull(),
    epoch: integer().notNull(),
    seq: integer().notNull(),
    cube: text().notNull(),
    /** Numbers of the revisions that were here. */
    revisions: text({ mode: 'json' }).$type<number[]>().notNull(),
    cubes: integer().notNull(),
    renditions: integer().notNull(),
    blobs: integer().notNull(),
    /** Keys of blobs that have to be gone before anything is signed. */
    blobKeys: text({ mode: 'json' }).$type<string[]>().notNull(),
    /** The signed receipt as a wire; null until the blobs are gone. */
    receipt: blob({ mode: 'buffer' }),
    /** What its publisher said, or that there is nobody to sign; null while it is on its way. */
    answer: text({ enum: ['accepted', 'known', 'refused', 'unsigned'] }),
    attempts: integer().notNull(),
    nextAtMs: integer().notNull(),
    atMs: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.revoke] }),
    index('mip_erasures_due').on(t.nextAtMs).where(sql`answer is null`),
  ],
)

/** Signed receipts of organisations that have erased a cube of ours (MIP 4.9). */
export const mipReceipts = sqliteTable(
  'mip_receipts',
  {
    orgId: text().notNull(),
    /** Entry of the revocation, and the cube that it is about. */
    revoke: text().notNull(),
    cube: text().notNull(),
    /** Organisation that has erased it. */
    did: text().notNull(),
    cid: text().notNull(),
    receipt: blob({ mode: 'buffer' }).notNull(),
    /** Time that the receipt names, and when it came. */
    erasedAtMs: integer().notNull(),
    atMs: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.revoke, t.did] }),
    index('mip_receipts_cube').on(t.orgId, t.cube, t.revoke, t.did),
  ],
)
