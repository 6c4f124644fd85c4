import { and, desc, eq, lt } from 'drizzle-orm'
import type { z } from 'zod'
import type { CreateKey, Subject } from '../../../schemas/administration.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { RATE_PER_MINUTE_MAX } from '../../../schemas/limits.ts'
import { apiKeys } from '../../../schemas/tables/directory.ts'
import type { ApiKeyRow } from '../../../schemas/tables/row-types.ts'
import { ulid } from '../../../schemas/ulid.ts'
import { SCOPES, type Scope } from '../../../schemas/vocabulary.ts'
import type { Principal } from '../../ports/principal.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { hashSecret, keyIdOf, mintSecret, sameDigest } from './key-secret.ts'

/** Id of the organisation that exists from the first start. */
export const DEFAULT_ORGANISATION = 'default'

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
   * The principal behind a presented secret. `actAs` names the organisation that the root key acts in.
   * @throws MemosError unauthenticated: unknown, wrong, expired and revoked keys look the same
   */
  async authenticate(secret: string, actAs: string | null): Promise<Principal> {
    const hash = hashSecret(secret)
    if (sameDigest(hash, this.#init.rootHash)) return rootPrincipal(actAs ?? DEFAULT_ORGANISATION)
    const keyId = keyIdOf(secret)
    const row = keyId === null ? null : await this.#row(keyId)
    if (row === null || !isValid(row, hash, this.#runtime.nowMs())) throw new MemosError('unauthenticated')
    return principalOf(row)
  }

  async create(orgId: string, request: z.infer<typeof CreateKey>): Promise<{ row: ApiKeyRow; secret: string }> {
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
      ratePerMinute: request.ratePerMinute,
      createdAtMs: now,
      expiresAtMs: request.expiresInDays === undefined ? null : now + request.expiresInDays * 86_400_000,
      revokedAtMs: null,
    }
    await this.#vault.directoryOrm.insert(apiKeys).values(row)
    return { row, secret }
  }

  /** Gives a key a new secret; the old one works `graceMs` longer. */
  async rotate(by: Principal, id: string, graceMs: number): Promise<{ row: ApiKeyRow; secret: string }> {
    const row = await this.#owned(by, id)
    const now = this.#runtime.nowMs()
    if (row.revokedAtMs !== null) throw new MemosError('not_found')
    const secret = mintSecret(id, this.#runtime.randomBytes)
    const change = {
      hash: hashSecret(secret),
      previousHash: graceMs > 0 ? row.hash : null,
      previousUntilMs: graceMs > 0 ? now + graceMs : null,
    }
    await this.#vault.directoryOrm.update(apiKeys).set(change).where(eq(apiKeys.id, id))
    this.#rows.delete(id)
    return { row: { ...row, ...change }, secret }
  }

  async revoke(by: Principal, id: string): Promise<void> {
    await this.#owned(by, id)
    await this.#vault.directoryOrm.update(apiKeys).set({ revokedAtMs: this.#runtime.nowMs() }).where(eq(apiKeys.id, id))
    this.#rows.delete(id)
  }

  /** Revokes every key of a subject that is being deleted. */
  async revokeSubject(orgId: string, subject: Subject): Promise<void> {
    const bound = and(
      eq(apiKeys.orgId, orgId),
      eq(apiKeys.subjectKind, subject.kind),
      eq(apiKeys.subjectId, subject.id),
    )
    await this.#vault.directoryOrm.update(apiKeys).set({ revokedAtMs: this.#runtime.nowMs() }).where(bound)
    this.#rows.clear()
  }

  /** Keys of an organisation, newest first, below the id `before`. */
  list(orgId: string, limit: number, before: string | null): Promise<ApiKeyRow[]> {
    const here = eq(apiKeys.orgId, orgId)
    return this.#vault.directoryOrm
      .select()
      .from(apiKeys)
      .where(before === null ? here : and(here, lt(apiKeys.id, before)))
      .orderBy(desc(apiKeys.id))
      .limit(limit)
  }

  /** A key bound to a subject manages that subject's keys only. */
  async #owned({ orgId, subject }: Principal, id: string): Promise<ApiKeyRow> {
    const [row] = await this.#vault.directoryOrm
      .select()
      .from(apiKeys)
      .where(and(eq(apiKeys.id, id), eq(apiKeys.orgId, orgId)))
    const isForeign = subject !== null && (row?.subjectKind !== subject.kind || row.subjectId !== subject.id)
    if (row === undefined || isForeign) throw new MemosError('not_found')
    return row
  }

  async #row(id: string): Promise<ApiKeyRow | null> {
    const known = this.#rows.get(id)
    if (known !== undefined) return known
    const [row] = await this.#vault.directoryOrm.select().from(apiKeys).where(eq(apiKeys.id, id))
    if (row !== undefined && this.#init.cacheRows) this.#rows.set(id, row)
    return row ?? null
  }
}

const isValid = (row: ApiKeyRow, hash: string, nowMs: number): boolean =>
  row.revokedAtMs === null &&
  (row.expiresAtMs === null || row.expiresAtMs > nowMs) &&
  (sameDigest(row.hash, hash) ||
    (row.previousHash !== null && (row.previousUntilMs ?? 0) > nowMs && sameDigest(row.previousHash, hash)))

const principalOf = (row: ApiKeyRow): Principal => ({
  keyId: row.id,
  orgId: row.orgId,
  scopes: new Set(row.scopes as Scope[]),
  subject: row.subjectKind === null || row.subjectId === null ? null : { kind: row.subjectKind, id: row.subjectId },
  namespaces: row.namespaces,
  ratePerMinute: row.ratePerMinute,
  root: false,
})

const rootPrincipal = (orgId: string): Principal => ({
  keyId: 'root',
  orgId,
  scopes: new Set(SCOPES),
  subject: null,
  namespaces: null,
  ratePerMinute: RATE_PER_MINUTE_MAX,
  root: true,
})
