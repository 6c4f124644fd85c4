import type {
  mipDenied,
  mipEntries,
  mipErasures,
  mipIngested,
  mipLogs,
  mipMirrors,
  mipObjects,
  mipPeers,
  mipProofs,
  mipReceipts,
  mipServers,
  mipSubscriptions,
} from '../../../schemas/tables/mip.ts'

export type MipLogRow = typeof mipLogs.$inferSelect
export type MipEntryRow = typeof mipEntries.$inferSelect
export type MipObjectRow = typeof mipObjects.$inferSelect
export type MipPeerRow = typeof mipPeers.$inferSelect
export type MipSubscriptionRow = typeof mipSubscriptions.$inferSelect
export type MipIngestedRow = typeof mipIngested.$inferSelect
export type MipDeniedRow = typeof mipDenied.$inferSelect
export type MipMirrorRow = typeof mipMirrors.$inferSelect
export type MipServerRow = typeof mipServers.$inferSelect
export type MipErasureRow = typeof mipErasures.$inferSelect
export type MipReceiptRow = typeof mipReceipts.$inferSelect
export type MipProofRow = typeof mipProofs.$inferSelect

/** Place in a log; `seq` is -1 before the first entry. */
export interface LogPlace {
  epoch: number
  seq: number
}

/** Decisions on logs, peers and subscriptions. */
export type MipWrite =
  | { kind: 'insert_mip_log'; log: Omit<MipLogRow, 'orgId'> }
  | {
      /** Appends entries to a log and moves its head; expects that the head is where it was read. */
      kind: 'append_mip_entries'
      logId: number
      expected: LogPlace
      head: LogPlace & { cid: string; state: Record<string, unknown> }
      entries: readonly Omit<MipEntryRow, 'logId'>[]
      atMs: number
    }
  | {
      /** Expects that cubes which are published stand at the revisions that were read. */
      kind: 'expect_published_cubes'
      cubes: readonly { cubeId: string; revision: number }[]
    }
  | { kind: 'stop_mip_log'; logId: number; stopped: string | null; atMs: number }
  | { kind: 'put_mip_objects'; objects: readonly Omit<MipObjectRow, 'orgId'>[] }
  /** `cids`: of a cube only these. */
  | { kind: 'erase_mip_objects'; did: string; cube: string; cids?: readonly string[] }
  | { kind: 'put_mip_peer'; peer: Omit<MipPeerRow, 'orgId'> }
  | { kind: 'delete_mip_peer'; did: string }
  | { kind: 'strike_mip_peer'; did: string; atMs: number }
  | { kind: 'insert_mip_subscription'; subscription: Omit<MipSubscriptionRow, 'orgId'> }
  | {
      kind: 'set_mip_subscription'
      id: string
      changes: Partial<Pick<MipSubscriptionRow, 'state' | 'filter' | 'error' | 'attempts' | 'nextAtMs'>>
      atMs: number
    }
  | { kind: 'delete_mip_subscription'; id: string }
  | {
      /** Moves a subscription past entries whose effects are in the same batch; expects that it is where it was read. */
      kind: 'advance_mip_subscription'
      id: string
      expected: LogPlace
      to: LogPlace
      atMs: number
    }
  | { kind: 'put_mip_ingested'; rows: readonly Omit<MipIngestedRow, 'orgId'>[] }
  | { kind: 'deny_mip'; rows: readonly Omit<MipDeniedRow, 'orgId'>[] }
  | { kind: 'insert_mip_proof'; proof: Omit<MipProofRow, 'orgId'> }
  | {
      /** Expects that what is here of a foreign cube is what was read; `cid` null: nothing. */
      kind: 'expect_mip_ingested'
      subscriptionId: string
      cube: string
      cid: string | null
      state: MipIngestedRow['state'] | null
    }
  | {
      kind: 'strike_mip_mirror'
      did: string
      address: string
      reason: string
      restMs: number
      restMsMax: number
      /** Not where so many addresses of the publisher are struck already; absent: always. */
      strangersMax?: number
      atMs: number
    }
  /** What a revocation has erased here; the first that is written down of it stays. */
  | { kind: 'insert_mip_erasure'; erasure: Omit<MipErasureRow, 'orgId'> }
  | {
      kind: 'set_mip_erasure'
      revoke: string
      changes: Partial<Pick<MipErasureRow, 'receipt' | 'answer' | 'attempts' | 'nextAtMs'>>
    }
  /** One of each organisation; of those that are not named as peers only so many for each revocation. */
  | { kind: 'insert_mip_receipt'; receipt: Omit<MipReceiptRow, 'orgId'>; strangersMax: number }
  /** A node that speaks for a publisher; those whose right has ended make room. */
  | { kind: 'put_mip_server'; server: Omit<MipServerRow, 'orgId'>; serversMax: number }
  | {
      /** Takes entries after a place out of a log and moves its head there; expects that the head is where it was read. */
      kind: 'rewind_mip_log'
      logId: number
      expected: LogPlace
      head: LogPlace & { cid: string | null; state: Record<string, unknown> }
      atMs: number
    }
  | {
      /** Takes back what revocations at some places of a log closed, and that a cube is closed by that log. */
      kind: 'allow_mip'
      did: string
      log: string
      seqs: readonly number[]
      cube: string
    }
  /** One tier down, and a strike, unless a proof about this log is there already. Goes before the proof. */
  | { kind: 'lower_mip_peer'; did: string; log: string; atMs: number }
  /** Entries and objects of a publisher that no subscription needs any more. Goes after the subscription. */
  | { kind: 'forget_mip_logs'; did: string }
  /** Marks cubes that were made from a revoked one: `metadata.revokedSource`. */
  | { kind: 'mark_derived'; cubeIds: readonly string[]; mark: string }
  /** Takes such marks away again, where they are these. */
  | { kind: 'unmark_derived'; cubeIds: readonly string[]; mark: string }
