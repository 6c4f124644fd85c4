import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm'
import { bytesOfCid } from '../../../protocol/core/cid.ts'
import type { Cid } from '../../../schemas/cid.ts'
import {
  mipEntries,
  mipIngested,
  mipLogs,
  mipMirrors,
  mipObjects,
  mipPeers,
  mipProofs,
  mipServers,
  mipSubscriptions,
} from '../../../schemas/tables/mip.ts'
import type { Principal } from '../../ports/principal.ts'
import type {
  LogPlace,
  MipEntryRow,
  MipIngestedRow,
  MipLogRow,
  MipMirrorRow,
  MipPeerRow,
  MipServerRow,
  MipSubscriptionRow,
} from '../../ports/writes/mip.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, rowShape, statement } from '../vault/sql.ts'

/** A subscription with the name of its namespace and how far its log was read. */
export interface ShownSubscription {
  subscription: MipSubscriptionRow
  namespace: string
  read: LogPlace
}

/** A node that speaks for a publisher until its right ends. */
export interface SpeakingNode {
  did: string
  peerId: string
  untilMs: number
}

/** Where a cube of ours came from. */
export interface CubeOrigin {
  cubeId: string
  did: string
  tier: MipPeerRow['tier']
  name: string | null
}

/** Logs that an organisation follows: peers, subscriptions, what was read, what became of it. For keys of the whole organisation. */
export class FollowedReader {
  readonly #vault: OrgVault
  readonly #orgId: string

  constructor(vault: OrgVault, principal: Pick<Principal, 'orgId'>) {
    this.#vault = vault
    this.#orgId = principal.orgId
  }

