/** Reads the databases of edges that are not running, past every class that wrote them, and says what is wrong. */
import { join } from 'node:path'
import { VerifiedLog } from '../../../cli/mip/verified-log.ts'
import { argumentsOf, openEntryParts } from '../../../protocol/core/entry.ts'
import type { SignedBytes } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Did } from '../../../schemas/did.ts'
import { FileSystemBlobStore } from '../../../worker/drivers/blob-store/file-system.ts'
import { openLibsql } from '../../../worker/drivers/database/open-libsql.ts'
import { AuditChain, sealAudit } from '../../../worker/infrastructure/log/audit-chain.ts'
import type { Database, Row, SqlValue } from '../../../worker/ports/database.ts'
import { faultsOf } from '../../support/check-organisation.ts'
import type { KilledEdge } from './killed-edge.ts'
import { LOG, type Publisher } from './publisher.ts'

const ORG = 'default'

interface Wire {
  epoch: number
  seq: number
  cid: string
  wire: SignedBytes
}

export interface Checked {
  faults: string[]
  signatures: number
  cubes: number
  vectors: number
}

/** What every database must say, whoever wrote it. */
export async function checkEdge(
  edge: KilledEdge,
  did: string,
  check: (store: Store, entries: readonly Wire[]) => Promise<string[]>,
): Promise<Checked> {
  const { database, close } = await openLibsql('default', `file:${join(edge.home.path, 'memos.db')}`)
  try {
    const store = new Store(database)
    const faults = await faultsOf(database, new FileSystemBlobStore(join(edge.home.path, 'blobs')), ORG)
    const [integrity] = await store.rows('pragma integrity_check')
    if (integrity?.[0] !== 'ok') faults.push(`integrity: ${integrity}`)
    await sealAudit(database, Date.now())
    const audit = await new AuditChain(database).verify(ORG, new AbortController().signal)
    if (audit.fault !== null || audit.unsealed > 0) faults.push(`audit chain: ${JSON.stringify(audit)}`)
    for (const table of ['mip_proofs', 'mip_mirrors'])
      if ((await store.count(table)) > 0)
        faults.push(`somebody honest was accused: ${await store.count(table)} in ${table}`)
    for (const [log, stopped] of await store.rows('select log, stopped from mip_logs where stopped is not null'))
      faults.push(`log ${log} stopped: ${stopped}`)
    const { entries, signatures } = await store.verify(did, faults)
    faults.push(...(await check(store, entries)))
    const [cubes, vectors] = [await store.count('cubes'), await store.count('embeddings')]
    if (cubes !== vectors) faults.push(`${vectors} vectors of ${cubes} memories`)
    return { faults: faults.map((fault) => `${edge.name}: ${fault}`), signatures, cubes, vectors }
  } finally {
    await close()
  }
}

class Store {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  rows(sql: string, ...params: SqlValue[]): Promise<Row[]> {
    return this.#database.all({ sql, params })
  }

  async count(table: string): Promise<number> {
    return Number((await this.rows(`select count(*) from ${table}`))[0]?.[0])
  }

  async entries(did: string, log: string): Promise<Wire[]> {
    const rows = await this.rows(
      `select e.epoch, e.seq, e.cid, e.bytes, e.signature from mip_entries e join mip_logs l on l.id = e.log_id
        where l.did = ? and l.log = ? order by e.epoch, e.seq`,
      did,
      log,
    )
    return rows.map(([epoch, seq, cid, bytes, signature]) => ({
      epoch: Number(epoch),
      seq: Number(seq),
      cid: String(cid),
      wire: [new Uint8Array(bytes as Uint8Array), new Uint8Array(signature as Uint8Array)],
    }))
  }

  /** Every signature of both logs, every link, and that the cursor of the row is the last entry. */
  async verify(did: string, faults: string[]): Promise<{ entries: Wire[]; signatures: number }> {
    const main = await this.#verified(did, 'main', null)
    const memory = await this.#verified(did, LOG, main.read.state.authority)
    for (const { read, wires } of [main, memory]) {
      const { log, epoch, seq, cid } = read.state
      const rows = await this.rows('select epoch, seq, head_cid from mip_logs where did = ? and log = ?', did, log)
      if (JSON.stringify(rows) !== JSON.stringify([[epoch, seq, cid]]))
        faults.push(`the cursor of ${log} is ${JSON.stringify(rows)}, its last entry ${seq} ${cid}`)
      if (wires.some((wire, at) => wire.seq !== at || wire.epoch !== 0)) faults.push(`${log} is not dense`)
      if (new Set(wires.map((one) => one.cid)).size !== wires.length) faults.push(`${log} has an entry twice`)
    }
    return { entries: memory.wires, signatures: main.wires.length + memory.wires.length }
  }

