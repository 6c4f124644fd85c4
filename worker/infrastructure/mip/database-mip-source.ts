import { keyOfDid, peerIdOfKey } from '../../../protocol/core/keys.ts'
import type { LogState } from '../../../protocol/core/log-state.ts'
import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import { type ReconItem, ReconSet } from '../../../protocol/core/negentropy.ts'
import { ReconError } from '../../../protocol/core/negentropy-codec.ts'
import type {
  BlobPart,
  BlobRange,
  LogName,
  LogPage,
  LogRange,
  MipHello,
  ProofAnswer,
  ReceiptOffer,
  ReconRequest,
  ServingAnswer,
  SignedBytes,
} from '../../../protocol/core/wire-types.ts'
import type { MipServeOptions, MipSource } from '../../../protocol/host/mip-source.ts'
import type { Cid } from '../../../schemas/cid.ts'
import {
  MIP_BLOB_RANGE_BYTES_MAX,
  MIP_HELLO_HEADS_MAX,
  MIP_HELLO_KEPT_MS,
  MIP_LOG_PAGE_ENTRIES_MAX,
  MIP_RECON_ITEMS_MAX,
} from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { LogEnds } from '../../ports/mip.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { Signer } from '../../ports/signer.ts'
import type { LogPlace, MipLogRow } from '../../ports/writes/mip.ts'
import type { MemVault, OrgVault } from '../vault/mem-vault.ts'
import { signBeacon } from './head-beacon.ts'
import type { IdentityDirectory } from './identity-directory.ts'
import { LogRows } from './log-rows.ts'
import type { ProofDesk } from './proof-desk.ts'
import type { ReceiptDesk } from './receipt-desk.ts'
import { servedLogs } from './served-logs.ts'
import { isObject, type ServedObject, servedObjects } from './served-objects.ts'
import type { ServingDesk } from './serving-desk.ts'

/** Parts of the protocol that are optional and spoken here. */
const FEATURES = ['http', 'proof', 'receipt', 'recon', 'tail'] as const

/** Beacons that are kept. */
const BEACONS_MAX = 1000

export interface DatabaseMipSourceComponents {
  vault: MemVault
  blobs: BlobStore
  identities: IdentityDirectory
  proofs: ProofDesk
  receipts: ReceiptDesk
  serving: ServingDesk
  signer: Signer | null
  runtime: Runtime
}

/** A log as it is served: its row, and the organisation in whose vault it lies. */
interface ServedLog {
  vault: OrgVault
  row: MipLogRow
}

/**
 * What this deployment serves to peers, read from the database at every call: the logs that its organisations write, and with `mirrors` also
 * those they follow. Bytes go out as they came in.
 */
export class DatabaseMipSource implements MipSource, LogEnds {
  readonly #components: DatabaseMipSourceComponents
  readonly #mirrors: boolean
  readonly #beacons = new Map<number, { atMs: number; headCid: string | null; beacon: SignedBytes | null }>()
  #hello: { atMs: number; hello: Promise<MipHello> } | null = null

  constructor(components: DatabaseMipSourceComponents, { mirrors }: { mirrors: boolean }) {
    this.#components = components
    this.#mirrors = mirrors
  }

  /** The same for every caller, and for a moment the same for all: its cost grows with the number of organisations. */
  hello(_: MipHello | null, __: MipServeOptions): Promise<MipHello> {
    const nowMs = this.#components.runtime.nowMs()
    if (this.#hello === null || Math.abs(nowMs - this.#hello.atMs) > MIP_HELLO_KEPT_MS) {
      const hello = this.#newHello(nowMs)
      this.#hello = { atMs: nowMs, hello }
      hello.catch(() => {
        this.#hello = null
      })
    }
    return this.#hello.hello
  }

