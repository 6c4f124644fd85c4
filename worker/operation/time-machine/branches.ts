import type { BranchLocal, LocalFields } from '../../../schemas/branch-local.ts'
import type { CreateCube, UpdateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { BRANCH_CUBES_MAX, BRANCHES_MAX, SNAPSHOT_CUBES_MAX } from '../../../schemas/limits.ts'
import { ulid } from '../../../schemas/ulid.ts'
import { isAbove } from '../../../schemas/vocabulary.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { BranchCubeRow, BranchRow, NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { type Draft, draftCube } from '../organise/draft-cube.ts'
import { reviseCube } from '../organise/revise-cube.ts'
import { branchCube, stoodCube } from './stood-cube.ts'

export interface BranchesComponents {
  blobs: BlobStore
  runtime: Runtime
  removeUnnamed: RemoveUnnamed
}

/** Removes those of the given blobs that no revision names any more, by cube. */
export type RemoveUnnamed = (session: VaultSession, byCube: ReadonlyMap<string, readonly string[]>) => Promise<unknown>

/** Keys of the blobs that rows of a branch name, by cube. */
export const blobsOf = (
  { past }: VaultSession,
  rows: readonly BranchCubeRow[],
  { principal }: RequestContext,
): Map<string, string[]> =>
  new Map(
    rows.flatMap(({ cubeId, cid, bytes }) => {
      if (cid === null || bytes === null) return []
      const keys = past.blobKeys(principal.orgId, { cubeId, cid, bytes })
      return keys.length === 0 ? [] : [[cubeId, keys]]
    }),
  )

export const localOf = ({ metadata, priority, sensitivity, expiresAtMs }: LocalFields): LocalFields => ({
  metadata,
  priority,
  sensitivity,
  expiresAtMs,
})

/**
 * What-if lines beside a namespace. A branch is a base snapshot and an overlay of its own: nothing of the canonical rows, addresses or audit
 * entries changes until it is merged. The audit log names the branch's writes by operation and namespace, without cubes.
 */
export class Branches {
  readonly #blobs: BlobStore
  readonly #runtime: Runtime
  readonly #removeUnnamed: RemoveUnnamed

  constructor({ blobs, runtime, removeUnnamed }: BranchesComponents) {
    this.#blobs = blobs
    this.#removeUnnamed = removeUnnamed
    this.#runtime = runtime
  }

  /** @throws MemosError already_exists, not_found (the cube), too_much_changed */
  async create(
    session: VaultSession,
    namespace: NamespaceRow,
    { name, cubeId = null }: { name: string; cubeId?: string | null | undefined },
    context: RequestContext,
  ): Promise<BranchRow> {
    if (cubeId !== null) await expectIn(session, namespace, cubeId)
    const pin = { createdBy: context.principal.keyId, createdAtMs: context.nowMs, namespaceId: namespace.id }
    const snapshotId = ulid(context.nowMs, this.#runtime.randomBytes)
    const id = ulid(context.nowMs, this.#runtime.randomBytes)
    const branch: BranchRow = { ...pin, id, name, cubeId, snapshotId, state: 'open', closedAtMs: null }
    try {
      await session.vault.apply([
        { kind: 'insert_snapshot', snapshot: { ...pin, id: snapshotId, name: null }, cubeId },
        { kind: 'insert_branch', branch },
        auditOf(context, namespace.id),
      ])
    } catch (error) {
      if (error instanceof UniqueError)
        throw new MemosError(
          'already_exists',
          { field: 'name', expected: 'a name that no branch of the namespace has' },
          { cause: error },
        )
      if (!(error instanceof GuardError)) throw error
      const detail = `A namespace has at most ${BRANCHES_MAX} branches, and the base of one pins at most ${SNAPSHOT_CUBES_MAX} cubes.`
      throw new MemosError('too_much_changed', { detail }, { cause: error })
    }
    return branch
  }

  /** Forgets a branch, and the blobs that only it named. */
  async discard(
    session: VaultSession,
    { id, namespaceId, snapshotId }: BranchRow,
    context: RequestContext,
  ): Promise<void> {
    const rows = await session.pins.branchCubes(id)
    await session.vault.apply([
      { kind: 'delete_branch', branchId: id, namespaceId, snapshotId },
      auditOf(context, namespaceId),
    ])
    await this.#forget(session, rows, context)
  }

  /** Creates a cube that only the branch has. @throws MemosError invalid_request, forbidden, branch_closed, revision_conflict */
  async createCube(
    session: VaultSession,
    namespace: NamespaceRow,
    branch: BranchRow,
    input: CreateCube,
    context: RequestContext,
  ): Promise<FullCube> {
    if (branch.cubeId !== null)
      throw new MemosError('invalid_request', { field: 'branch', expected: 'a branch of the whole namespace' })
    if (input.embedding !== undefined)
      throw new MemosError('invalid_request', { field: 'embedding', expected: 'nothing: a branch has no vectors' })
    await expectCleared(session, namespace, input, context)
    const draft = draftCube(input, this.#draftContext(context))
    const { record } = draft.cube
    const made = { ...record, session: draft.cube.session }
    const local: BranchLocal = { now: localOf(record), base: null, made: madeOf(made) }
    const row = rowOf(branch, draft, local, context)
    await this.#put(session, draft, { kind: 'put_branch_cube', row, before: undefined }, context)
    return shown(await branchCube(row, null, namespace, namespace.nextSeq, session.past))
  }

  /** Changes a cube on the branch. @throws MemosError not_found, cube_frozen, cube_archived, revision_conflict, branch_closed */
  async updateCube(
    session: VaultSession,
    namespace: NamespaceRow,
    branch: BranchRow,
    { cubeId, update }: { cubeId: string; update: UpdateCube },
    context: RequestContext,
  ): Promise<FullCube> {
    await expectCleared(session, namespace, update, context)
    const { row: before, full, head } = await this.#onBranch(session, namespace, branch, cubeId)
    const draft = reviseCube(full, update, this.#draftContext(context))
    const local: BranchLocal = {
      now: localOf(draft.cube.record),
      base: before === null ? localOf(full.cube) : (before.local?.base ?? null),
      made: before?.local?.made ?? null,
    }
    const row = rowOf(branch, draft, local, context)
    const write = { kind: 'put_branch_cube' as const, row, before: before === null ? undefined : before.cid }
    await this.#put(session, draft, write, context)
    if (before !== null) await this.#forget(session, [before], context)
    return shown(await branchCube(row, head, namespace, full.cube.seq, session.past))
  }

  /** Removes a cube from the branch; one that the branch made is forgotten. */
  async removeCube(
    session: VaultSession,
    namespace: NamespaceRow,
    branch: BranchRow,
    cubeId: string,
    context: RequestContext,
  ): Promise<void> {
    const { row, full } = await this.#onBranch(session, namespace, branch, cubeId)
    if (full.cube.state === 'frozen') throw new MemosError('cube_frozen')
    const write: VaultWrite = row?.local?.made
      ? { kind: 'drop_branch_cube', branchId: branch.id, cubeId, before: row.cid }
      : { kind: 'put_branch_cube', row: removalOf(branch, cubeId, context), before: row === null ? undefined : row.cid }
    await this.#apply(session, [write, auditOf(context, namespace.id)])
    if (row !== null) await this.#forget(session, [row], context)
  }

  /** A cube as it is on a branch, with what the branch holds of it and what it began from. */
  async #onBranch(session: VaultSession, namespace: NamespaceRow, branch: BranchRow, cubeId: string) {
    if (branch.state !== 'open') throw closed()
    const row = (await session.pins.branchCubes(branch.id)).find((one) => one.cubeId === cubeId) ?? null
    const isMade = row?.local?.made != null
    if (!isMade) await expectIn(session, namespace, cubeId)
    const base = { kind: 'snapshot', snapshotId: branch.snapshotId, atMs: branch.createdAtMs } as const
    const head = isMade ? null : ((await session.past.named([cubeId], base)).get(cubeId) ?? null)
    const removed = row !== null && row.cid === null
    if (removed || (!isMade && head === null)) throw new MemosError('not_found')
    const seq = head?.cube.seq ?? namespace.nextSeq
    const own = row === null ? null : await branchCube(row, head, namespace, seq, session.past)
    const full = own ?? (head === null ? null : await stoodCube(head, session.past))
    if (full === null) throw new MemosError('not_found')
    return { row, full, head }
  }

  async #put(
    session: VaultSession,
    { cube, blobs }: Draft,
    write: Extract<VaultWrite, { kind: 'put_branch_cube' }>,
    context: RequestContext,
  ): Promise<void> {
    const { cubeId } = cube.record
    // A refusal leaves them: the same text may stand in a revision of the cube already, under the same key.
    for (const blob of blobs) await this.#blobs.put(blobKey(context.principal.orgId, cubeId, blob.cid), blob.bytes)
    await this.#apply(session, [write, ...keptWithout(context), auditOf(context, write.row.namespaceId)])
  }

  async #apply(session: VaultSession, writes: readonly VaultWrite[]): Promise<void> {
    await session.vault.apply(writes).catch((error: unknown) => {
      if (!(error instanceof GuardError)) throw error
      const expected = `a branch that nobody else writes to at the same time, with at most ${BRANCH_CUBES_MAX} changed cubes`
      throw new MemosError('revision_conflict', { field: 'branch', expected }, { cause: error })
    })
  }

  /** Removes the blobs of rows that are gone, unless another revision names them. A crash before leaves them to the blob sweep. */
  async #forget(session: VaultSession, rows: readonly BranchCubeRow[], context: RequestContext): Promise<void> {
    const blobs = blobsOf(session, rows, context)
    if (blobs.size > 0) await this.#removeUnnamed(session, blobs)
  }

  #draftContext({ nowMs, principal }: RequestContext) {
    return { nowMs, randomBytes: this.#runtime.randomBytes, author: principal.keyId }
  }
}

export const closed = () => new MemosError('branch_closed', { field: 'branch', expected: 'an open branch' })

/** A retry is told that it was done before; the answer is memory, of which nothing is kept outside of the branch. */
const keptWithout = ({ idempotencyKey }: RequestContext): VaultWrite[] =>
  idempotencyKey === null ? [] : [{ kind: 'finish_idempotency', key: idempotencyKey, status: 201, response: '' }]

const shown = (full: FullCube | null): FullCube => {
  if (full === null) throw new MemosError('not_found')
  return full
}

/** @throws MemosError not_found: the namespace has no such cube, or the caller may not write it */
async function expectIn({ cubes }: VaultSession, { id }: NamespaceRow, cubeId: string): Promise<void> {
  const { cube } = await cubes.get(cubeId, 'write')
  if (cube.namespaceId !== id) throw new MemosError('not_found')
}

/** @throws MemosError forbidden: whoever may not write cubes so sensitive does not make any either */
async function expectCleared(
  { cubes }: VaultSession,
  { id }: NamespaceRow,
  { sensitivity = 'none' }: { sensitivity?: LocalFields['sensitivity'] | undefined },
  { principal }: RequestContext,
): Promise<void> {
  if (sensitivity === 'none') return
  if (!isAbove(sensitivity, principal.clearance) && (await cubes.mayWrite(id, sensitivity))) return
  throw new MemosError('forbidden', { field: 'sensitivity', expected: 'what the key may write in this namespace' })
}

const madeOf = (made: NonNullable<BranchLocal['made']>): BranchLocal['made'] => ({
  session: made.session,
  speaker: made.speaker,
  role: made.role,
  saidAtMs: made.saidAtMs,
  createdAtMs: made.createdAtMs,
  originKind: made.originKind,
  originRef: made.originRef,
})

const rowOf = (
  { id, namespaceId }: BranchRow,
  { cube: { record, revision } }: Draft,
  local: BranchLocal,
  { principal, nowMs }: RequestContext,
): BranchCubeRow => ({
  branchId: id,
  cubeId: record.cubeId,
  namespaceId,
  revision: record.revision,
  cid: record.cid,
  bytes: revision.bytes,
  local,
  author: principal.keyId,
  updatedAtMs: nowMs,
})

const removalOf = (
  { id, namespaceId }: BranchRow,
  cubeId: string,
  { principal, nowMs }: RequestContext,
): BranchCubeRow => ({
  branchId: id,
  cubeId,
  namespaceId,
  revision: null,
  cid: null,
  bytes: null,
  local: null,
  author: principal.keyId,
  updatedAtMs: nowMs,
})
