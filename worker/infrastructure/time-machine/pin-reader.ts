import { sql } from 'drizzle-orm'
import { readStoredRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { LifecycleState } from '../../../schemas/lifecycle.ts'
import { branchCubes, branches, snapshots } from '../../../schemas/tables/time-machine.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { Row } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import type { BranchCubeRow, BranchRow, SnapshotRow } from '../../ports/rows.ts'
import type { DiffView } from '../../ports/time-machine.ts'
import { cubeReach, namespaceAccess, namespaceClearance } from '../governance/access-sql.ts'
import { isHidden, SENSITIVE_CUBES } from '../governance/count-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, rowShape, statement } from '../vault/sql.ts'
import { blobCidsOf } from '../vault/text-blob.ts'
import { viewSql } from './view-sql.ts'

/** Lines of a digest that are read at once: below the 2 MB that D1 gives a value. */
const DIGEST_PAGE_LINES = 10_000

export interface DiffSideRow {
  revision: number | null
  cid: string | null
  state: LifecycleState
}
export interface DiffRow {
  seq: number
  cubeId: string
  from: DiffSideRow | null
  to: DiffSideRow | null
}

const SNAPSHOT = rowShape(snapshots, 'p')
const BRANCH = rowShape(branches, 'b')
const BRANCH_CUBE = rowShape(branchCubes, 'b')

/** Snapshots and branches of namespaces that were read before, and what of them a principal may see. */
export class PinReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  async snapshot(namespaceId: number, name: string): Promise<SnapshotRow | null> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select ${SNAPSHOT.columns} from snapshots p where p.namespace_id = ${namespaceId} and p.name = ${name}`,
      ),
    )
    return rows[0] === undefined ? null : SNAPSHOT.parse(rows[0])
  }

  /** In order of name, above the name `after`. */
  async snapshots(namespaceId: number, limit: number, after: string | null): Promise<SnapshotRow[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${SNAPSHOT.columns} from snapshots p
        where p.namespace_id = ${namespaceId} and p.name is not null and p.name > ${after ?? ''} order by p.name limit ${limit}`),
    )
    return rows.map(SNAPSHOT.parse)
  }

  async branch(namespaceId: number, name: string): Promise<BranchRow | null> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select ${BRANCH.columns} from branches b where b.namespace_id = ${namespaceId} and b.name = ${name}`,
      ),
    )
    return rows[0] === undefined ? null : BRANCH.parse(rows[0])
  }

  /** In order of name, above the name `after`. */
  async branches(namespaceId: number, limit: number, after: string | null): Promise<BranchRow[]> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select ${BRANCH.columns} from branches b where b.namespace_id = ${namespaceId} and b.name > ${after ?? ''} order by b.name limit ${limit}`,
      ),
    )
    return rows.map(BRANCH.parse)
  }

  /** Everything that a branch wrote, in order of the cubes' ids; without what it holds of cubes that may not be seen. */
  async branchCubes(branchId: string): Promise<BranchCubeRow[]> {
    const reach = cubeReach(this.#principal, 'read', this.#nowMs)
    const hidden = sql`exists (select 1 from cubes c join namespaces n on n.id = c.namespace_id where c.cube_id = b.cube_id and not (${reach}))`
    const may = (sensitivity: 'personal' | 'secret') =>
      sql`exists (select 1 from namespaces n where n.id = b.namespace_id and ${namespaceClearance(this.#principal, sensitivity)})`
    const cleared = sql`case b.local->>'$.now.sensitivity' when 'secret' then ${may('secret')} when 'personal' then ${may('personal')} else 1 end`
    const rows = await this.#vault.database.all(
      statement(sql`select ${BRANCH_CUBE.columns} from branch_cubes b
        where b.branch_id = ${branchId} and not ${hidden} and ${cleared} order by b.cube_id`),
    )
    return rows.map(BRANCH_CUBE.parse)
  }

  /** How much a branch wrote, what the caller may not see included. */
  async branchSize(branchId: string): Promise<number> {
    const [row] = await this.#vault.database.all(
      statement(sql`select count(*) from branch_cubes b where b.branch_id = ${branchId}`),
    )
    return Number(row?.[0] ?? 0)
  }

  /** The namespace that a cube stands in, also one that only an open branch of that name has made. */
  async namespaceOf(cubeId: string, branch: string | null): Promise<string | null> {
    const live = sql`select n.name from cubes c join namespaces n on n.id = c.namespace_id
      where c.cube_id = ${cubeId} and ${cubeReach(this.#principal, 'read', this.#nowMs)}`
    const made = sql`select n.name from branches r join branch_cubes b on b.branch_id = r.id and b.cube_id = ${cubeId}
      join namespaces n on n.id = r.namespace_id where r.name = ${branch} and ${namespaceAccess(this.#principal, 'read')}`
    const rows = await this.#vault.database.all(
      statement(branch === null ? sql`${live} limit 1` : sql`${live} union ${made} limit 1`),
    )
    return rows[0] === undefined ? null : String(rows[0][0])
  }

  /** What a snapshot pins of the named cubes. */
  async pinned(snapshotId: string, cubeIds: readonly string[]): Promise<Map<string, DiffSideRow>> {
    const rows = await this.#vault.database.all(
      statement(sql`select p.cube_id, p.revision, p.cid, p.state from snapshot_cubes p
        where p.snapshot_id = ${snapshotId} and p.cube_id in ${inJson(cubeIds)}`),
    )
    return new Map(rows.map(([id, revision, cid, state]) => [String(id), { revision, cid, state } as DiffSideRow]))
  }

  /** What the caller may read of the given snapshots, and how much of what they pinned was erased that it might have read, by their ids. */
  async counts(snapshots: readonly SnapshotRow[]): Promise<ReadonlyMap<string, { cubes: number; erased: number }>> {
    const hidden = isHidden(this.#principal)
    const pinned = sql`${SENSITIVE_CUBES} cross join snapshot_cubes k on k.snapshot_id = p.id and k.cube_id = c.cube_id`
    const left =
      hidden === null ? sql`0` : sql`(select count(*) from ${pinned} where c.namespace_id = n.id and ${hidden})`
    const may = (sensitivity: 'personal' | 'secret') =>
      sql`(case when ${namespaceClearance(this.#principal, sensitivity)} then 1 else 0 end)`
    const rows = await this.#vault.database.all(
      statement(sql`select p.id, p.cube_count - ${left}, p.erased_none + p.erased_personal * ${may('personal')} + p.erased_secret * ${may('secret')}
        from snapshots p cross join namespaces n on n.id = p.namespace_id where p.id in ${inJson(snapshots.map(({ id }) => id))}`),
    )
    return new Map(rows.map(([id, cubes, erased]) => [String(id), { cubes: Number(cubes), erased: Number(erased) }]))
  }

  /** The lines `cubeId:cid` of the pinned cubes that may be seen, in order of cubeId, a page at a time. */
  async *digestLines(snapshotId: string): AsyncGenerator<string[]> {
    for (let after = ''; ; ) {
      const rows = await this.#vault.database.all(
        statement(sql`select json_group_array(line) from (select p.cube_id || ':' || p.cid as line from snapshot_cubes p
          join cubes c on c.cube_id = p.cube_id join namespaces n on n.id = c.namespace_id
          where p.snapshot_id = ${snapshotId} and p.cube_id > ${after} and ${cubeReach(this.#principal, 'read', this.#nowMs)}
          order by p.cube_id limit ${DIGEST_PAGE_LINES})`),
      )
      const lines = JSON.parse(String(rows[0]?.[0] ?? '[]')) as string[]
      yield lines
      if (lines.length < DIGEST_PAGE_LINES) return
      after = lines.at(-1)?.split(':')[0] ?? ''
    }
  }

  /** What differs between two points, in order of arrival, above the sequence number `after`. */
  async diff(
    namespaceId: number,
    { from, to }: { from: DiffView; to: DiffView },
    limit: number,
    after: number,
  ): Promise<DiffRow[]> {
    const [a, b] = [viewSql(from), viewSql(to)]
    const access = cubeReach(this.#principal, 'read', this.#nowMs)
    const sides = sql`select c.seq, c.cube_id, ${a.inView} as was, ${a.revision} as was_revision, ${a.cid} as was_cid, ${a.state} as was_state,
      ${b.inView} as is_there, ${b.revision} as is_revision, ${b.cid} as is_cid, ${b.state} as is_state
      from cubes c join namespaces n on n.id = c.namespace_id where c.namespace_id = ${namespaceId} and c.seq > ${after} and ${access}`
    const cidOf = (cid: string, revision: string) =>
      sql.raw(
        `coalesce(${cid}, (select r.cid from revisions r where r.cube_id = d.cube_id and r.number = ${revision}))`,
      )
    const rows = await this.#vault.database.all(
      statement(sql`select d.seq, d.cube_id, d.was, d.was_revision, ${cidOf('d.was_cid', 'd.was_revision')}, d.was_state,
        d.is_there, d.is_revision, ${cidOf('d.is_cid', 'd.is_revision')}, d.is_state from (${sides}) d
        where (d.was or d.is_there) and (d.was != d.is_there or d.was_revision is not d.is_revision or d.was_state != d.is_state)
        order by d.seq limit ${limit}`),
    )
    return rows.map((row) => ({
      seq: Number(row[0]),
      cubeId: String(row[1]),
      from: sideOf(row.slice(2, 6)),
      to: sideOf(row.slice(6, 10)),
    }))
  }

  /** Keys of the blobs that the branches of a namespace name, for erasing it. */
  async branchBlobKeys(namespaceId: number): Promise<string[]> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select b.cube_id, b.cid, b.bytes from branch_cubes b where b.namespace_id = ${namespaceId} and instr(b.bytes, x'64626c6f62') > 0`,
      ),
    )
    return rows.flatMap(([cubeId, cid, bytes]) => this.#keysOf(String(cubeId), cid as Cid, bytes as Uint8Array))
  }

  /** Damaged bytes name no blobs; what they named is left to the blob sweep. */
  #keysOf(cubeId: string, cid: Cid, bytes: Uint8Array): string[] {
    try {
      return blobCidsOf(readStoredRevision(cid, bytes)).map((blob) => blobKey(this.#principal.orgId, cubeId, blob))
    } catch {
      return []
    }
  }
}

function sideOf([isThere, revision, cid, state]: Row): DiffSideRow | null {
  return isThere === 1 ? ({ revision: cid === null ? null : revision, cid, state } as DiffSideRow) : null
}
