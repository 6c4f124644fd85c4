import { MemosError } from '../../../schemas/errors.ts'
import type { Filter } from '../../../schemas/filter.ts'
import { AS_OF_REVISED_CUBES_MAX, BRANCH_CUBES_MAX } from '../../../schemas/limits.ts'
import type { AsOf, DiffPoint } from '../../../schemas/time-machine.ts'
import type { StandingRow } from '../../infrastructure/time-machine/time-machine-reader.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { DiffView, View } from '../../ports/time-machine.ts'
import { indexText } from '../organise/draft-cube.ts'
import { type OverlayDocument, OverlayLexical } from './overlay-lexical.ts'
import { branchCube, stoodCube } from './stood-cube.ts'

/** What a search or list of another point looks at. */
export interface StandingScope {
  filter: Filter | null
  includeArchived: boolean
}

/** A namespace as it stood at another point. */
export interface Standing {
  view: View
  /** The session with an index of then in place of the index of now. */
  session: VaultSession
  /** Cubes by sequence number whose revision of then is not the current one, or that only a branch has. */
  overlay: ReadonlyMap<number, FullCube>
  /** Cubes by sequence number as they stood. */
  load(seqs: readonly number[]): Promise<FullCube[]>
  notes: string[]
}

/** @throws MemosError invalid_request (in the future), not_found, branch_closed */
export async function viewOf(
  session: VaultSession,
  namespaceId: number,
  asOf: AsOf,
  nowMs: number,
  field = 'asOf',
): Promise<View> {
  const [kind, name] = asOf.split(/:(.*)/s, 2) as [string, string]
  if (kind === 'snapshot') {
    const snapshot = await session.pins.snapshot(namespaceId, name)
    if (snapshot === null) throw new MemosError('not_found', { field, expected: 'a snapshot of the namespace' })
    return { kind, snapshotId: snapshot.id, atMs: snapshot.createdAtMs }
  }
  if (kind === 'branch') {
    const branch = await session.pins.branch(namespaceId, name)
    if (branch === null) throw new MemosError('not_found', { field, expected: 'a branch of the namespace' })
    if (branch.state !== 'open') throw new MemosError('branch_closed', { field, expected: 'an open branch' })
    const { id: branchId, snapshotId, cubeId, createdAtMs: atMs } = branch
    return { kind, branchId, snapshotId, cubeId, atMs }
  }
  const atMs = Date.parse(asOf)
  if (atMs > nowMs) throw new MemosError('invalid_request', { field, expected: 'a time that is not in the future' })
  return { kind: 'time', atMs }
}

/** One side of a diff. */
export const diffViewOf = async (
  session: VaultSession,
  namespaceId: number,
  point: DiffPoint,
  nowMs: number,
  field: string,
): Promise<DiffView> => (point === 'now' ? { kind: 'now' } : viewOf(session, namespaceId, point, nowMs, field))

/** Opens a namespace at another point. @throws MemosError as viewOf, too_much_changed */
export async function standAt(
  session: VaultSession,
  namespace: NamespaceRow,
  asOf: AsOf,
  scope: StandingScope,
  nowMs: number,
): Promise<Standing> {
  const view = await viewOf(session, namespace.id, asOf, nowMs)
  const notes: string[] = []
  const revised = await session.past.revised(namespace.id, view, AS_OF_REVISED_CUBES_MAX + 1)
  if (revised.length > AS_OF_REVISED_CUBES_MAX)
    throw new MemosError('too_much_changed', {
      field: 'asOf',
      expected: `a point since which at most ${AS_OF_REVISED_CUBES_MAX} memories were revised`,
    })
  const purged = revised.filter(({ at }) => at === null).length
  if (purged > 0) notes.push(`${purged} memories are left out: their revisions of then have been purged.`)
  const stood = await readable(revised, session)
  const own = view.kind === 'branch' ? await ownOf(session, namespace, view) : []
  if (view.kind !== 'branch' && (await session.past.hasErased(namespace.id, view.atMs)))
    notes.push('Memories that stood there have been erased since; nothing brings them back.')
  const shown = await inScope(session, [...stood.found, ...own], scope, view)
  if (stood.damaged > 0) notes.push(`${stood.damaged} memories are damaged in the storage and left out.`)
  const ordinals = new Map(revised.map(({ cube, ordinal }) => [cube.seq, ordinal]))
  const documents = shown.map((full) => documentOf(full, ordinals.get(full.cube.seq) ?? null))
  const overlay = new Map(shown.map((full) => [full.cube.seq, full]))
  const lexical = new OverlayLexical(session.standing(view, scope.includeArchived), documents)
  return {
    view,
    session: { ...session, lexical, lexicalWithArchived: lexical },
    overlay,
    load: (seqs) => load(session, namespace.id, view, overlay, seqs),
    notes,
  }
}

/** Revised cubes with their text of then; a damaged one does not take the others along. */
async function readable(
  rows: readonly StandingRow[],
  { past }: VaultSession,
): Promise<{ found: FullCube[]; damaged: number }> {
  const found: FullCube[] = []
  let damaged = 0
  for (const row of rows) {
    if (row.at === null) continue
    try {
      found.push(await stoodCube(row, past))
    } catch (error) {
      if (!(error instanceof MemosError)) throw error
      damaged += 1
    }
  }
  return { found, damaged }
}

