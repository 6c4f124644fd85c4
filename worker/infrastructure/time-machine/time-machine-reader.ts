import { getTableColumns, type SQL, sql } from 'drizzle-orm'
import { readStoredRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Filter } from '../../../schemas/filter.ts'
import type { LifecycleState } from '../../../schemas/lifecycle.ts'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { cubes, revisions } from '../../../schemas/tables/cubes.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { Row } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import type { CubeRow, NamespaceRow, RevisionRow } from '../../ports/rows.ts'
import type { DiffView, View } from '../../ports/time-machine.ts'
import { cubeReach } from '../governance/access-sql.ts'
import { filterSql } from '../vault/filter-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, jsonChunks, rowShape, statement } from '../vault/sql.ts'
import { blobKeysOf, readText } from '../vault/text-blob.ts'
import { viewSql } from './view-sql.ts'

/** A cube as its row is now, with the revision and the state that it had at another point. */
export interface StandingRow {
  cube: CubeRow
  /** Null when the revision of then has been purged. */
  at: { number: number; cid: string; bytes: Uint8Array; createdAtMs: number } | null
  state: LifecycleState
  session: string | null
  /** Order of its session among the sessions of the namespace. */
  ordinal: number | null
  namespace: Pick<NamespaceRow, 'id' | 'name' | 'layer'>
}

const CUBE = rowShape(cubes, 'c')
const REVISION = rowShape(revisions, 'r')

