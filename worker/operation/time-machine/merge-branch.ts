import { encodeRevision } from '../../../protocol/core/revision.ts'
import { utf8Length } from '../../../schemas/canonical-text.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { nextState } from '../../../schemas/lifecycle.ts'
import type { MergeReport, MergeStrategy } from '../../../schemas/time-machine.ts'
import type { DiffSideRow } from '../../infrastructure/time-machine/pin-reader.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { blobKey } from '../../ports/blob-keys.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { BranchCubeRow, BranchRow, NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { NewCube, VaultWrite } from '../../ports/vault-write.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { labelsOf, sensitivityOf } from '../governance/sensitive.ts'
import { type Draft, indexText, textOf } from '../organise/draft-cube.ts'
import { storedCube } from '../organise/memory-writer.ts'
import { ANALYSER_VERSION } from '../retrieval/analyse.ts'
import { blobsOf, closed, localOf, type RemoveUnnamed } from './branches.ts'
import { finish } from './finish.ts'
import { type CubeSide, type MergedCube, mergeCube } from './merge-cube.ts'
import { bringBack, putAway } from './move-cubes.ts'
import { rewriteCube } from './rewrite-cube.ts'
import { branchCube, stoodCube } from './stood-cube.ts'

export interface MergeComponents {
  blobs: BlobStore
  runtime: Runtime
  removeUnnamed: RemoveUnnamed
  embeddings: Pick<EmbeddingBuilder, 'plan' | 'wake'>
}

/** What a merge will do, decided before anything is written. */
interface MergePlan extends Omit<MergeReport, 'branch'> {
  made: NewCube[]
  writes: VaultWrite[]
  away: FullCube[]
  blobs: { cubeId: string; blob: Draft['blobs'][number] }[]
}

/** One cube of a branch with its three sides. */
interface Changed {
  row: BranchCubeRow
  base: DiffSideRow
  ours: FullCube
}

/** Brings a branch back into its namespace: all of it in one batch that expects every cube where it was read, or nothing. */
export class BranchMerge {
  readonly #components: MergeComponents

  constructor(components: MergeComponents) {
    this.#components = components
  }

  /** @throws MemosError branch_closed, forbidden, merge_conflict, quota_exceeded, revision_conflict */
  async merge(
    session: VaultSession,
    namespace: NamespaceRow,
    branch: BranchRow,
    strategy: MergeStrategy,
    context: RequestContext,
  ): Promise<MergeReport> {
    if (branch.state !== 'open') throw closed()
    const rows = await session.pins.branchCubes(branch.id)
    if ((await session.pins.branchSize(branch.id)) !== rows.length)
      throw new MemosError('forbidden', { detail: 'The branch holds changes of cubes that the key may not read.' })
    const plan = await this.#plan(session, namespace, { branch, rows }, strategy, context)
    if (strategy === 'fail' && plan.conflicts.length > 0)
      throw new MemosError('merge_conflict', {
        detail: `${plan.conflicts.length === 1 ? 'One field was' : `${plan.conflicts.length} fields were`} changed on both sides; nothing was written.`,
        conflicts: plan.conflicts,
      })
    const { added, revised, archived, kept, conflicts } = plan
    const report: MergeReport = { branch: branch.name, added, revised, archived, kept, conflicts }
    await this.#write(session, namespace, { branch, rows }, { plan, report }, context)
    return report
  }

  async #plan(
    session: VaultSession,
    namespace: NamespaceRow,
    { branch, rows }: { branch: BranchRow; rows: readonly BranchCubeRow[] },
    strategy: MergeStrategy,
    context: RequestContext,
  ): Promise<MergePlan> {
    const plan: MergePlan = {
      added: [],
      revised: [],
      archived: [],
      kept: [],
      conflicts: [],
      made: [],
      writes: [],
      away: [],
      blobs: [],
    }
    const ids = rows.filter(({ local }) => !local?.made).map(({ cubeId }) => cubeId)
    const [heads, bases] = [
      await session.past.named(ids, { kind: 'now' }),
      await session.pins.pinned(branch.snapshotId, ids),
    ]
    for (const row of rows) {
      if (row.local?.made) {
        const full = await branchCube(row, null, namespace, namespace.nextSeq, session.past)
        if (full !== null) plan.made.push(newCube(full, context))
        plan.added.push(row.cubeId)
        continue
      }
      const head = heads.get(row.cubeId)
      const base = bases.get(row.cubeId)
      if (head === undefined || base === undefined) throw new MemosError('not_found', { field: 'branch' })
      const changed: Changed = { row, base, ours: await stoodCube(head, session.past) }
      await this.#decide(session, namespace, changed, { plan, strategy, context })
    }
    return plan
  }

  async #decide(
    session: VaultSession,
    namespace: NamespaceRow,
    { row, base, ours }: Changed,
    { plan, strategy, context }: { plan: MergePlan; strategy: MergeStrategy; context: RequestContext },
  ): Promise<void> {
    const { cubeId } = row
    const conflict = (field: string) => void plan.conflicts.push({ cubeId, field })
    const keep = () => void plan.kept.push(cubeId)
    if (ours.cube.state === 'frozen') {
      conflict('state')
      return keep()
    }
    if (row.cid === null) {
      if (ours.cube.cid !== base.cid) conflict('cube')
      if (ours.cube.state === 'archived' || (ours.cube.cid !== base.cid && strategy !== 'theirs')) return keep()
      plan.away.push(ours)
      return void plan.archived.push(cubeId)
    }
    const isAway = ours.cube.state === 'archived'
    if (isAway) {
      conflict('state')
      if (strategy !== 'theirs') return keep()
    }
    const merged = await this.#merged(session, namespace, { row, base, ours }, strategy)
    merged.conflicts.forEach(conflict)
    if (isSame(merged, ours)) return keep()
    const state = isAway ? (nextState('archived', 'restore') ?? 'activated') : ours.cube.state
    const { revision: like, content, local } = merged
    const drafted = rewriteCube(ours, { like, content, local, mode: 'merge', state }, this.#draftContext(context))
    if (isAway) plan.writes.push(...bringBack([ours], context, 'merged'))
    plan.writes.push({ kind: 'update_cube', stored: storedCube(ours, []), ...drafted })
    plan.blobs.push(...merged.blobs.map((blob) => ({ cubeId, blob })))
    plan.revised.push(cubeId)
  }

  /** The three sides put together. Where the namespace has not moved, the branch's side is taken as it is. */
  async #merged(
    session: VaultSession,
    namespace: NamespaceRow,
    { row, base, ours }: Changed,
    strategy: MergeStrategy,
  ): Promise<MergedCube> {
    const theirs = await branchCube(row, null, namespace, ours.cube.seq, session.past)
    if (theirs === null || row.local === null) throw new MemosError('not_found', { field: 'branch' })
    const began = await this.#base(session, row.cubeId, base)
    const sides = {
      base: { ...began, local: row.local.base ?? row.local.now },
      ours: sideOf(ours, localOf(ours.cube)),
      theirs: sideOf(theirs, row.local.now),
    }
    return mergeCube(sides, strategy)
  }

  async #base({ past }: VaultSession, cubeId: string, { revision }: DiffSideRow) {
    const row = revision === null ? null : await past.revision(cubeId, revision)
    if (row === null) throw new MemosError('revision_purged')
    const decoded = past.decode(row)
    return { revision: decoded, content: await past.text(cubeId, decoded) }
  }

  async #write(
    session: VaultSession,
    namespace: NamespaceRow,
    { branch, rows }: { branch: BranchRow; rows: readonly BranchCubeRow[] },
    { plan, report }: { plan: MergePlan; report: MergeReport },
    context: RequestContext,
  ): Promise<void> {
    const { blobs, embeddings, removeUnnamed } = this.#components
    const { cubesMax } = session.vault.organisation
    for (const { cubeId, blob } of plan.blobs)
      await blobs.put(blobKey(context.principal.orgId, cubeId, blob.cid), blob.bytes)
    const embed =
      plan.made.length + plan.revised.length > 0 ? embeddings.plan(namespace, context) : { taskId: null, writes: [] }
    const { id: branchId, snapshotId, namespaceId } = branch
    await session.vault
      .apply([
        { kind: 'close_branch', branchId, snapshotId, namespaceId, rows, atMs: context.nowMs },
        ...(cubesMax === null || plan.made.length === 0
          ? []
          : [{ kind: 'expect_quota' as const, cubes: plan.made.length, cubesMax }]),
        ...embed.writes,
        ...(plan.made.length === 0 ? [] : [{ kind: 'insert_cubes' as const, namespaceId, cubes: plan.made }]),
        ...plan.writes,
        ...putAway(plan.away, context, `branch ${branch.name}`),
        ...finish(context, 200, report),
        auditOf(context, namespaceId, [...plan.added, ...plan.revised, ...plan.archived]),
      ])
      .catch((error: unknown) => {
        if (!(error instanceof GuardError)) throw error
        const expected = 'a branch and cubes that nobody else writes at the same time, and room for the new cubes'
        throw new MemosError('revision_conflict', { field: 'branch', expected }, { cause: error })
      })
    embeddings.wake(namespace, embed)
    const left = blobsOf(session, rows, context)
    if (left.size > 0) await removeUnnamed(session, left)
  }

  #draftContext({ nowMs, principal }: RequestContext) {
    return { nowMs, randomBytes: this.#components.runtime.randomBytes, author: principal.keyId }
  }
}

