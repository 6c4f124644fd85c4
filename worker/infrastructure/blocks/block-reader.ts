import { and, desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Outcome } from '../../../schemas/block.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { BLOCKS_PINNED_MAX } from '../../../schemas/limits.ts'
import { blockChanges, blockMembers, blocks } from '../../../schemas/tables/blocks.ts'
import { cubes } from '../../../schemas/tables/cubes.ts'
import type { Principal } from '../../ports/principal.ts'
import type { BlockChangeRow, BlockMemberRow, BlockRow, CubeRow } from '../../ports/rows.ts'
import { cubeReach } from '../governance/access-sql.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, rowShape, statement, toJson } from '../vault/sql.ts'
import { namedCubes, shownChange } from './shown-change.ts'

export type NamedBlock = BlockRow & { namespace: string }

export interface Member extends BlockMemberRow {
  cube: CubeRow
}

export interface Question {
  query: string
  /** Cubes that helped with it. */
  cubeIds: string[]
}

/** Feedback as it counts once. */
export interface FeedbackKey {
  cubeId: string
  requestId: string
  outcome: Outcome
}

const BLOCK = rowShape(blocks, 'b')
const MEMBER = rowShape(blockMembers, 'm')
const CUBE = rowShape(cubes, 'c')

/** Blocks that a principal may see: those whose core cube it may. Each statement carries the permissions. */
export class BlockReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  /** @throws MemosError not_found for absent and forbidden blocks alike */
  async get(blockId: string, access: 'read' | 'write'): Promise<NamedBlock> {
    const [found] = await this.#blocks(sql`b.id = ${blockId}`, access, sql`b.id`, 1)
    if (found === undefined) throw new MemosError('not_found')
    return found
  }

  /** In order of creation, behind the block `after`. */
  page(namespaceId: number, limit: number, after: string | null): Promise<NamedBlock[]> {
    const behind = after === null ? sql`1` : sql`b.id > ${after}`
    return this.#blocks(sql`b.namespace_id = ${namespaceId} and ${behind}`, 'read', sql`b.id`, limit)
  }

  /** Pinned blocks of namespaces, oldest first, with the place of their text; what is archived is out of the way. */
  async pinned(namespaceIds: readonly number[]): Promise<{ block: BlockRow; seq: number }[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select c.seq, ${BLOCK.columns} from json_each(${toJson(namespaceIds)}) j cross join blocks b on b.namespace_id = j.value
        cross join cubes c on c.cube_id = b.core_cube_id cross join namespaces n on n.id = c.namespace_id
        where b.pinned = 1 and c.state != 'archived' and ${this.#reach('read')} order by b.id limit ${BLOCKS_PINNED_MAX}`),
    )
    return rows.map(([seq, ...block]) => ({ seq: Number(seq), block: BLOCK.parse(block) }))
  }

  /** Members in order of id, behind the cube `after`; those that may not be seen are absent. */
  members(blockId: string, limit: number, after: string | null): Promise<Member[]> {
    const behind = after === null ? sql`1` : sql`m.cube_id > ${after}`
    return this.#members(sql`m.block_id = ${blockId} and ${behind}`, 'read', sql`m.cube_id`, limit)
  }

  /** Members that are not retired and that may be written, the latest first. */
  liveMembers(blockId: string, limit: number): Promise<Member[]> {
    const live = sql`m.block_id = ${blockId} and m.retired_at_ms is null and c.state != 'archived'`
    return this.#members(live, 'write', sql`m.added_at_ms desc, m.cube_id desc`, limit)
  }

  /** Members that are not retired, of those that may be seen. */
  async liveCount(blockId: string): Promise<number> {
    const [row] = await this.#vault.database.all(
      statement(sql`select count(*) from block_members m cross join cubes c on c.cube_id = m.cube_id cross join namespaces n on n.id = c.namespace_id
        where m.block_id = ${blockId} and m.retired_at_ms is null and ${this.#reach('read')}`),
    )
    return Number(row?.[0] ?? 0)
  }

  /** The named cubes that may be written, in no particular order. */
  async writable(cubeIds: readonly string[]): Promise<CubeRow[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${CUBE.columns} from json_each(${toJson(cubeIds)}) j cross join cubes c on c.cube_id = j.value
        cross join namespaces n on n.id = c.namespace_id where ${this.#reach('write')}`),
    )
    return rows.map(CUBE.parse)
  }

  /** Those pieces of feedback that a caller has sent before. */
  async known(keys: readonly FeedbackKey[], caller: string): Promise<FeedbackKey[]> {
    if (keys.length === 0) return []
    const wanted = toJson(keys.map(({ cubeId, requestId, outcome }) => [cubeId, requestId, outcome]))
    const rows = await this.#vault.database.all(
      statement(sql`select f.cube_id, f.request_id, f.outcome from json_each(${wanted}) j cross join feedback f on f.cube_id = j.value->>0
        and f.request_id = j.value->>1 and f.caller = ${caller} and f.outcome = j.value->>2 where f.request_id is not null`),
    )
    return rows.map(([cubeId, requestId, outcome]) => ({
      cubeId: String(cubeId),
      requestId: String(requestId),
      outcome: outcome as Outcome,
    }))
  }

  /** What was told of cubes that were read before, oldest first, and with which of the named questions. */
  async told(
    namespaceId: number,
    cubeIds: readonly string[],
    questions: readonly string[],
  ): Promise<Map<string, { outcome: Outcome; question: number | null }[]>> {
    const rows = await this.#vault.database.all(
      statement(sql`select f.cube_id, json_group_array(json_array(f.outcome, f.asked)) from (
        select f.cube_id, f.outcome, (select q.key from json_each(${toJson(questions)}) q where q.value = f.query) as asked
        from json_each(${toJson(cubeIds)}) j cross join feedback f on f.namespace_id = ${namespaceId} and f.cube_id = j.value
        order by f.cube_id, f.id) f group by 1`),
    )
    return new Map(
      rows.map(([cubeId, list]) => [
        String(cubeId),
        (JSON.parse(String(list)) as [Outcome, number | null][]).map(([outcome, question]) => ({ outcome, question })),
      ]),
    )
  }

  /** The latest questions with which the core or a member of a block helped, retired ones included. */
  async questions({ id, namespaceId, coreCubeId }: BlockRow, limit: number): Promise<Question[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select f.query, json_group_array(distinct f.cube_id) from feedback f where f.namespace_id = ${namespaceId}
        and f.cube_id in (select m.cube_id from block_members m where m.block_id = ${id} union all select ${coreCubeId})
        and f.outcome = 'helped' and f.query is not null group by f.query order by max(f.id) desc limit ${limit}`),
    )
    return rows.map(([query, cubeIds]) => ({ query: String(query), cubeIds: JSON.parse(String(cubeIds)) as string[] }))
  }

  /** Changes of a block that was read before, newest first, below the id `before`. */
  changes(blockId: string, limit: number, before: string | null): Promise<BlockChangeRow[]> {
    const below = before === null ? sql`1` : sql`${blockChanges.id} < ${before}`
    return this.#vault.orm
      .select()
      .from(blockChanges)
      .where(and(eq(blockChanges.blockId, blockId), below))
      .orderBy(desc(blockChanges.id))
      .limit(limit)
  }

  /** Changes as the principal may see them: without the cubes that it may not. */
  async shown(changes: readonly BlockChangeRow[]): Promise<BlockChangeRow[]> {
    const named = [...new Set(changes.flatMap(namedCubes))]
    if (named.length === 0) return [...changes]
    const rows = await this.#vault.database.all(
      statement(sql`select c.cube_id from json_each(${toJson(named)}) j cross join cubes c on c.cube_id = j.value
        cross join namespaces n on n.id = c.namespace_id where ${this.#reach('read')}`),
    )
    const seen = new Set(rows.map(([cubeId]) => String(cubeId)))
    return changes.map((change) => shownChange(change, seen))
  }

  /** @throws MemosError not_found */
  async change(blockId: string, changeId: string): Promise<BlockChangeRow> {
    const [row] = await this.#vault.orm
      .select()
      .from(blockChanges)
      .where(and(eq(blockChanges.blockId, blockId), eq(blockChanges.id, changeId)))
    if (row === undefined) throw new MemosError('not_found')
    return row
  }

  /** Cubes that took others in, by the one that was taken in. */
  async mergedInto(cubeIds: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.#vault.orm
      .select({ cubeId: cubes.cubeId, mergedInto: cubes.mergedInto })
      .from(cubes)
      .where(sql`${cubes.cubeId} in ${inJson(cubeIds)} and ${cubes.mergedInto} is not null`)
    return new Map(rows.flatMap(({ cubeId, mergedInto }) => (mergedInto === null ? [] : [[cubeId, mergedInto]])))
  }

  async #blocks(where: SQL, access: 'read' | 'write', order: SQL, limit: number): Promise<NamedBlock[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select n.name, ${BLOCK.columns} from blocks b cross join cubes c on c.cube_id = b.core_cube_id
        cross join namespaces n on n.id = c.namespace_id where ${where} and ${this.#reach(access)} order by ${order} limit ${limit}`),
    )
    return rows.map(([namespace, ...block]) => ({ ...BLOCK.parse(block), namespace: String(namespace) }))
  }

  async #members(where: SQL, access: 'read' | 'write', order: SQL, limit: number): Promise<Member[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${MEMBER.columns}, ${CUBE.columns} from block_members m cross join cubes c on c.cube_id = m.cube_id
        cross join namespaces n on n.id = c.namespace_id where ${where} and ${this.#reach(access)} order by ${order} limit ${limit}`),
    )
    return rows.map((row) => ({ ...MEMBER.parse(row), cube: CUBE.parse(row.slice(MEMBER.width)) }))
  }

  #reach(access: 'read' | 'write'): SQL {
    return cubeReach(this.#principal, access, this.#nowMs)
  }
}