/** Reads cubes as they stood at another point, with the permissions of now in every statement. */
export class TimeMachineReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number
  readonly #blobs: BlobStore

  constructor(vault: OrgVault, principal: Principal, nowMs: number, { blobs }: { blobs: BlobStore }) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
    this.#blobs = blobs
  }

  /** One revision of a cube that was read before; null when it was never there or has been purged. */
  async revision(cubeId: string, number: number): Promise<RevisionRow | null> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${REVISION.columns} from revisions r where r.cube_id = ${cubeId} and r.number = ${number}`),
    )
    return rows[0] === undefined ? null : REVISION.parse(rows[0])
  }

  /** Content of a stored revision, checked against its address. @throws MemosError data_corrupt */
  decode({ cid, cubeId, bytes }: { cid: string; cubeId: string; bytes: Uint8Array }): Revision {
    try {
      return readStoredRevision(cid as Cid, bytes)
    } catch (cause) {
      const detail = `A stored revision of cube ${cubeId} does not match its content address.`
      throw new MemosError('data_corrupt', { detail }, { cause })
    }
  }

  /** Keys of the blobs that a stored revision names. */
  blobKeys(orgId: string, row: { cid: string; cubeId: string; bytes: Uint8Array }): string[] {
    return blobKeysOf(orgId, this.decode(row))
  }

  /** @throws MemosError blob_missing, data_corrupt */
  text(cubeId: string, revision: Revision): Promise<string | null> {
    return readText(this.#blobs, this.#principal.orgId, cubeId, revision)
  }

  /** Cubes whose revision of then is not the current one, in order of arrival. */
  revised(namespaceId: number, view: View, limit: number): Promise<StandingRow[]> {
    const { isHead } = viewSql(view)
    return this.#standing(sql`c.namespace_id = ${namespaceId} and not (${isHead})`, view, limit)
  }

  /** The named cubes as they stood; those that were not there or may not be seen are absent. */
  async named(cubeIds: readonly string[], view: DiffView): Promise<Map<string, StandingRow>> {
    if (cubeIds.length === 0) return new Map()
    const rows = await this.#standing(sql`c.cube_id in ${inJson(cubeIds)}`, view, cubeIds.length)
    return new Map(rows.map((row) => [row.cube.cubeId, row]))
  }

  /** Cubes whose revision of then is the current one, newest first, below the sequence number `before`. */
  async unrevised(
    namespaceId: number,
    view: View,
    {
      filter,
      includeArchived,
      limit,
      before,
    }: { filter: Filter; includeArchived: boolean; limit: number; before: number | null },
  ): Promise<StandingRow[]> {
    const { isHead, state } = viewSql(view)
    const hot = includeArchived ? sql`1` : sql`${state} != 'archived'`
    const below = before === null ? sql`1` : sql`c.seq < ${before}`
    const here = sql`c.namespace_id = ${namespaceId} and ${below} and ${isHead} and ${hot} and ${filterSql(filter)}`
    return this.#standing(here, view, limit, sql`desc`)
  }

  /** States of then of cubes by sequence number. */
  async states(namespaceId: number, view: View, seqs: readonly number[]): Promise<Map<number, LifecycleState>> {
    if (seqs.length === 0) return new Map()
    const rows = await this.#vault.database.all(
      statement(
        sql`select c.seq, ${viewSql(view).state} from cubes c where c.namespace_id = ${namespaceId} and c.seq in ${inJson(seqs)}`,
      ),
    )
    return new Map(rows.map(([seq, state]) => [Number(seq), state as LifecycleState]))
  }

  /** Those of the given cubes, as they stood, that may be seen and match a filter. */
  async matching(stood: readonly CubeRow[], filter: Filter | null): Promise<Set<number>> {
    const found = new Set<number>()
    const access = cubeReach(this.#principal, 'read', this.#nowMs)
    for (const chunk of jsonChunks(stood.map(toColumns), SQL_VALUE_BYTES_MAX * 0.9)) {
      const rows = await this.#vault.database.all(
        statement(sql`select c.seq from (select ${COLUMN_VALUES} from json_each(${chunk}) j) c join namespaces n on n.id = c.namespace_id
          where ${access} and ${filter === null ? sql`1` : filterSql(filter)}`),
      )
      for (const [seq] of rows) found.add(Number(seq))
    }
    return found
  }

  /** Whether cubes that were there at a point have been erased since. */
  async hasErased(namespaceId: number, atMs: number): Promise<boolean> {
    // An id begins with the time at which its cube was made.
    const madeLater = ulid(atMs + 1, (length) => new Uint8Array(length))
    const rows = await this.#vault.database.all(
      statement(
        sql`select 1 from tombstones t where t.namespace_id = ${namespaceId} and t.deleted_at_ms > ${atMs} and t.cube_id < ${madeLater} limit 1`,
      ),
    )
    return rows.length > 0
  }

  async #standing(condition: SQL, view: DiffView, limit: number, order: SQL = sql`asc`): Promise<StandingRow[]> {
    const { inView, revision, state } = viewSql(view)
    const access = cubeReach(this.#principal, 'read', this.#nowMs)
    const rows = await this.#vault.database.all(
      statement(sql`select ${CUBE.columns}, r.number, r.cid, r.bytes, r.created_at_ms, ${state}, s.key, s.ordinal, n.id, n.name, n.layer
        from cubes c join namespaces n on n.id = c.namespace_id left join sessions s on s.id = c.session_id
        left join revisions r on r.cube_id = c.cube_id and r.number = ${revision}
        where ${condition} and ${inView} and ${access} order by c.seq ${order} limit ${limit}`),
    )
    return rows.map(toStanding)
  }
}

const CUBE_COLUMNS = Object.entries(getTableColumns(cubes))
const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const COLUMN_VALUES = sql.raw(CUBE_COLUMNS.map(([key], at) => `j.value->>${at} as ${snakeCase(key)}`).join(', '))

/** A row as SQLite would hold it, in the order of the table's columns. */
const toColumns = (cube: CubeRow): unknown[] =>
  CUBE_COLUMNS.map(([key, column]) => {
    const value = cube[key as keyof CubeRow]
    return value === null ? null : column.mapToDriverValue(value)
  })

function toStanding(row: Row): StandingRow {
  const [number, cid, bytes, createdAtMs, state, session, ordinal, id, name, layer] = row.slice(CUBE.width)
  return {
    cube: CUBE.parse(row),
    at: number === null ? null : ({ number, cid, bytes, createdAtMs } as StandingRow['at']),
    state: state as LifecycleState,
    session: session as string | null,
    ordinal: ordinal as number | null,
    namespace: { id, name, layer } as StandingRow['namespace'],
  }
}
