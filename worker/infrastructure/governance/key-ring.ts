import { and, desc, eq, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { z } from 'zod'
import type { CreateKey, Subject } from '../../../schemas/administration.ts'
import { isoOf } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { KEY_ROWS_MAX, RATE_PER_MINUTE_MAX } from '../../../schemas/limits.ts'
import { apiKeys } from '../../../schemas/tables/directory.ts'
import { ulid } from '../../../schemas/ulid.ts'
import { isAbove, SCOPES, type Scope, type Sensitivity } from '../../../schemas/vocabulary.ts'
import type { Claims, Principal } from '../../ports/principal.ts'
import type { ApiKeyRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { inJson, toJson } from '../vault/sql.ts'
import { hashSecret, keyIdOf, mintSecret, sameDigest } from './key-secret.ts'

/** Id of the organisation that exists from the first start. */
export const DEFAULT_ORGANISATION = 'default'

const DAY_MS = 86_400_000

export interface KeyRingComponents {
  vault: MemVault
  runtime: Runtime
}

export interface KeyRingInit {
  /** sha2-256 of the root key, hex. */
  rootHash: string
  /**
   * Whether this process is the only one that changes keys, so that rows may be kept in memory and are dropped when it changes them. Workers
   * have many isolates: there each request reads the row, so a revocation holds from the next request on.
   */
  cacheRows: boolean
  /** Rows kept in memory; default KEY_ROWS_MAX. */
  rowsMax?: number
}

/** API keys: minted, verified, rotated, revoked. */
export class KeyRing {
  readonly #vault: MemVault
  readonly #runtime: Runtime
  readonly #init: KeyRingInit
  readonly #rows = new Map<string, ApiKeyRow>()

  constructor({ vault, runtime }: KeyRingComponents, init: KeyRingInit) {
    this.#vault = vault
    this.#runtime = runtime
    this.#init = init
  }

  /**
   * The principal behind a presented secret. `actAs` names the organisation that the root key acts in; `claims` is what the request says it is
   * for, of which a key bound to one purpose or task needs no word.
   * @throws MemosError unauthenticated: unknown, wrong, expired and revoked keys look the same; forbidden: a claim that the key may not make
   */
  async authenticate(secret: string, actAs: string | null, claims: Claims = NO_CLAIMS): Promise<Principal> {
    const hash = hashSecret(secret)
    const nowMs = this.#runtime.nowMs()
    if (sameDigest(hash, this.#init.rootHash)) return rootPrincipal(actAs ?? DEFAULT_ORGANISATION, claims, nowMs)
    const keyId = keyIdOf(secret)
    const row = keyId === null ? null : await this.#row(keyId)
    if (row === null || !isValid(row, hash, nowMs)) throw new MemosError('unauthenticated')
    return principalOf(row, claims, nowMs)
  }

  /** A new key; it counts once its row is stored. Without an expiry of its own it ends at `endsByMs`, the end of the key that makes it. */
  mint(orgId: string, request: z.infer<typeof CreateKey>, endsByMs: number | null): { row: ApiKeyRow; secret: string } {
    const now = this.#runtime.nowMs()
    const id = ulid(now, this.#runtime.randomBytes)
    const secret = mintSecret(id, this.#runtime.randomBytes)
    const row: ApiKeyRow = {
      id,
      orgId,
      name: request.name,
      hash: hashSecret(secret),
      previousHash: null,
      previousUntilMs: null,
      scopes: request.scopes,
      subjectKind: request.subject?.kind ?? null,
      subjectId: request.subject?.id ?? null,
      namespaces: request.namespaces ?? null,
      clearance: request.clearance ?? 'personal',
      purposes: request.purposes ?? null,
      tasks: request.tasks ?? null,
      ratePerMinute: request.ratePerMinute,
      createdAtMs: now,
      expiresAtMs: request.expiresInDays === undefined ? endsByMs : now + request.expiresInDays * DAY_MS,
      revokedAtMs: null,
    }
    return { row, secret }
  }

  /**
   * Makes a key for the organisation of the key `by`, which it does not outlive.
   * @throws MemosError forbidden (expiresInDays)
   */
  async create(by: Principal, request: z.infer<typeof CreateKey>): Promise<{ row: ApiKeyRow; secret: string }> {
    const key = this.mint(by.orgId, request, by.expiresAtMs)
    if (outlives(key.row, by)) {
      const daysMax = Math.floor(((by.expiresAtMs ?? 0) - key.row.createdAtMs) / DAY_MS)
      throw new MemosError('forbidden', {
        field: 'expiresInDays',
        expected: `${daysMax < 1 ? 'no value' : `at most ${daysMax}`}: the calling key ends at ${isoOf(by.expiresAtMs ?? 0)}`,
      })
    }
    await this.#vault.directoryOrm.insert(apiKeys).values(key.row)
    return key
  }

  /**
   * Gives a key a new secret; the old one works `graceMs` longer.
   * @throws MemosError not_found, forbidden: whoever gets the secret of a stronger key has made himself one
   */
  async rotate(by: Principal, id: string, graceMs: number): Promise<{ row: ApiKeyRow; secret: string }> {
    const row = await this.#owned(by, id)
    const now = this.#runtime.nowMs()
    if (row.revokedAtMs !== null) throw new MemosError('not_found')
    if (row.scopes.some((scope) => !by.scopes.has(scope as Scope)))
      throw new MemosError('forbidden', { field: 'id', expected: 'a key without scopes that the calling key lacks' })
    if (
      isAbove(clearanceOf(row), by.clearance) ||
      !isWithin(row.purposes, by.purposes) ||
      !isWithin(row.tasks, by.tasks)
    )
      throw new MemosError('forbidden', { field: 'id', expected: 'a key of no wider clearance, purposes or tasks' })
    if (outlives(row, by))
      throw new MemosError('forbidden', { field: 'id', expected: 'a key that ends no later than the calling key' })
    if (row.ratePerMinute > by.ratePerMinute)
      throw new MemosError('forbidden', { field: 'id', expected: 'a key of no higher rate than the calling key has' })
    const secret = mintSecret(id, this.#runtime.randomBytes)
    const change = {
      hash: hashSecret(secret),
      previousHash: graceMs > 0 ? row.hash : null,
      previousUntilMs: graceMs > 0 ? now + graceMs : null,
    }
    await this.#change(() => this.#vault.directoryOrm.update(apiKeys).set(change).where(eq(apiKeys.id, id)))
    return { row: { ...row, ...change }, secret }
  }

  async revoke(by: Principal, id: string): Promise<void> {
    await this.#owned(by, id)
    const revoked = { revokedAtMs: this.#runtime.nowMs() }
    await this.#change(() => this.#vault.directoryOrm.update(apiKeys).set(revoked).where(eq(apiKeys.id, id)))
  }

  /** Revokes every key of a subject that is being deleted. Answers whether there was one. */
  async revokeSubject(orgId: string, subject: Subject): Promise<boolean> {
    const bound = and(
      eq(apiKeys.orgId, orgId),
      eq(apiKeys.subjectKind, subject.kind),
      eq(apiKeys.subjectId, subject.id),
      isNull(apiKeys.revokedAtMs),
    )
    const revoked = { revokedAtMs: this.#runtime.nowMs() }
    const keys = await this.#change(() =>
      this.#vault.directoryOrm.update(apiKeys).set(revoked).where(bound).returning({ id: apiKeys.id }),
    )
    return keys.length > 0
  }

  /** Those of the subjects that have a key which was not revoked, as `kind:id`. */
  async withKeys(orgId: string, subjects: readonly Subject[]): Promise<Set<string>> {
    const asked = toJson(subjects.map(({ kind, id }) => [kind, id]))
    const named = sql`(${apiKeys.subjectKind}, ${apiKeys.subjectId}) in (select j.value->>0, j.value->>1 from json_each(${asked}) j)`
    const rows = await this.#vault.directoryOrm
      .selectDistinct({ kind: apiKeys.subjectKind, id: apiKeys.subjectId })
      .from(apiKeys)
      .where(and(eq(apiKeys.orgId, orgId), isNull(apiKeys.revokedAtMs), named))
    return new Set(rows.map(({ kind, id }) => `${kind}:${id}`))
  }

  /** Keys that a principal manages, newest first, below the id `before`. */
  list(by: Principal, limit: number, before: string | null): Promise<ApiKeyRow[]> {
    return this.#vault.directoryOrm
      .select()
      .from(apiKeys)
      .where(and(managedBy(by), before === null ? undefined : lt(apiKeys.id, before)))
      .orderBy(desc(apiKeys.id))
      .limit(limit)
  }

  async #owned(by: Principal, id: string): Promise<ApiKeyRow> {
    const [row] = await this.#vault.directoryOrm
      .select()
      .from(apiKeys)
      .where(and(eq(apiKeys.id, id), managedBy(by)))
    if (row === undefined) throw new MemosError('not_found')
    return row
  }

  /** Changes rows and forgets what is in memory, also when the answer was lost: the change may have taken effect. */
  async #change<T>(write: () => PromiseLike<T>): Promise<T> {
    try {
      return await write()
    } finally {
      this.#rows.clear()
    }
  }

  async #row(id: string): Promise<ApiKeyRow | null> {
    const known = this.#rows.get(id)
    if (known !== undefined) return known
    const [row] = await this.#vault.directoryOrm.select().from(apiKeys).where(eq(apiKeys.id, id))
    if (row === undefined) return null
    const { cacheRows, rowsMax = KEY_ROWS_MAX } = this.#init
    if (this.#rows.size >= rowsMax) this.#rows.clear()
    if (cacheRows) this.#rows.set(id, row)
    return row
  }
}

/** The keys of the organisation; for a narrowed principal only those that are narrowed at least as much. */
const managedBy = ({ orgId, subject, namespaces }: Principal): SQL | undefined =>
  and(
    eq(apiKeys.orgId, orgId),
    ...(subject === null ? [] : [eq(apiKeys.subjectKind, subject.kind), eq(apiKeys.subjectId, subject.id)]),
    ...(namespaces === null
      ? []
      : [
          isNotNull(apiKeys.namespaces),
          sql`not exists (select 1 from json_each(${apiKeys.namespaces}) j where j.value not in ${inJson(namespaces)})`,
        ]),
  )

const isValid = (row: ApiKeyRow, hash: string, nowMs: number): boolean =>
  row.revokedAtMs === null &&
  (row.expiresAtMs === null || row.expiresAtMs > nowMs) &&
  (sameDigest(row.hash, hash) ||
    (row.previousHash !== null && (row.previousUntilMs ?? 0) > nowMs && sameDigest(row.previousHash, hash)))

/** Whether a key is good for longer than another one. */
const outlives = (key: Pick<ApiKeyRow, 'expiresAtMs'>, { expiresAtMs }: Principal): boolean =>
  expiresAtMs !== null && (key.expiresAtMs === null || key.expiresAtMs > expiresAtMs)

const NO_CLAIMS: Claims = { purpose: null, task: null }

const clearanceOf = ({ scopes, clearance }: Pick<ApiKeyRow, 'scopes' | 'clearance'>): Sensitivity =>
  scopes.includes('memory:secret') ? 'secret' : clearance

/** Whether a list of allowed words allows no more than another one; null allows any. */
export const isWithin = (words: readonly string[] | null, allowed: readonly string[] | null): boolean =>
  allowed === null || (words?.every((word) => allowed.includes(word)) ?? false)

/** What a request claims, checked against what its key may claim. */
function claimed(header: string, claim: string | null, allowed: readonly string[] | null): string | null {
  if (claim === null) return allowed?.length === 1 ? (allowed[0] ?? null) : null
  if (allowed !== null && !allowed.includes(claim))
    throw new MemosError('forbidden', { field: header, expected: `one of ${allowed.join(', ')}` })
  return claim
}

const principalOf = (row: ApiKeyRow, { purpose, task }: Claims, nowMs: number): Principal => ({
  keyId: row.id,
  orgId: row.orgId,
  scopes: new Set(row.scopes as Scope[]),
  subject: row.subjectKind === null || row.subjectId === null ? null : { kind: row.subjectKind, id: row.subjectId },
  namespaces: row.namespaces,
  clearance: clearanceOf(row),
  purposes: row.purposes,
  tasks: row.tasks,
  purpose: claimed('memos-purpose', purpose, row.purposes),
  task: claimed('memos-task', task, row.tasks),
  atMs: nowMs,
  ratePerMinute: row.ratePerMinute,
  expiresAtMs: row.expiresAtMs,
  root: false,
})

const rootPrincipal = (orgId: string, { purpose, task }: Claims, nowMs: number): Principal => ({
  keyId: 'root',
  orgId,
  scopes: new Set(SCOPES),
  subject: null,
  namespaces: null,
  clearance: 'secret',
  purposes: null,
  tasks: null,
  purpose,
  task,
  atMs: nowMs,
  ratePerMinute: RATE_PER_MINUTE_MAX,
  expiresAtMs: null,
  root: true,
})