  /** By identity, above `after`. */
  peers(limit: number, after: string | null): Promise<MipPeerRow[]> {
    return this.#vault.orm
      .select()
      .from(mipPeers)
      .where(and(eq(mipPeers.orgId, this.#orgId), after === null ? undefined : gt(mipPeers.did, after)))
      .orderBy(asc(mipPeers.did))
      .limit(limit)
  }

  async peer(did: string): Promise<MipPeerRow | null> {
    const [row] = await this.#vault.orm
      .select()
      .from(mipPeers)
      .where(and(eq(mipPeers.orgId, this.#orgId), eq(mipPeers.did, did)))
    return row ?? null
  }

  async peerCount(): Promise<number> {
    return this.#vault.orm.$count(mipPeers, eq(mipPeers.orgId, this.#orgId))
  }

  mirrors(dids: readonly string[]): Promise<MipMirrorRow[]> {
    return this.#vault.orm
      .select()
      .from(mipMirrors)
      .where(and(eq(mipMirrors.orgId, this.#orgId), sql`${mipMirrors.did} in ${inJson(dids)}`))
      .orderBy(asc(mipMirrors.address))
  }

  /** A node of a publisher as it was verified last, whatever has changed since. */
  async server(did: string, peerId: string): Promise<MipServerRow | null> {
    const [row] = await this.#vault.orm
      .select()
      .from(mipServers)
      .where(and(eq(mipServers.orgId, this.#orgId), eq(mipServers.did, did), eq(mipServers.peerId, peerId)))
    return row ?? null
  }

  /** Nodes that speak for publishers now: a right that has ended, was revoked, or came from an earlier root does not count. */
  async servers(dids: readonly string[], nowMs: number): Promise<SpeakingNode[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select s.did, s.peer_id, s.exp_ms from mip_servers s
        cross join mip_logs l on l.org_id = s.org_id and l.did = s.did and l.log = 'main'
        where s.org_id = ${this.#orgId} and s.did in ${inJson(dids)} and s.exp_ms > ${nowMs} and l.state->>'$.authority.root' = s.root
        and not exists (select 1 from json_each(l.state, '$.authority.revoked') r cross join json_each(s.chain) c
          where r.value->>'delegation' = c.value)
        order by s.did, s.peer_id`),
    )
    return rows.map(([did, peerId, untilMs]) => ({
      did: String(did),
      peerId: String(peerId),
      untilMs: Number(untilMs),
    }))
  }

  /** By id, above `after`; one of them by `id`. */
  async subscriptions({
    limit,
    after = null,
    id,
  }: {
    limit: number
    after?: string | null
    id?: string
  }): Promise<ShownSubscription[]> {
    const which = id === undefined ? (after === null ? sql`1` : sql`s.id > ${after}`) : sql`s.id = ${id}`
    const rows = await this.#vault.database.all(
      statement(sql`select ${SUBSCRIPTION.columns}, n.name, coalesce(l.epoch, 0), coalesce(l.seq, -1) from mip_subscriptions s
        join namespaces n on n.id = s.namespace_id left join mip_logs l on l.org_id = s.org_id and l.did = s.did and l.log = s.log
        where s.org_id = ${this.#orgId} and ${which} order by s.id limit ${limit}`),
    )
    return rows.map((row) => {
      const [namespace, epoch, seq] = row.slice(SUBSCRIPTION.width)
      return {
        subscription: SUBSCRIPTION.parse(row),
        namespace: String(namespace),
        read: { epoch: Number(epoch), seq: Number(seq) },
      }
    })
  }

  async subscription(id: string): Promise<ShownSubscription | null> {
    return (await this.subscriptions({ limit: 1, id }))[0] ?? null
  }

  /** Every subscription of one log, whatever its state. */
  subscriptionsOf(did: string, log: string): Promise<MipSubscriptionRow[]> {
    return this.#vault.orm
      .select()
      .from(mipSubscriptions)
      .where(and(eq(mipSubscriptions.orgId, this.#orgId), eq(mipSubscriptions.did, did), eq(mipSubscriptions.log, log)))
  }

  async subscriptionCount(): Promise<number> {
    return this.#vault.orm.$count(mipSubscriptions, eq(mipSubscriptions.orgId, this.#orgId))
  }

  /** Whether one of the active subscriptions of a log wants every signature verified. */
  async isStrict(did: string, log: string): Promise<boolean> {
    const rows = await this.#vault.orm
      .select({ log: mipSubscriptions.log, verify: mipSubscriptions.verify })
      .from(mipSubscriptions)
      .where(and(eq(mipSubscriptions.orgId, this.#orgId), eq(mipSubscriptions.did, did)))
    return rows.some((row) => row.verify === 'strict' && (row.log === log || log === 'main'))
  }

  async log(did: string, log: string): Promise<MipLogRow | null> {
    const [row] = await this.#vault.orm
      .select()
      .from(mipLogs)
      .where(and(eq(mipLogs.orgId, this.#orgId), eq(mipLogs.did, did), eq(mipLogs.log, log)))
    return row ?? null
  }

  /** Entries behind a place, in the order of the log. */
  async entriesAfter(logId: number, { epoch, seq }: LogPlace, limit: number): Promise<MipEntryRow[]> {
    return this.#entries(sql`e.log_id = ${logId} and (e.epoch, e.seq) > (${epoch}, ${seq})`, limit)
  }

  /** Entries at sequence numbers, for telling a replay from a fork. */
  async entriesAt(logId: number, seqs: readonly number[]): Promise<MipEntryRow[]> {
    return seqs.length === 0
      ? []
      : this.#entries(sql`e.log_id = ${logId} and e.seq in ${inJson(seqs)}`, seqs.length * 4)
  }

  /** Entries of one operation about a cube, in the order of the log. */
  async entriesAbout(logId: number, op: string, cube: string, limit: number): Promise<MipEntryRow[]> {
    return this.#entries(sql`e.log_id = ${logId} and e.op = ${op} and e.cube = ${cube}`, limit)
  }

  /** Revocations behind a place, in the order of the log. */
  revocationsAfter(logId: number, { epoch, seq }: LogPlace, limit: number): Promise<MipEntryRow[]> {
    return this.#entries(
      sql`e.log_id = ${logId} and e.op = 'cube.revoke' and (e.epoch, e.seq) > (${epoch}, ${seq})`,
      limit,
    )
  }

  async #entries(condition: ReturnType<typeof sql>, limit: number): Promise<MipEntryRow[]> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select ${ENTRY.columns} from mip_entries e where ${condition} order by e.epoch, e.seq limit ${limit}`,
      ),
    )
    return rows.map((row) => ENTRY.parse(row))
  }

  /** Objects that are here, by address. */
  async objects(cids: readonly string[]): Promise<Map<string, Uint8Array>> {
    if (cids.length === 0) return new Map()
    const rows = await this.#vault.orm
      .select({ cid: mipObjects.cid, bytes: mipObjects.bytes })
      .from(mipObjects)
      .where(and(eq(mipObjects.orgId, this.#orgId), sql`${mipObjects.cid} in ${inJson(cids)}`))
    return new Map(rows.map(({ cid, bytes }) => [cid, new Uint8Array(bytes)]))
  }

  /** Delegations of a publisher that are here, by address. */
  async delegations(did: string): Promise<Map<Cid, Uint8Array>> {
    const rows = await this.#vault.orm
      .select({ cid: mipObjects.cid, bytes: mipObjects.bytes })
      .from(mipObjects)
      .where(and(eq(mipObjects.orgId, this.#orgId), eq(mipObjects.did, did), eq(mipObjects.cube, '')))
    return new Map(rows.map(({ cid, bytes }) => [cid as Cid, new Uint8Array(bytes)]))
  }

  /** Publications above a place that name one of some delegations and that stand in a subscription, with their cube. */
  async takenFrom(
    logId: number,
    subscriptionId: string,
    { links, lastSeq }: { links: readonly Cid[]; lastSeq: number },
  ): Promise<{ entry: MipEntryRow; cube: string }[]> {
    const names = sql.join(
      links.map((link) => sql`instr(e.bytes, ${bytesOfCid(link)}) > 0`),
      sql` or `,
    )
    const rows = await this.#vault.database.all(
      statement(sql`select ${ENTRY.columns}, i.cube from mip_entries e cross join mip_ingested i
        on i.org_id = ${this.#orgId} and i.cid = e.body_cid and i.subscription_id = ${subscriptionId}
        where e.log_id = ${logId} and e.seq > ${lastSeq} and e.op = 'cube.publish' and (${names})
        and i.state in ('ingested', 'quarantined', 'header') order by e.epoch, e.seq`),
    )
    return rows.map((row) => ({ entry: ENTRY.parse(row), cube: String(row[ENTRY.width]) }))
  }

  async ingested(subscriptionId: string, cube: string): Promise<MipIngestedRow | null> {
    const [row] = await this.#vault.orm
      .select()
      .from(mipIngested)
      .where(
        and(
          eq(mipIngested.orgId, this.#orgId),
          eq(mipIngested.subscriptionId, subscriptionId),
          eq(mipIngested.cube, cube),
        ),
      )
    return row ?? null
  }

  /** What became of a foreign cube, in every subscription of its publisher. */
  ingestedOf(did: string, cube: string): Promise<MipIngestedRow[]> {
    return this.#vault.orm
      .select()
      .from(mipIngested)
      .where(and(eq(mipIngested.orgId, this.#orgId), eq(mipIngested.did, did), eq(mipIngested.cube, cube)))
  }

  /** Foreign cubes that wait for a decision, by subscription and cube, above `after`. */
  async quarantined(limit: number, after: string | null): Promise<{ row: MipIngestedRow; namespace: string }[]> {
    const above = after === null ? sql`1` : sql`i.subscription_id || '.' || i.cube > ${after}`
    const rows = await this.#vault.database.all(
      statement(sql`select ${INGESTED.columns}, n.name from mip_ingested i join namespaces n on n.id = i.namespace_id
        where i.org_id = ${this.#orgId} and i.state = 'quarantined' and ${above} order by i.subscription_id, i.cube limit ${limit}`),
    )
    return rows.map((row) => ({ row: INGESTED.parse(row), namespace: String(row[INGESTED.width]) }))
  }

  /** Foreign cubes that stand otherwise than the tier of their publisher says, or whose bytes were missing, the longest first. */
  async toReview(limit: number, missingBeforeMs: number): Promise<MipIngestedRow[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${INGESTED.columns} from mip_ingested i left join mip_peers p on p.org_id = i.org_id and p.did = i.did
        where i.org_id = ${this.#orgId} and ${needsReview(missingBeforeMs)} order by i.at_ms limit ${limit}`),
    )
    return rows.map((row) => INGESTED.parse(row))
  }

  /** Where cubes that were read before came from; those of our own are absent. */
  async origins(places: readonly { namespaceId: number; cubeId: string }[]): Promise<Map<string, CubeOrigin>> {
    if (places.length === 0) return new Map()
    const wanted = JSON.stringify(places.map(({ namespaceId, cubeId }) => [namespaceId, cubeId]))
    const rows = await this.#vault.database.all(
      statement(sql`select i.cube_id, i.did, coalesce(p.tier, 'unknown'), p.name from json_each(${wanted}) j cross join mip_ingested i
        on i.namespace_id = j.value->>0 and i.cube_id = j.value->>1 left join mip_peers p on p.org_id = i.org_id and p.did = i.did
        where i.org_id = ${this.#orgId}`),
    )
    return new Map(
      rows.map(([cubeId, did, tier, name]) => [
        String(cubeId),
        { cubeId: String(cubeId), did: String(did), tier: tier as CubeOrigin['tier'], name: name as string | null },
      ]),
    )
  }

  /** Revisions of the organisation that hold one of these addresses, as bytes: what may have been made from it. */
  async revisionsNaming(
    links: readonly Uint8Array[],
    limit: number,
  ): Promise<{ cubeId: string; cid: string; bytes: Uint8Array }[]> {
    const holds = sql.join(
      links.map((link) => sql`instr(r.bytes, ${link}) > 0`),
      sql` or `,
    )
    const rows = await this.#vault.database.all(
      statement(sql`select r.cube_id, r.cid, r.bytes from namespaces n cross join cubes c on c.namespace_id = n.id
        cross join revisions r on r.cube_id = c.cube_id where n.org_id = ${this.#orgId} and (${holds}) limit ${limit}`),
    )
    return rows.map(([cubeId, cid, bytes]) => ({
      cubeId: String(cubeId),
      cid: String(cid),
      bytes: bytes as Uint8Array,
    }))
  }

  /** Addresses of all revisions of cubes of ours. */
  async revisionCids(cubeIds: readonly string[]): Promise<string[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select cid from revisions where cube_id in ${inJson(cubeIds)}`),
    )
    return rows.map(([cid]) => String(cid))
  }

  /** Cubes that the organisation holds, as its quota counts them. */
  async cubeCount(): Promise<number> {
    const [row] = await this.#vault.database.all(
      statement(sql`select value from usage where org_id = ${this.#orgId} and period = 'total' and metric = 'cubes'`),
    )
    return Number(row?.[0] ?? 0)
  }

  async proofs(did: string): Promise<string[]> {
    const rows = await this.#vault.orm
      .select({ cid: mipProofs.cid })
      .from(mipProofs)
      .where(and(eq(mipProofs.orgId, this.#orgId), inArray(mipProofs.did, [did])))
    return rows.map(({ cid }) => cid)
  }
}

/** Condition over `mip_ingested i` left joined with `mip_peers p`. */
export const needsReview = (missingBeforeMs: number) => sql`(case coalesce(p.tier, 'unknown')
  when 'blocked' then i.state in ('ingested', 'quarantined', 'header')
  when 'unknown' then (i.state = 'ingested' and i.reason is not 'approved') or (i.state = 'header' and i.cube_id is not null) or (i.state = 'refused' and i.reason = 'blocked')
  when 'known' then (i.state = 'quarantined' and i.reason = 'unknown_publisher') or (i.state = 'refused' and i.reason = 'blocked')
    or (i.state = 'ingested' and i.reason like 'with_renditions%')
  else (i.state = 'quarantined' and i.reason = 'unknown_publisher') or (i.state = 'refused' and i.reason = 'blocked')
    or (i.state = 'ingested' and (i.reason = 'text_only' or (i.reason like '%:body_missing%' and i.at_ms <= ${missingBeforeMs}))) end
  or (i.state = 'header' and coalesce(p.tier, 'unknown') != 'blocked' and i.at_ms <= ${missingBeforeMs}))`

const SUBSCRIPTION = rowShape(mipSubscriptions, 's')
const INGESTED = rowShape(mipIngested, 'i')
const ENTRY = rowShape(mipEntries, 'e')
