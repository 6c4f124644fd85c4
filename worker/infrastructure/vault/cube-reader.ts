import { desc, eq, type SQL, sql } from 'drizzle-orm'
import { readStoredRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Filter } from '../../../schemas/filter.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { cubes, revisions } from '../../../schemas/tables/cubes.ts'
import { namespaces } from '../../../schemas/tables/tenancy.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { Row } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Principal } from '../../ports/principal.ts'
import type { CubeRow, NamespaceRow, RevisionRow } from '../../ports/rows.ts'
import { cubeReach, KNOWN_SENSITIVITY, namespaceAccess, namespaceClearance } from '../governance/access-sql.ts'
import { dependentBlobKeys } from '../renditions/rendition-blobs.ts'
import { filterSql } from './filter-sql.ts'
import type { OrgVault } from './mem-vault.ts'
import { inJson, rowShape, statement } from './sql.ts'
import { blobKeysOf, readText } from './text-blob.ts'
import { withheld } from './withheld.ts'

/** A cube with everything that makes it up. */
export interface FullCube {
  cube: CubeRow
  revision: Revision
  content: string | null
  session: string | null
  namespace: Pick<NamespaceRow, 'id' | 'name' | 'layer'>
}

export interface CubeReaderComponents {
  blobs: BlobStore
  logger: Logger
  /** A text without its sensitive passages. */
  redact(text: string): string
}

