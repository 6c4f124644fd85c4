import { MemosError } from '../../../schemas/errors.ts'
import { LIFECYCLE_EVENTS, type LifecycleState, nextState } from '../../../schemas/lifecycle.ts'
import { ARCHIVE_BATCH_ATTEMPTS_MAX, ARCHIVE_BATCH_ITEMS_MAX } from '../../../schemas/limits.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { NewCube, StoredCube, VaultWrite } from '../../ports/vault-write.ts'
import type { VaultSession } from '../vault/vault-session.ts'
import type { ImportReport, SkipReason } from './import-report.ts'

/** Updates of one batch: each takes some ten statements. */
const UPDATES_PER_BATCH = 50

/** What is to be done with one cube of an archive. */
export type Decision =
  | { kind: 'create' }
  | { kind: 'update' }
  | { kind: 'unchanged' }
  | { kind: 'skip'; reason: SkipReason }

export type CubeWrite =
  | { kind: 'create'; cube: NewCube }
  | { kind: 'update'; cube: NewCube; stored: StoredCube; state: LifecycleState; textChanged: boolean }

/** Knows one kind of archive. */
export interface ImportPlan<T> {
  decide(items: readonly T[]): Promise<Decision[]>
  /** Writes of the items that are to be created or updated; blobs lie in the store when this returns. Throws GuardError when a decision no longer holds. */
  writes(items: readonly T[]): Promise<CubeWrite[]>
}

/** Plans the embedding of what is written, in the batch that writes it. */
export interface EmbeddingPlanner {
  plan(namespace: Pick<NamespaceRow, 'id'>, context: RequestContext): { taskId: string | null; writes: VaultWrite[] }
  wake(namespace: Pick<NamespaceRow, 'id'>, plan: { taskId: string | null; writes: VaultWrite[] }): void
}

export interface ImportTarget {
  session: VaultSession
  namespace: NamespaceRow
  context: RequestContext
  embeddings: EmbeddingPlanner
}

/** Applies items in atomic batches and counts what became of them. `decisions` are those that the plan gave for the items. */
export async function applyItems<T extends { line: number }>(
  target: ImportTarget,
  plan: ImportPlan<T>,
  items: readonly T[],
  decisions: readonly Decision[],
  report: ImportReport,
): Promise<void> {
  const decided = items.map((item, at) => ({ item, decision: decisions[at] ?? { kind: 'unchanged' as const } }))
  const of = (kind: Decision['kind']) => decided.filter(({ decision }) => decision.kind === kind)
  const batches = [...chunks(of('create'), ARCHIVE_BATCH_ITEMS_MAX), ...chunks(of('update'), UPDATES_PER_BATCH)]
  count([...of('unchanged'), ...of('skip')], report)
  for (const batch of batches) count(await applyBatch(target, plan, batch), report)
}

interface Decided<T> {
  item: T
  decision: Decision
}

async function applyBatch<T extends { line: number }>(
  target: ImportTarget,
  plan: ImportPlan<T>,
  batch: readonly Decided<T>[],
): Promise<Decided<T>[]> {
  let decided = [...batch]
  for (let attempt = 1; ; attempt++) {
    const items = decided
      .filter(({ decision }) => decision.kind === 'create' || decision.kind === 'update')
      .map(({ item }) => item)
    if (items.length === 0) return decided
    let writes: CubeWrite[] = []
    try {
      writes = await plan.writes(items)
      await applyWrites(target, writes)
      return decided
    } catch (error) {
      if (!(error instanceof GuardError || error instanceof UniqueError)) throw error
      if (attempt === ARCHIVE_BATCH_ATTEMPTS_MAX) throw refusal(target, writes, error)
    }
    const anew = await plan.decide(decided.map(({ item }) => item))
    decided = decided.map(({ item }, at) => ({ item, decision: anew[at] ?? { kind: 'unchanged' } }))
  }
}

async function applyWrites(
  { session, namespace, context, embeddings }: ImportTarget,
  writes: readonly CubeWrite[],
): Promise<void> {
  if (context.signal.aborted)
    throw new MemosError('deadline_exceeded', {
      detail: 'The import was interrupted. Importing the same archive again continues it.',
    })
  const { cubesMax } = session.vault.organisation
  const created = writes.filter((write) => write.kind === 'create').map((write) => write.cube)
  const updates = writes.filter((write) => write.kind === 'update')
  const plan = embeddings.plan(namespace, context)
  await session.vault.apply([
    ...(cubesMax === null || created.length === 0
      ? []
      : [{ kind: 'expect_quota' as const, cubes: created.length, cubesMax }]),
    ...(created.length === 0 ? [] : [{ kind: 'insert_cubes' as const, namespaceId: namespace.id, cubes: created }]),
    ...updates.flatMap((update) => updateWrites(update, namespace.id, context)),
    ...plan.writes,
    auditOf(
      context,
      namespace.id,
      writes.map(({ cube }) => cube.record.cubeId),
    ),
  ])
  embeddings.wake(namespace, plan)
}

/** An update, and the event that brings the cube into the state that the archive says, where there is one; freezing comes last. */
function updateWrites(
  { stored, state: from, cube, textChanged }: Extract<CubeWrite, { kind: 'update' }>,
  namespaceId: number,
  { principal, nowMs }: RequestContext,
): VaultWrite[] {
  const update: VaultWrite = { kind: 'update_cube', stored, cube, textChanged }
  const to = cube.record.state
  const event = LIFECYCLE_EVENTS.find((one) => nextState(from, one) === to)
  if (from === to || event === undefined) return [update]
  const isLast = to === 'frozen'
  const changed = isLast ? { ...stored, revision: cube.record.revision } : stored
  const transition: VaultWrite = {
    kind: 'transition_cubes',
    namespaceId,
    cubes: [{ ...changed, from, to }],
    event,
    reason: 'imported',
    caller: principal.keyId,
    atMs: nowMs,
  }
  return isLast ? [update, transition] : [transition, update]
}

/** The decisions still hold, so what the batch did not get is room; else others write faster than we can follow. */
function refusal({ session }: ImportTarget, writes: readonly CubeWrite[], cause: unknown): MemosError {
  const { cubesMax } = session.vault.organisation
  const isFull = cubesMax !== null && cause instanceof GuardError && writes.some((write) => write.kind === 'create')
  return isFull
    ? new MemosError('quota_exceeded', { detail: `The organisation may hold ${cubesMax} cubes.` }, { cause })
    : new MemosError('database_busy', { retryAfterS: 1 }, { cause })
}

function count<T extends { line: number }>(decided: readonly Decided<T>[], report: ImportReport): void {
  for (const { item, decision } of decided) {
    if (decision.kind === 'create') report.created += 1
    else if (decision.kind === 'update') report.updated += 1
    else if (decision.kind === 'unchanged') report.unchanged += 1
    else report.skipped.push({ line: item.line, reason: decision.reason })
  }
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))