  async #verified(did: string, log: string, authority: VerifiedLog['state']['authority']) {
    const read = new VerifiedLog(did as Did, log, { authority, nowMs: Date.now() })
    for (const [cid, bytes] of await this.rows("select cid, bytes from mip_objects where did = ? and cube = ''", did))
      read.delegations.set(cid as Cid, new Uint8Array(bytes as Uint8Array))
    const wires = await this.entries(did, log)
    await read.append(wires.map(({ wire }) => wire))
    return { read, wires }
  }
}

/** The publisher's log holds what it acknowledged, each once and in order. */
export const checkPublisher = (publisher: Publisher) => async (_: Store, entries: readonly Wire[]) => {
  const faults: string[] = []
  const { published, revoked } = operationsOf(entries)
  const { entries: count } = publisher
  if (entries.length !== count) faults.push(`${entries.length} entries, acknowledged ${count}`)
  if (JSON.stringify([...published].sort()) !== JSON.stringify([...publisher.published].sort()))
    faults.push('what is published is not what was acknowledged')
  if (JSON.stringify(revoked.toSorted()) !== JSON.stringify([...publisher.revoked].sort()))
    faults.push('what is revoked is not what was acknowledged')
  return faults
}

/** A follower has the same entries, byte for byte, and of each living memory its last revision, every revision taken in once. */
export const checkFollower =
  (publisher: Publisher, original: readonly Wire[]) => async (store: Store, entries: readonly Wire[]) => {
    const faults: string[] = []
    const bytesOf = (wires: readonly Wire[]) =>
      wires.map(({ wire }) => wire.map((part) => Buffer.from(part).toString('base64')))
    if (JSON.stringify(bytesOf(entries)) !== JSON.stringify(bytesOf(original)))
      faults.push('other entries than the publisher')
    const cursors = await store.rows("select epoch, seq, state, nullif(error, 'busy') from mip_subscriptions")
    if (JSON.stringify(cursors) !== JSON.stringify([[0, original.length - 1, 'active', null]]))
      faults.push(`subscription at ${JSON.stringify(cursors)} of ${original.length}`)
    const held = await store.rows(
      `select json_extract(c.metadata, '$.originCube'), json_extract(c.metadata, '$.originCid'), i.cid, i.state
        from cubes c left join mip_ingested i on i.cube_id = c.cube_id order by 1`,
    )
    const wanted = [...publisher.published]
      .filter(([cube]) => !publisher.revoked.has(cube))
      .map(([cube, cids]) => [cube, cids.at(-1), cids.at(-1), 'ingested'])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
    if (JSON.stringify(held) !== JSON.stringify(wanted))
      faults.push(`${held.length} memories, wanted ${wanted.length}: ${JSON.stringify(difference(held, wanted))}`)
    const [revoked] = await store.rows("select count(*) from mip_ingested where state = 'revoked' and cube_id is null")
    if (Number(revoked?.[0]) !== publisher.revoked.size)
      faults.push(`${revoked?.[0]} revoked of ${publisher.revoked.size}`)
    const twice = await store.rows(
      'select c.cube_id, c.revision from cubes c where c.revision != (select count(*) from revisions r where r.cube_id = c.cube_id)',
    )
    if (twice.length > 0) faults.push(`revisions: ${JSON.stringify(twice.slice(0, 3))}`)
    const [most] = await store.rows('select max(revision) from cubes')
    const most_ = Math.max(0, ...[...publisher.published.values()].map(({ length }) => length))
    if (Number(most?.[0]) > most_)
      faults.push(`revision ${most?.[0]} of a memory that has ${most_}: something was applied twice`)
    return faults
  }

const difference = (held: readonly unknown[], wanted: readonly unknown[]) => {
  const here = new Set(held.map((row) => JSON.stringify(row)))
  const there = new Set(wanted.map((row) => JSON.stringify(row)))
  return { missing: [...there.difference(here)].slice(0, 3), extra: [...here.difference(there)].slice(0, 3) }
}

/** Cubes and their revisions in the order of the log, and what was revoked. */
function operationsOf(entries: readonly Wire[]) {
  const published = new Map<string, string[]>()
  const revoked: string[] = []
  for (const { wire } of entries) {
    const { entry } = openEntryParts(...wire)
    const cube = argumentsOf(entry, 'cube.publish')?.cube
    if (cube !== undefined) published.set(cube, [...(published.get(cube) ?? []), String(entry.body)])
    const revoke = argumentsOf(entry, 'cube.revoke')
    if (revoke !== null) revoked.push(revoke.cube)
  }
  return { published, revoked }
}