/** Stored cubes that a principal may see. Each statement carries the permissions; a forbidden cube is as absent as a deleted one. */
export class CubeReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number
  readonly #blobs: BlobStore
  readonly #logger: Logger
  readonly #redact: CubeReaderComponents['redact']
  #damaged = 0

  constructor(vault: OrgVault, principal: Principal, nowMs: number, { blobs, logger, redact }: CubeReaderComponents) {
    this.#redact = redact
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
    this.#blobs = blobs
    this.#logger = logger
  }

  /** Cubes that lists left out because their bytes are missing or damaged: one of them must not take the others along. */
  get damaged(): number {
    return this.#damaged
  }

  /** @throws MemosError not_found for absent and forbidden cubes alike, data_corrupt, blob_missing */
  async get(cubeId: string, access: 'read' | 'write' = 'read'): Promise<FullCube> {
    const [found] = await this.#rows(sql`c.cube_id = ${cubeId}`, { access, limit: 1 })
    if (found === undefined) throw new MemosError('not_found')
    return this.#full(found)
  }

  /** The same, and what is personal also for a reader who is not cleared for it: then without what it says. @throws MemosError as `get` */
  async known(cubeId: string, access: 'read' | 'write' = 'read'): Promise<FullCube> {
    const [found] = await this.#rows(sql`c.cube_id = ${cubeId}`, { access, limit: 1, known: true })
    if (found === undefined) throw new MemosError('not_found')
    return this.#full(found)
  }

  /** Whether the principal may write cubes of a sensitivity in a namespace that it reaches. */
  async mayWrite(namespaceId: number, sensitivity: CubeRow['sensitivity']): Promise<boolean> {
    const [row] = await this.#vault.database.all(
      statement(
        sql`select 1 from namespaces n where n.id = ${namespaceId} and ${namespaceClearance(this.#principal, sensitivity, 'write')}`,
      ),
    )
    return row !== undefined
  }

  /** A cube that is to be erased, with its text unless that is damaged. @throws MemosError not_found */
  async toErase(cubeId: string): Promise<{ cube: CubeRow; full: FullCube | null }> {
    const [found] = await this.#rows(sql`c.cube_id = ${cubeId}`, { access: 'write', limit: 1 })
    if (found === undefined) throw new MemosError('not_found')
    return { cube: found.cube, full: await this.#fullOrNull(found) }
  }

  /**
   * Those of the named cubes whose time is over, frozen ones aside, each with its text unless that is damaged. One that names no time itself
   * is over when it was written at `writtenUntilMs` or before.
   */
  async ended(
    cubeIds: readonly string[],
    writtenUntilMs: number | null = null,
  ): Promise<{ cube: CubeRow; full: FullCube | null }[]> {
    const named = sql`c.cube_id in ${inJson(cubeIds)} and c.state != 'frozen'`
    const rows = await this.#rows(named, { access: 'write', limit: cubeIds.length, ended: { writtenUntilMs } })
    return Promise.all(rows.map(async (row) => ({ cube: row.cube, full: await this.#fullOrNull(row) })))
  }

  /** Cubes by their ids, in no particular order; those that may not be seen are absent. */
  ofIds(cubeIds: readonly string[]): Promise<FullCube[]> {
    return cubeIds.length === 0
      ? Promise.resolve([])
      : this.#select(sql`c.cube_id in ${inJson(cubeIds)}`, { limit: cubeIds.length })
  }

  /** Cubes of one namespace by sequence number, in no particular order; those that may not be seen are absent. */
  bySeq(namespaceId: number, seqs: readonly number[]): Promise<FullCube[]> {
    if (seqs.length === 0) return Promise.resolve([])
    return this.#select(
      sql`c.namespace_id = ${namespaceId} and c.seq in (select value from json_each(${JSON.stringify(seqs)}))`,
      { limit: seqs.length },
    )
  }

  /** Those of the named cubes that may be read, in no particular order; damaged ones are absent. */
  named(cubeIds: readonly string[]): Promise<FullCube[]> {
    if (cubeIds.length === 0) return Promise.resolve([])
    return this.#select(sql`c.cube_id in ${inJson(cubeIds)}`, { limit: cubeIds.length })
  }

  /** Which of the named cubes may be read, damaged ones included. */
  async idsOf(cubeIds: readonly string[]): Promise<Set<string>> {
    const rows = await this.#rows(sql`c.cube_id in ${inJson(cubeIds)}`, { limit: cubeIds.length })
    return new Set(rows.map(({ cube }) => cube.cubeId))
  }

  /** Newest first, below the sequence number `before`. With `known` also what is personal, as `known` gives it. */
  async page(
    namespaceId: number,
    filter: Filter,
    limit: number,
    before: number | null,
    { known = false }: { known?: boolean } = {},
  ): Promise<FullCube[]> {
    const found: FullCube[] = []
    // A damaged cube is replaced by the next one: a short page would look like the last.
    for (let below = before; ; ) {
      const wanted = limit - found.length
      const upper = below === null ? sql`1` : sql`c.seq < ${below}`
      const here = sql`c.namespace_id = ${namespaceId} and ${upper} and ${filterSql(filter)}`
      const rows = await this.#rows(here, { limit: wanted, known })
      found.push(...(await this.#readable(rows)))
      const last = rows.at(-1)
      if (last === undefined || rows.length < wanted || found.length === limit) return found
      below = last.cube.seq
    }
  }

  /**
   * Oldest first, above the sequence number `after`; for walks over a whole namespace, from which nothing may be missing.
   * @throws MemosError data_corrupt, blob_missing
   */
  async walk(namespaceId: number, limit: number, after: number): Promise<FullCube[]> {
    const here = sql`c.namespace_id = ${namespaceId} and c.seq > ${after}`
    const rows = await this.#rows(here, { limit, ascending: true })
    return Promise.all(rows.map((row) => this.#full(row)))
  }

  /**
   * Ids above `after` of the cubes that have blobs, expired and secret ones too: for erasing a whole namespace. A revision that names a blob
   * holds the CBOR text key `blob`; a text that happens to hold these bytes only costs a look.
   */
  withBlobs(namespaceId: number, limit: number, after: number): Promise<{ cubeId: string; seq: number }[]> {
    const named = sql`exists (select 1 from revisions r where r.cube_id = ${cubes.cubeId} and instr(r.bytes, x'64626c6f62') > 0)`
    const cached = sql`exists (select 1 from kv_renditions k where k.cube_id = ${cubes.cubeId})`
    const here = sql`${eq(cubes.namespaceId, namespaceId)} and ${cubes.seq} > ${after} and (${named} or ${cached})`
    return this.#vault.orm
      .select({ cubeId: cubes.cubeId, seq: cubes.seq })
      .from(cubes)
      .where(here)
      .orderBy(cubes.seq)
      .limit(limit)
  }

  /** The last sequence number that a namespace has given out. */
  async lastSeq(namespaceId: number): Promise<number> {
    const [row] = await this.#vault.orm
      .select({ nextSeq: namespaces.nextSeq })
      .from(namespaces)
      .where(eq(namespaces.id, namespaceId))
    return (row?.nextSeq ?? 1) - 1
  }

  /** Cubes above `after` without a vector of a model, oldest first; archived ones wait until they come back. */
  unembedded(namespaceId: number, model: string, limit: number, after: number): Promise<FullCube[]> {
    const missing = sql`not exists (select 1 from embeddings e where e.namespace_id = c.namespace_id and e.model = ${model} and e.seq = c.seq)`
    return this.#select(
      sql`c.namespace_id = ${namespaceId} and c.seq > ${after} and c.state != 'archived' and ${missing}`,
      {
        limit,
        ascending: true,
      },
    )
  }

  /** Revisions of a cube that was read before, newest first, below the number `before`. */
  revisions(cubeId: string, limit: number, before: number | null): Promise<RevisionRow[]> {
    const below = before === null ? sql`1` : sql`${revisions.number} < ${before}`
    return this.#vault.orm
      .select()
      .from(revisions)
      .where(sql`${eq(revisions.cubeId, cubeId)} and ${below}`)
      .orderBy(desc(revisions.number))
      .limit(limit)
  }

  /** The revisions at which cubes were read before; a cube erased meanwhile has none. */
  async revisionsAt(places: readonly { cubeId: string; revision: number }[]): Promise<RevisionRow[]> {
    const wanted = JSON.stringify(places.map(({ cubeId, revision }) => [cubeId, revision]))
    const at = sql`(${revisions.cubeId}, ${revisions.number}) in (select j.value->>0, j.value->>1 from json_each(${wanted}) j)`
    return this.#vault.orm.select().from(revisions).where(at)
  }

  /** A revision's content; the bytes are checked against their address. @throws MemosError data_corrupt */
  decode(row: StoredRevision): Revision {
    return revisionOf(row, row.bytes)
  }

  /** Keys of the blobs of every revision of cubes that were read before, in one statement. */
  async blobKeysOfAll(cubeIds: readonly string[]): Promise<Map<string, string[]>> {
    const { orgId } = this.#principal
    // The CBOR text key `blob`; what damage made unreadable is left to the blob sweep.
    const namesBlob = sql`instr(${revisions.bytes}, x'64626c6f62') > 0`
    const rows = await this.#vault.orm
      .select()
      .from(revisions)
      .where(sql`${revisions.cubeId} in ${inJson(cubeIds)} and ${namesBlob}`)
    const keys = new Map<string, string[]>()
    for (const [cubeId, list] of Map.groupBy(rows, (row) => row.cubeId)) {
      keys.set(cubeId, await this.#blobKeysIn(orgId, cubeId, list))
    }
    return keys
  }

  /** Keys of the blobs of the KV caches that go with cubes when they are erased: also those of conversations that they take part in. */
  async cacheKeysOf(cubeIds: readonly string[]): Promise<Map<string, string[]>> {
    const found = await dependentBlobKeys(this.#vault.database, this.#principal.orgId, cubeIds)
    const keys = new Map<string, string[]>()
    for (const { cubeId, key } of found) keys.set(cubeId, [...(keys.get(cubeId) ?? []), key])
    return keys
  }

  /** Keys of the blobs of every revision of a cube that was read before, on branches too, and of the KV caches that go with it. */
  async blobKeys(cubeId: string): Promise<string[]> {
    const { orgId } = this.#principal
    const rows = await this.#vault.database.all(
      statement(sql`select cid, bytes from revisions where cube_id = ${cubeId}
        union all select cid, bytes from branch_cubes where cube_id = ${cubeId} and bytes is not null`),
    )
    const named = rows.map(([cid, bytes]) => ({ cubeId, cid: String(cid), bytes: bytes as Uint8Array }))
    const caches = await this.cacheKeysOf([cubeId])
    return [...(await this.#blobKeysIn(orgId, cubeId, named)), ...(caches.get(cubeId) ?? [])]
  }

  async #blobKeysIn(orgId: string, cubeId: string, rows: readonly StoredRevision[]): Promise<string[]> {
    try {
      return [...new Set(rows.flatMap((row) => blobKeysOf(orgId, this.decode(row))))]
    } catch (error) {
      if (!isDamage(error)) throw error
      // Bytes that cannot be read name no blobs, but the blobs carry the name of their cube.
      return this.#blobs.list(blobKey(orgId, cubeId, ''))
    }
  }

  async #select(condition: SQL, options: Selection): Promise<FullCube[]> {
    return this.#readable(await this.#rows(condition, options))
  }

  async #readable(rows: readonly StoredParts[]): Promise<FullCube[]> {
    const found = await Promise.all(rows.map((row) => this.#fullOrNull(row)))
    return found.filter((full) => full !== null)
  }

  async #rows(condition: SQL, options: Selection): Promise<StoredParts[]> {
    const { access = 'read', limit, ascending = false, ended } = options
    // Only for whoever is not cleared for everything personal are there cubes to be known of and not read.
    const known = options.known === true && (this.#principal.subject !== null || this.#principal.clearance === 'none')
    const readable = cubeReach(this.#principal, access, this.#nowMs)
    const isOpen =
      ended === undefined
        ? known
          ? cubeReach(this.#principal, access, this.#nowMs, KNOWN_SENSITIVITY)
          : readable
        : sql`${namespaceAccess(this.#principal, access)} and (c.expires_at_ms <= ${this.#nowMs} or (c.expires_at_ms is null and c.updated_at_ms <= ${ended.writtenUntilMs}))`
    const order = ascending ? sql`asc` : sql`desc`
    const rows = await this.#vault.database.all(
      statement(sql`select ${CUBE.columns}, r.bytes, (select s.key from sessions s where s.id = c.session_id), n.id, n.name, n.layer${known ? sql`, (c.sensitivity != 'personal' or (${readable}))` : sql.raw('')}
        from cubes c join namespaces n on n.id = c.namespace_id join revisions r on r.cube_id = c.cube_id and r.number = c.revision
        where ${condition} and ${isOpen}
        order by c.seq ${order} limit ${limit}`),
    )
    return rows.map(toParts)
  }

  async #fullOrNull(parts: StoredParts): Promise<FullCube | null> {
    try {
      return await this.#full(parts)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#damaged += 1
      this.#logger.error('cube_damaged', { cubeId: parts.cube.cubeId, error: error.code })
      return null
    }
  }

  async #full({ bytes, isRead, ...row }: StoredParts): Promise<FullCube> {
    const revision = revisionOf(row.cube, bytes)
    const content = await readText(this.#blobs, this.#principal.orgId, row.cube.cubeId, revision)
    const full = { ...row, revision, content }
    return isRead ? full : withheld(full, this.#redact)
  }
}

type StoredRevision = Pick<RevisionRow, 'cubeId' | 'cid'> & { bytes: Uint8Array }

interface Selection {
  access?: 'read' | 'write'
  limit: number
  ascending?: boolean
  /** Also what is personal, without its content where the principal is not cleared for it. */
  known?: boolean
  /** The cubes whose time is over instead of the others. */
  ended?: { writtenUntilMs: number | null }
}

interface StoredParts {
  cube: CubeRow
  /** Whether its content may be read. */
  isRead: boolean
  bytes: Uint8Array
  session: string | null
  namespace: FullCube['namespace']
}

const CUBE = rowShape(cubes, 'c')

function toParts(row: Row): StoredParts {
  const [bytes, session, id, name, layer, isRead] = row.slice(CUBE.width)
  return {
    cube: CUBE.parse(row),
    isRead: isRead === undefined || isRead === 1,
    bytes: bytes as Uint8Array,
    session: session as string | null,
    namespace: { id, name, layer } as FullCube['namespace'],
  }
}

/** The disk must give back what was written: the bytes are checked against their address. */
function revisionOf({ cid, cubeId }: { cid: string; cubeId: string }, bytes: Uint8Array): Revision {
  try {
    return readStoredRevision(cid as Cid, bytes)
  } catch (cause) {
    throw new MemosError(
      'data_corrupt',
      { detail: `A stored revision of cube ${cubeId} does not match its content address.` },
      { cause },
    )
  }
}

const isDamage = (error: unknown): error is MemosError =>
  error instanceof MemosError && (error.code === 'data_corrupt' || error.code === 'blob_missing')