  async #newHello(nowMs: number): Promise<MipHello> {
    const { identities, vault, signer } = this.#components
    const heads: SignedBytes[] = []
    const peerId = signer && peerIdOfKey(keyOfDid(await signer.node()))
    let delegation: SignedBytes | null = null
    for (const { did, orgId } of await identities.all()) {
      const rows = new LogRows(await vault.of(orgId, nowMs))
      const logs = await rows.own()
      // A node says one organisation that it speaks for: the oldest that lets it.
      if (peerId !== null) delegation ??= await this.#delegation(rows, logs, did, peerId)
      for (const row of logs) {
        if (heads.length === MIP_HELLO_HEADS_MAX) break
        const head = await signBeacon(row, { signer, orgId, nowMs, logs })
        if (head !== null) heads.push(head)
      }
    }
    return { versions: [1], features: [...FEATURES], heads, ...(delegation && { delegation }) }
  }

  async #delegation(rows: LogRows, logs: readonly MipLogRow[], did: string, peerId: string) {
    const main = logs.find(({ log }) => log === MAIN_LOG)
    const authority = main === undefined ? null : (main.state as unknown as LogState).authority
    return authority === null ? null : this.#components.serving.own(rows, authority, did, peerId)
  }

  /** Only a connection that proves a key says who presents: over HTTP anybody can copy a hello. */
  async presented(delegation: SignedBytes, { caller }: MipServeOptions): Promise<ServingAnswer> {
    if (caller.peerId === undefined) return { outcome: 'unknown', reason: null }
    return this.#components.serving.judge(delegation, caller.peerId)
  }

  async readLog({ org, log, from, limit }: LogRange, _: MipServeOptions): Promise<LogPage | null> {
    const served = await this.#find({ org, log })
    if (served === null) return null
    const rows = new LogRows(served.vault)
    const entries = await rows.page(served.row, from, Math.min(limit, MIP_LOG_PAGE_ENTRIES_MAX))
    return { entries, head: await this.#headOf(served) }
  }

  async head(name: LogName, _: MipServeOptions): Promise<SignedBytes | null> {
    const served = await this.#find(name)
    return served === null ? null : this.#headOf(served)
  }

  async end(name: LogName): Promise<LogPlace | null> {
    const served = await this.#find(name)
    return served === null || served.row.seq < 0 ? null : { epoch: served.row.epoch, seq: served.row.seq }
  }

  async objects(cids: readonly Cid[], _: MipServeOptions): Promise<readonly (Uint8Array | null)[]> {
    const found = new Map<string, Uint8Array>()
    const wanted = cids.filter(isObject)
    for (const { cid, bytes } of await this.#served(wanted)) if (bytes.length > 0) found.set(cid, bytes)
    return cids.map((cid) => found.get(cid) ?? null)
  }

  /** Of what lies in the blob store only this part is read. */
  async blob(cid: Cid, { offset, length }: BlobRange, _: MipServeOptions): Promise<BlobPart | null> {
    const { blobs } = this.#components
    const bounded = Math.min(length, MIP_BLOB_RANGE_BYTES_MAX)
    for (const { orgId, cube, bytes } of await this.#served([cid])) {
      if (bytes.length > 0 && !isObject(cid))
        return { size: bytes.length, bytes: bytes.slice(offset, offset + bounded) }
      const stored = cube === null ? null : await blobs.slice(blobKey(orgId, cube, cid), offset, bounded)
      if (stored !== null) return stored
    }
    return null
  }

  offerProof(proof: Uint8Array, _: MipServeOptions): Promise<ProofAnswer> {
    return this.#components.proofs.offer(proof)
  }

  async recon({ logs, message }: ReconRequest, _: MipServeOptions): Promise<Uint8Array | null> {
    const items: ReconItem[] = []
    for (const name of logs) {
      const served = await this.#find(name)
      if (served === null) return null
      items.push(...(await new LogRows(served.vault).items(served.row, MIP_RECON_ITEMS_MAX + 1 - items.length)))
      if (items.length > MIP_RECON_ITEMS_MAX) throw new MipRemoteError('too_large', 'more entries than are reconciled')
    }
    try {
      return new ReconSet(items).answer(message)
    } catch (cause) {
      if (!(cause instanceof ReconError)) throw cause
      throw new MipRemoteError('bad_request', cause.reason, { cause })
    }
  }

  offerReceipt(offer: ReceiptOffer, _: MipServeOptions): Promise<ProofAnswer> {
    return this.#components.receipts.offer(offer)
  }

  async #served(cids: readonly Cid[]): Promise<ServedObject[]> {
    const { vault } = this.#components
    const found: ServedObject[] = []
    for (const name of vault.databaseNames)
      found.push(...(await servedObjects(vault.database(name), cids, { mirrors: this.#mirrors })))
    return found
  }

  /** A log that is served: a log of ours, or as a mirror one that is followed. */
  async #find(name: LogName): Promise<ServedLog | null> {
    const { identities, vault, runtime } = this.#components
    const nowMs = runtime.nowMs()
    const orgId = await identities.orgOf(name.org)
    if (orgId !== null) {
      const own = await vault.of(orgId, nowMs)
      const row = await new LogRows(own).one(name.org, name.log)
      return row === null || row.role !== 'own' ? null : { vault: own, row }
    }
    if (!this.#mirrors) return null
    for (const database of vault.databaseNames) {
      const [row] = await servedLogs(vault.database(database), name)
      if (row !== undefined) return { vault: await vault.of(row.orgId, nowMs), row }
    }
    return null
  }

  /** Of a log that is mirrored only its publisher can say where it ends. Readers of many pages are told by the same beacon for a moment. */
  async #headOf({ vault, row }: ServedLog): Promise<SignedBytes | null> {
    if (row.role !== 'own') return null
    const { signer, runtime } = this.#components
    const nowMs = runtime.nowMs()
    const known = this.#beacons.get(row.id)
    if (known?.headCid === row.headCid && Math.abs(nowMs - known.atMs) <= MIP_HELLO_KEPT_MS) return known.beacon
    const orgId = vault.organisation.id
    const beacon = await signBeacon(row, { signer, orgId, nowMs, logs: await new LogRows(vault).own() })
    if (this.#beacons.size >= BEACONS_MAX) this.#beacons.clear()
    this.#beacons.set(row.id, { atMs: nowMs, headCid: row.headCid, beacon })
    return beacon
  }
}
