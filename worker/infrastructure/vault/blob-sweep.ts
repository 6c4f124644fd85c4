import { sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { MemVault, OrgVault } from './mem-vault.ts'
import { namedBlobs, removeUnnamed } from './named-blobs.ts'
import { inJson, statement } from './sql.ts'

/** Keys of one step. */
const KEYS_PER_STEP = 500
/** A blob is written before its row. One without a row stays this long after its cube's id was made and after it was first seen here. */
export const BLOB_ORPHAN_MS = 60 * 60 * 1000
/** How long the sweep rests at the end of the store. */
const REST_MS = 60 * 60 * 1000
/** Blobs without a row that are remembered; further ones are noted in the next round. */
const SUSPECTS_MAX = 10_000

const PREFIX = 'cubes/'

export interface BlobSweepComponents {
  vault: MemVault
  blobs: BlobStore
  runtime: Runtime
}

/**
 * Removes blobs that a crash left behind without a cube or a revision that names them: a page of keys a step, in rounds through the whole store. An import keeps the ids
 * of its cubes, so the age of an id alone does not prove that no write is under way; therefore a blob goes only when a later round meets it
 * again. What was seen is kept in memory: a process that begins anew removes later, never more.
 */
export class BlobSweep {
  readonly #components: BlobSweepComponents
  readonly #suspects = new Map<string, number>()
  #after = PREFIX
  #restsUntilMs = 0

  constructor(components: BlobSweepComponents) {
    this.#components = components
  }

  /** Looks at the next page of keys. Answers how many blobs were removed. */
  async step(): Promise<number> {
    const { blobs, runtime } = this.#components
    const nowMs = runtime.nowMs()
    if (nowMs < this.#restsUntilMs) return 0
    const keys = await blobs.list(PREFIX, { after: this.#after, limit: KEYS_PER_STEP })
    const gone: string[] = []
    for (const [orgId, ofOrg] of Map.groupBy(keys, (key) => key.split('/')[1] ?? ''))
      gone.push(...(await this.#sweep(orgId, ofOrg, nowMs)))
    for (const key of gone) this.#suspects.delete(key)
    const last = keys.at(-1)
    const isEnd = last === undefined || keys.length < KEYS_PER_STEP
    this.#after = isEnd ? PREFIX : last
    if (isEnd) this.#restsUntilMs = nowMs + REST_MS
    return gone.length
  }

  /**
   * Removes blobs whose cube's id is old and has no row, or none of whose revisions names them: a purge that was killed leaves such. An
   * organisation that is not settled in one place is left alone.
   */
  async #sweep(orgId: string, keys: readonly string[], nowMs: number): Promise<string[]> {
    const old = keys.filter((key) => timeOf(cubeIdOf(key)) < nowMs - BLOB_ORPHAN_MS)
    const vault = old.length === 0 ? null : await this.#settled(orgId, nowMs)
    if (vault === null) return []
    const ids = inJson([...new Set(old.map(cubeIdOf))])
    const rows = await vault.database.all(
      statement(
        sql`select cube_id from cubes where cube_id in ${ids} union select cube_id from branch_cubes where cube_id in ${ids}`,
      ),
    )
    const living = new Set(rows.map(([cubeId]) => String(cubeId)))
    const isNamed = await namedBlobs(vault.database, orgId, [...living])
    const isNeeded = (key: string) => living.has(cubeIdOf(key)) && isNamed(key)
    for (const key of keys) if (isNeeded(key)) this.#suspects.delete(key)
    const orphans = old.filter((key) => !isNeeded(key) && this.#isSeenBefore(key, nowMs))
    const [ofLiving, ofNobody] = [true, false].map((lives) =>
      orphans.filter((key) => living.has(cubeIdOf(key)) === lives),
    )
    await this.#components.blobs.delete(ofNobody ?? [])
    const { database } = vault
    const { blobs } = this.#components
    return [
      ...(ofNobody ?? []),
      ...(await removeUnnamed({ database, blobs, orgId }, Map.groupBy(ofLiving ?? [], cubeIdOf))),
    ]
  }

  async #settled(orgId: string, nowMs: number): Promise<OrgVault | null> {
    try {
      return await this.#components.vault.of(orgId, nowMs, 'write')
    } catch (error) {
      if (error instanceof MemosError) return null
      throw error
    }
  }

  #isSeenBefore(key: string, nowMs: number): boolean {
    const seenMs = this.#suspects.get(key)
    if (seenMs === undefined && this.#suspects.size < SUSPECTS_MAX) this.#suspects.set(key, nowMs)
    return seenMs !== undefined && seenMs <= nowMs - BLOB_ORPHAN_MS
  }
}

const cubeIdOf = (key: string): string => key.split('/')[2] ?? ''

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Milliseconds in a ULID; NaN, which is older than nothing, for another name. */
const timeOf = (ulid: string): number =>
  ulid.length === 26
    ? [...ulid.slice(0, 10)].reduce(
        (sum, character) => sum * 32 + (ALPHABET.indexOf(character) + 1 || Number.NaN) - 1,
        0,
      )
    : Number.NaN