/** What a branch wrote itself, its removals aside. Cubes that it made stand behind all of the namespace's. */
async function ownOf(
  session: VaultSession,
  namespace: NamespaceRow,
  { branchId, snapshotId }: Extract<View, { kind: 'branch' }>,
): Promise<FullCube[]> {
  const rows = await session.pins.branchCubes(branchId)
  const base: View = { kind: 'snapshot', snapshotId, atMs: 0 }
  const ids = rows.filter(({ local }) => local?.base).map(({ cubeId }) => cubeId)
  const heads = await session.past.named(ids, base)
  const found = await Promise.all(
    rows.map(async (row, at) => {
      const head = heads.get(row.cubeId) ?? null
      if (row.local?.base && head === null) return null
      return branchCube(row, head, namespace, namespace.nextSeq + at, session.past)
    }),
  )
  return found.filter((full) => full !== null).slice(0, BRANCH_CUBES_MAX)
}

/** Those that the scope looks at. What a branch wrote is checked for permissions anew: it may have made a cube secret. */
async function inScope(
  { past }: VaultSession,
  cubes: readonly FullCube[],
  { filter, includeArchived }: StandingScope,
  view: View,
): Promise<FullCube[]> {
  const hot = includeArchived ? [...cubes] : cubes.filter(({ cube }) => cube.state !== 'archived')
  if (hot.length === 0 || (filter === null && view.kind !== 'branch')) return hot
  const matching = await past.matching(
    hot.map(({ cube }) => cube),
    filter,
  )
  return hot.filter(({ cube }) => matching.has(cube.seq))
}

function documentOf({ cube, content }: FullCube, ordinal: number | null): OverlayDocument {
  const { seq, sessionId, position, speaker, role } = cube
  const text = indexText({ ...cube, content: content ?? '' })
  return { seq, sessionId, position, ordinal, features: text.features, speaker, role, usefulness: 0, text }
}

async function load(
  session: VaultSession,
  namespaceId: number,
  view: View,
  overlay: ReadonlyMap<number, FullCube>,
  seqs: readonly number[],
): Promise<FullCube[]> {
  const stored = seqs.filter((seq) => !overlay.has(seq))
  const [cubes, states] = await Promise.all([
    session.cubes.bySeq(namespaceId, stored),
    session.past.states(namespaceId, view, stored),
  ])
  const unrevised = cubes.map((full) => ({
    ...full,
    cube: { ...full.cube, state: states.get(full.cube.seq) ?? full.cube.state },
  }))
  return [...unrevised, ...seqs.flatMap((seq) => overlay.get(seq) ?? [])]
}

/** One cube as it stood. @throws MemosError as viewOf, not_found, revision_purged */
export async function cubeAsOf(session: VaultSession, cubeId: string, asOf: AsOf, nowMs: number): Promise<FullCube> {
  const branchName = asOf.startsWith('branch:') ? asOf.slice('branch:'.length) : null
  const name = await session.pins.namespaceOf(cubeId, branchName)
  const namespace = name === null ? null : await session.namespaces.byName(name, 'read')
  if (namespace === null) throw new MemosError('not_found')
  const view = await viewOf(session, namespace.id, asOf, nowMs)
  if (view.kind === 'branch') {
    const rows = await session.pins.branchCubes(view.branchId)
    if (rows.some((row) => row.cubeId === cubeId)) {
      const own = (await ownOf(session, namespace, view)).filter(({ cube }) => cube.cubeId === cubeId)
      const [full] = await inScope(session, own, { filter: null, includeArchived: true }, view)
      if (full === undefined) throw new MemosError('not_found')
      return full
    }
  }
  const row = (await session.past.named([cubeId], view)).get(cubeId)
  if (row === undefined) throw new MemosError('not_found')
  return stoodCube(row, session.past)
}

/** Cubes of a namespace as it stood, newest first, below the sequence number `before`. */
export async function pageAsOf(
  session: VaultSession,
  namespace: NamespaceRow,
  asOf: AsOf,
  scope: StandingScope & { filter: Filter },
  { limit, before, nowMs }: { limit: number; before: number | null; nowMs: number },
): Promise<FullCube[]> {
  const { view, overlay } = await standAt(session, namespace, asOf, scope, nowMs)
  const found: FullCube[] = []
  // A damaged cube is replaced by the next one: a short page would look like the last.
  for (let below = before; ; ) {
    const rows = await session.past.unrevised(namespace.id, view, { ...scope, limit, before: below })
    found.push(...(await readable(rows, session)).found)
    if (rows.length < limit || found.length >= limit) break
    below = rows.at(-1)?.cube.seq ?? 0
  }
  const own = [...overlay.values()].filter(({ cube }) => before === null || cube.seq < before)
  return [...found, ...own].sort((a, b) => b.cube.seq - a.cube.seq).slice(0, limit)
}
