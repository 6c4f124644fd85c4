import { and, eq, inArray, sql } from 'drizzle-orm'
import { bytesOfCid } from '../../../protocol/core/cid.ts'
import type { ReconItem } from '../../../protocol/core/negentropy.ts'
import { ID_BYTES } from '../../../protocol/core/negentropy-codec.ts'
import type { SignedBytes } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MIP_OWN_HEAD_PEERS_MAX } from '../../../schemas/limits-mip.ts'
import { mipLogs, mipObjects, mipPeers } from '../../../schemas/tables/mip.ts'
import type { Statement } from '../../ports/database.ts'
import type { LogPlace, MipLogRow } from '../../ports/writes/mip.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, statement } from '../vault/sql.ts'

/** What the newest entry about a cube says. */
export interface LatestOfCube {
  op: string
  bodyCid: string | null
}

/** Logs, entries and objects of one organisation, as they are stored. */
export class LogRows {
  readonly #vault: OrgVault

  constructor(vault: OrgVault) {
    this.#vault = vault
  }

  /** Logs that the organisation writes, by name. */
  own(): Promise<MipLogRow[]> {
    return this.#vault.orm
      .select()
      .from(mipLogs)
      .where(and(eq(mipLogs.orgId, this.#vault.organisation.id), eq(mipLogs.role, 'own')))
      .orderBy(mipLogs.log)
  }

  async one(did: string, log: string): Promise<MipLogRow | null> {
    const [row] = await this.#vault.orm
      .select()
      .from(mipLogs)
      .where(and(eq(mipLogs.orgId, this.#vault.organisation.id), eq(mipLogs.did, did), eq(mipLogs.log, log)))
    return row ?? null
  }

  /** Entries from a place onwards, in log order. */
  async page({ id, epoch }: Pick<MipLogRow, 'id' | 'epoch'>, from: LogPlace, limit: number): Promise<SignedBytes[]> {
    const rows = await this.#vault.database.all(pageStatement(id, epoch, from, limit))
    return rows.map(([bytes, signature]) => [bytes as Uint8Array, signature as Uint8Array])
  }

  /** Time and address of the entries that stand, at most so many, for reconciling them with those of others. */
  async items({ id, epoch }: Pick<MipLogRow, 'id' | 'epoch'>, limit: number): Promise<ReconItem[]> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select e.ts, e.cid from mip_entries e where e.log_id = ${id} and ${standing(epoch)} limit ${limit}`,
      ),
    )
    // The digest is the end of the bytes of a CID.
    return rows.map(([ts, cid]) => ({ ts: Number(ts), id: bytesOfCid(cid as Cid).slice(-ID_BYTES) }))
  }

  /** The entry at one place. */
  async entryAt(logId: number, { epoch, seq }: LogPlace): Promise<SignedBytes | null> {
    const [row] = await this.#vault.database.all(
      statement(
        sql`select bytes, signature from mip_entries where log_id = ${logId} and epoch = ${epoch} and seq = ${seq}`,
      ),
    )
    return row === undefined ? null : [new Uint8Array(row[0] as Uint8Array), new Uint8Array(row[1] as Uint8Array)]
  }

  /** What the newest entry about each of some cubes says; cubes without one are absent. */
  async latest(logId: number, cubes: readonly string[]): Promise<Map<string, LatestOfCube>> {
    if (cubes.length === 0) return new Map()
    // Of an aggregate with max(), SQLite takes the other columns from the row that has it.
    const rows = await this.#vault.database.all(
      statement(sql`select cube, op, body_cid, max(seq) from mip_entries
        where log_id = ${logId} and cube in ${inJson(cubes)} group by cube`),
    )
    return new Map(
      rows.map(([cube, op, bodyCid]) => [String(cube), { op: String(op), bodyCid: bodyCid as string | null }]),
    )
  }

  /** Objects of a publisher by address; missing ones are absent. */
  async objects(did: string, cids: readonly string[]): Promise<Map<Cid, Uint8Array>> {
    if (cids.length === 0) return new Map()
    const rows = await this.#vault.orm
      .select({ cid: mipObjects.cid, bytes: mipObjects.bytes })
      .from(mipObjects)
      .where(
        sql`${mipObjects.orgId} = ${this.#vault.organisation.id} and ${mipObjects.cid} in ${inJson(cids)} and ${mipObjects.did} = ${did}`,
      )
    return new Map(rows.map(({ cid, bytes }) => [cid as Cid, new Uint8Array(bytes)]))
  }

  /** Delegations of an organisation that its logs have named: objects of no cube. */
  async delegations(did: string): Promise<Uint8Array[]> {
    const rows = await this.#vault.orm
      .select({ bytes: mipObjects.bytes })
      .from(mipObjects)
      .where(and(eq(mipObjects.orgId, this.#vault.organisation.id), eq(mipObjects.did, did), eq(mipObjects.cube, '')))
    return rows.map(({ bytes }) => new Uint8Array(bytes))
  }

  /** Those of some cubes that came from other organisations. */
  async foreign(cubeIds: readonly string[]): Promise<Set<string>> {
    if (cubeIds.length === 0) return new Set()
    const rows = await this.#vault.database.all(
      statement(sql`select c.cube_id from json_each(${JSON.stringify(cubeIds)}) j cross join cubes c on c.cube_id = j.value
        where exists (select 1 from mip_ingested i where i.namespace_id = c.namespace_id and i.cube_id = c.cube_id)`),
    )
    return new Set(rows.map(([cubeId]) => String(cubeId)))
  }

  /** Where peers may be asked that the organisation knows. */
  async peerAddresses(): Promise<string[]> {
    const rows = await this.#vault.orm
      .select({ addresses: mipPeers.addresses })
      .from(mipPeers)
      .where(and(eq(mipPeers.orgId, this.#vault.organisation.id), inArray(mipPeers.tier, ['known', 'trusted'])))
      .orderBy(mipPeers.did)
      .limit(MIP_OWN_HEAD_PEERS_MAX)
    return [...new Set(rows.flatMap(({ addresses }) => addresses))]
  }
}

/** An entry that a later epoch has superseded is not part of the log: whoever reads it from its start reads one chain. */
const standing = (epoch: number) =>
  epoch === 0
    ? sql`1`
    : sql`not exists (select 1 from mip_entries n where n.log_id = e.log_id and n.epoch > e.epoch and n.seq <= e.seq)`

function pageStatement(logId: number, epoch: number, from: LogPlace, limit: number): Statement {
  return statement(sql`select e.bytes, e.signature from mip_entries e
    where e.log_id = ${logId} and (e.epoch, e.seq) >= (${from.epoch}, ${from.seq}) and ${standing(epoch)}
    order by e.epoch, e.seq limit ${limit}`)
}