const sideOf = ({ revision, content }: FullCube, local: CubeSide['local']): CubeSide => ({ revision, content, local })

/** Whether a merge leaves the namespace's cube as it is. */
const isSame = ({ revision, content, local }: MergedCube, ours: FullCube): boolean =>
  content === ours.content &&
  JSON.stringify([revision.title, revision.semanticType, revision.tags, local]) ===
    JSON.stringify([ours.revision.title, ours.revision.semanticType, ours.revision.tags, localOf(ours.cube)])

/** A cube that a branch made, as the namespace takes it: its life there begins with the merge. */
function newCube({ cube, revision: own, content, session }: FullCube, { nowMs, principal }: RequestContext): NewCube {
  const { cid, bytes } = encodeRevision({ ...own, number: 1, prev: null, createdAtMs: nowMs })
  const text = indexText({ ...cube, content: content ?? '' })
  const labels = labelsOf(textOf(cube.title, content ?? ''))
  return {
    record: {
      ...cube,
      revision: 1,
      cid,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      labels,
      sensitivity: sensitivityOf(cube.sensitivity, labels),
      features: text.features,
      termCount: text.length,
      analyser: ANALYSER_VERSION,
      contentBytes: utf8Length(content ?? ''),
    },
    revision: { number: 1, bytes: bytes as Buffer, mode: 'create', author: principal.keyId, createdAtMs: nowMs },
    text,
    session,
  }
}
