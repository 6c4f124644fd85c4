import { MemosError } from '../../../schemas/errors.ts'
import { AS_OF_REVISED_CUBES_MAX, SNAPSHOT_RESTORE_CUBES_MAX } from '../../../schemas/limits.ts'
import type { SnapshotRestored } from '../../../schemas/time-machine.ts'
import type { DiffRow } from '../../infrastructure/time-machine/pin-reader.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow, SnapshotRow } from '../../ports/rows.ts'
import type { View } from '../../ports/time-machine.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { outdated } from '../organise/revise-cube.ts'
import { finish } from './finish.ts'
import { bringBack, putAway } from './move-cubes.ts'
import { restoreWrites, saysTheSame } from './rewrite-cube.ts'
import { stoodCube } from './stood-cube.ts'
import type { TimeMachineComponents } from './time-machine.ts'

/** Rows of a diff that are read at once. */
const PAGE_ROWS = 500

type Step = 'revise' | 'archive' | 'bringBack'
interface Planned {
  full: FullCube
  /** The cube as the snapshot has it; null for one that came later. */
  then: FullCube | null
  does: readonly Step[]
}

/**
 * Brings a namespace back to a snapshot in one batch: cubes revised since get a new revision with the content of then, cubes made since are
 * archived, cubes archived since come back. Nothing is erased, so a snapshot of today brings today back. What the caller may not see stays.
 */
export class SnapshotRestore {
  readonly #components: TimeMachineComponents

  constructor(components: TimeMachineComponents) {
    this.#components = components
  }

  /** @throws MemosError too_much_changed, cube_frozen, revision_purged, revision_conflict */
  async restore(
    session: VaultSession,
    namespace: NamespaceRow,
    snapshot: SnapshotRow,
    context: RequestContext,
  ): Promise<SnapshotRestored> {
    const view = { kind: 'snapshot', snapshotId: snapshot.id, atMs: snapshot.createdAtMs } as const
    const plan = await planOf(session, namespace.id, await differing(session, namespace.id, view), view)
    if (plan.length > SNAPSHOT_RESTORE_CUBES_MAX) throw tooMuch(SNAPSHOT_RESTORE_CUBES_MAX)
    const frozen = plan.find(({ full }) => full.cube.state === 'frozen')
    if (frozen !== undefined)
      throw new MemosError('cube_frozen', { detail: `The cube ${frozen.full.cube.cubeId} is frozen.` })
    const restored: SnapshotRestored = {
      revised: idsOf(plan, 'revise'),
      archived: idsOf(plan, 'archive'),
      broughtBack: idsOf(plan, 'bringBack'),
      erased: (await session.pins.counts([snapshot])).get(snapshot.id)?.erased ?? 0,
    }
    if (plan.length > 0) await this.#write(session, namespace, { snapshot, plan, restored }, context)
    else await session.vault.apply([...finish(context, 200, restored), auditOf(context, namespace.id)])
    return restored
  }

  async #write(
    session: VaultSession,
    namespace: NamespaceRow,
    { snapshot, plan, restored }: { snapshot: SnapshotRow; plan: readonly Planned[]; restored: SnapshotRestored },
    context: RequestContext,
  ): Promise<void> {
    const { runtime, embeddings } = this.#components
    const reason = `snapshot ${snapshot.name}`
    const rewrites = plan.flatMap(({ full, then, does }) => {
      if (then === null || !does.includes('revise')) return []
      const target = { like: then.revision, content: then.content, away: then.cube.state === 'archived' }
      return [restoreWrites(full, target, runtime.randomBytes, context)]
    })
    const alone = (step: Step) =>
      plan.filter(({ does }) => does.includes(step) && !does.includes('revise')).map(({ full }) => full)
    const writes: VaultWrite[] = [
      ...rewrites.flatMap((one) => one.writes),
      ...bringBack(alone('bringBack'), context, reason),
      ...putAway(alone('archive'), context, reason),
    ]
    const textChanged = rewrites.some((one) => one.textChanged)
    const embed = textChanged ? embeddings.plan(namespace, context) : { taskId: null, writes: [] }
    const ids = plan.map(({ full }) => full.cube.cubeId)
    await session.vault
      .apply([
        { kind: 'expect_no_newer', namespaceId: namespace.id, nextSeq: namespace.nextSeq },
        ...embed.writes,
        ...writes,
        ...finish(context, 200, restored),
        auditOf(context, namespace.id, ids),
      ])
      .catch((error: unknown) => {
        throw error instanceof GuardError ? outdated() : error
      })
    embeddings.wake(namespace, embed)
  }
}

const tooMuch = (max: number) =>
  new MemosError('too_much_changed', {
    detail: `More than ${max} cubes have changed since the snapshot; nothing was written.`,
  })

/** Rows in which the namespace and the snapshot differ, recalls aside. */
async function differing(session: VaultSession, namespaceId: number, view: View): Promise<DiffRow[]> {
  const rows: DiffRow[] = []
  for (let after = 0; ; ) {
    const next = await session.pins.diff(namespaceId, { from: view, to: { kind: 'now' } }, PAGE_ROWS, after)
    rows.push(...next.filter((row) => stepsOf(row).length > 0))
    if (rows.length > AS_OF_REVISED_CUBES_MAX) throw tooMuch(SNAPSHOT_RESTORE_CUBES_MAX)
    if (next.length < PAGE_ROWS) return rows
    after = next.at(-1)?.seq ?? 0
  }
}

/** What brings a cube back to the snapshot, `from` being the snapshot and `to` now. Among states only the archive counts: a recall is no change of memory. */
function stepsOf({ from, to }: DiffRow): Step[] {
  if (to === null) return []
  const isAway = to.state === 'archived'
  if (from === null) return isAway ? [] : ['archive']
  const wasAway = from.state === 'archived'
  return [
    ...(isAway && !wasAway ? ['bringBack' as const] : []),
    ...(from.cid !== to.cid ? ['revise' as const] : []),
    ...(wasAway && !isAway ? ['archive' as const] : []),
  ]
}

/** The steps of each cube. One that was revised and says the same again, as after an earlier restore, needs no further revision. */
async function planOf(
  session: VaultSession,
  namespaceId: number,
  rows: readonly DiffRow[],
  view: View,
): Promise<Planned[]> {
  const seqs = rows.map(({ seq }) => seq)
  const cubes = new Map((await session.cubes.bySeq(namespaceId, seqs)).map((full) => [full.cube.seq, full]))
  const revised = rows.filter((row) => stepsOf(row).includes('revise'))
  const stood = await session.past.named(
    revised.map(({ cubeId }) => cubeId),
    view,
  )
  const planned = await Promise.all(
    rows.map(async (row): Promise<Planned> => {
      const full = cubes.get(row.seq)
      if (full === undefined) throw outdated()
      const standing = stood.get(row.cubeId)
      const then = standing === undefined ? null : await stoodCube(standing, session.past)
      const isSame = then !== null && saysTheSame(then.revision, full.revision)
      return { full, then, does: stepsOf(row).filter((step) => step !== 'revise' || !isSame) }
    }),
  )
  return planned.filter(({ does }) => does.length > 0)
}

const idsOf = (plan: readonly Planned[], step: Step): string[] =>
  plan.filter(({ does }) => does.includes(step)).map(({ full }) => full.cube.cubeId)
