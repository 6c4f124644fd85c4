import { bytesOfCid } from '../../../protocol/core/cid.ts'
import { decodeRevision, readStoredRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { nextState } from '../../../schemas/lifecycle.ts'
import { MIP_DERIVED_CUBES_MAX, MIP_DERIVED_DEPTH_MAX, MIP_RECEIPT_REVISIONS_MAX } from '../../../schemas/limits-mip.ts'
import type { Entry, EntrySum } from '../../../schemas/mip-entry.ts'
import type { Denial } from '../../infrastructure/mip/deny-reader.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { StoredCube, VaultWrite } from '../../ports/vault-write.ts'
import type { LogPlace, MipIngestedRow, MipLogRow } from '../../ports/writes/mip.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { MemLifecycle, transitionOf } from '../lifecycle/mem-lifecycle.ts'
import { denialsOf, historyOf, isBefore, type Revocation, rowsNamed, standingOf } from './cube-history.ts'
import { erasedCube, expecting, nothing, type Plan } from './plans.ts'

/** Addresses that one look for what was made from them carries: D1 allows a hundred parameters. */
const LINKS_PER_LOOK = 64

/** A revocation, and in which log it stands. */
export interface Revoked extends Revocation {
  log: Pick<MipLogRow, 'id' | 'did' | 'log'>
  /** Its entry. */
  cid: string
  /** Entries that count: not those of a key that was put out. */
  counts(entry: Entry): boolean
}

const markOf = ({ did }: { did: string }, { cube, reason }: EntrySum<'cube.revoke'>): string =>
  `${did}/${cube} ${reason}`

/**
 * What a revocation does (MIP 4.9), in every subscription of its publisher: the cube goes with its text, index, vectors, blobs and signed
 * bytes, and what was revoked is never taken in again. The entries of the log stay, so that its chain can be verified.
 */
export async function planRevocation(session: VaultSession, revoked: Revoked, context: RequestContext): Promise<Plan> {
  const { log, sum, counts, ...place } = revoked
  const { did } = log
  const { cube, reason } = sum
  const { publications, revocations } = await historyOf(session, log.id, cube, counts)
  const rows = rowsNamed(await session.followed.ingestedOf(did, cube), { sum, ...place }, publications)
  const erased = (await Promise.all(rows.map((row) => erasedCube(session, row)))).flat()
  const isUpToHere = (one: LogPlace) => !isBefore(place, one)
  const earlier = standingOf({
    publications: publications.filter(isUpToHere),
    revocations: revocations.filter(isUpToHere),
  })
  const denials = denialsOf(log, { sum, ...place }, publications, context.nowMs)
  // What is held here under the cube by an entry that does not name it.
  const base = { did, log: log.log, seq: place.seq, fromRev: 1, reason, atMs: context.nowMs }
  const held = rows.map(({ cid }) => ({ ...base, subject: cid }))
  const closed = [...denials, ...held].map(({ subject }) => subject)
  return {
    ...nothing('revoked'),
    erased,
    writes: [
      ...rows.map((row) => expecting(row, row)),
      { kind: 'deny_mip', rows: [...denials, ...held] },
      ...(await erasureOf(session, revoked, rows, erased, context)),
      { kind: 'erase_mip_objects', did, cube, ...(sum.fromRev !== undefined && { cids: closed }) },
      {
        kind: 'put_mip_ingested',
        // What stood before the revoked revisions holds again: it is fetched with the next look.
        rows: rows.map((row) =>
          earlier === null
            ? { ...row, cubeId: null, state: 'revoked', reason, atMs: context.nowMs }
            : { ...row, ...earlier, cubeId: null, state: 'header', reason: 'body_missing', atMs: 0 },
        ),
      },
    ],
  }
}

/** What is said to the publisher of an erasure that the law asks for; nothing where nothing was here. */
async function erasureOf(
  session: VaultSession,
  { log, cid, epoch, seq, sum }: Revoked,
  rows: readonly MipIngestedRow[],
  erased: readonly StoredCube[],
  { nowMs }: RequestContext,
): Promise<VaultWrite[]> {
  const here = rows.filter(({ state }) => state !== 'revoked')
  if (sum.reason !== 'legal' || here.length === 0) return []
  const bodies = await session.followed.objects([...new Set(here.map((row) => row.cid))])
  const renditions = [...bodies.values()].reduce((sum, bytes) => sum + decodeRevision(bytes).renditions.length, 0)
  const blobKeys = [...new Set(erased.flatMap(({ blobs }) => blobs))]
  const revisions = [...new Set(here.map(({ number }) => number))]
  const counts = { cubes: erased.length, renditions, blobs: blobKeys.length }
  const { did, log: name } = log
  return [
    {
      kind: 'insert_mip_erasure',
      erasure: {
        revoke: cid,
        ...{ did, log: name, epoch, seq, cube: sum.cube },
        revisions: revisions.toSorted((a, b) => a - b).slice(0, MIP_RECEIPT_REVISIONS_MAX),
        ...counts,
        blobKeys,
        receipt: null,
        answer: null,
        attempts: 0,
        nextAtMs: nowMs,
        atMs: nowMs,
      },
    },
  ]
}

/**
 * Marks what was made from a revoked cube, found through lineage, and archives it where the revocation says so. Comes before the revocation
 * itself and may be repeated: a crash in between leaves marks, never a mark that is missing.
 * @throws GuardError when one of them was changed meanwhile
 */
export async function markDerived(
  session: VaultSession,
  embeddings: Pick<EmbeddingBuilder, 'forget'>,
  { log, sum, counts, ...place }: Revoked,
  context: RequestContext,
): Promise<number> {
  const { fromRev = 1 } = sum
  const { publications } = await historyOf(session, log.id, sum.cube, counts)
  const rows = rowsNamed(await session.followed.ingestedOf(log.did, sum.cube), { sum, ...place }, publications)
  const own = rows.flatMap(({ cubeId }) => (cubeId === null ? [] : [cubeId]))
  const named = publications.filter((one) => isBefore(one, place) && (one.rev === null || one.rev >= fromRev))
  const roots = [
    ...rows.map(({ cid }) => cid),
    ...named.map(({ cid }) => cid),
    ...(await session.followed.revisionCids(own)),
  ]
  const derived = await derivedFrom(session, new Set(roots), new Set(own))
  if (derived.length === 0) return 0
  const mark = markOf(log, sum)
  await session.vault.apply([{ kind: 'mark_derived', cubeIds: derived, mark }, auditOf(context, null, derived)])
  if (sum.scope === 'derived')
    for (const full of await session.cubes.ofIds(derived)) await archive(session, embeddings, full, mark, context)
  return derived.length
}

/**
 * Takes the marks of a revocation away again, and brings back what was archived because of it alone. Comes before what else undoes the revocation
 * and may be repeated.
 * @throws GuardError when one of them was changed meanwhile
 */
export async function liftMarks(
  session: VaultSession,
  embeddings: EmbeddingBuilder,
  { log, sum }: Pick<Revoked, 'log' | 'sum'>,
  context: RequestContext,
): Promise<void> {
  const mark = markOf(log, sum)
  const lifecycle = new MemLifecycle({ embeddings })
  for (;;) {
    const marked = await session.denials.marked(mark, MIP_DERIVED_CUBES_MAX)
    if (marked.length === 0) return
    for (const { cube } of await session.cubes.ofIds(marked)) {
      const [latest] = await session.lifecycle.transitions(cube, 1, null)
      if (cube.state === 'archived' && latest?.reason === archivedBecause(mark))
        await lifecycle.change(session, cube.cubeId, { event: 'restore', reason: `revocation void: ${mark}` }, context)
    }
    await session.vault.apply([{ kind: 'unmark_derived', cubeIds: marked, mark }, auditOf(context, null, marked)])
  }
}

const archivedBecause = (mark: string): string => `source revoked: ${mark}`

/** Cubes whose revisions name one of the addresses as what they come from, and those that come from them. */
async function derivedFrom(
  session: VaultSession,
  roots: ReadonlySet<string>,
  own: ReadonlySet<string>,
): Promise<string[]> {
  const found = new Set<string>()
  let links = [...roots]
  for (
    let depth = 0;
    depth < MIP_DERIVED_DEPTH_MAX && links.length > 0 && found.size < MIP_DERIVED_CUBES_MAX;
    depth++
  ) {
    const added = new Set<string>()
    for (let at = 0; at < links.length; at += LINKS_PER_LOOK) {
      const some = links.slice(at, at + LINKS_PER_LOOK)
      const wanted = new Set(some)
      for (const row of await session.followed.revisionsNaming(
        some.map((cid) => bytesOfCid(cid as Cid)),
        MIP_DERIVED_CUBES_MAX,
      )) {
        if (own.has(row.cubeId) || found.has(row.cubeId)) continue
        // The bytes of an address stand in `prev` too, of the cube itself; lineage decides.
        const { lineage } = readStoredRevision(row.cid as Cid, row.bytes)
        if (lineage.some(({ cid }) => wanted.has(cid))) added.add(row.cubeId)
      }
    }
    for (const cubeId of added) found.add(cubeId)
    links = added.size === 0 ? [] : await session.followed.revisionCids([...added])
  }
  return [...found].slice(0, MIP_DERIVED_CUBES_MAX)
}

async function archive(
  session: VaultSession,
  embeddings: Pick<EmbeddingBuilder, 'forget'>,
  full: FullCube,
  mark: string,
  context: RequestContext,
): Promise<void> {
  const { namespaceId, cubeId, seq, state } = full.cube
  // What is frozen or archived already stays as it is, and carries the mark.
  if (state === 'frozen' || nextState(state, 'archive') === null) return
  await session.vault.apply([
    {
      kind: 'transition_cubes',
      namespaceId,
      cubes: [transitionOf(full, 'archived')],
      event: 'archive',
      reason: archivedBecause(mark),
      caller: context.principal.keyId,
      atMs: context.nowMs,
    },
    auditOf(context, namespaceId, [cubeId]),
  ])
  await embeddings.forget(session, context.principal.orgId, namespaceId, [seq])
}

/** Why a revision must not be taken in, by revocations that the log has further on and that are not applied yet. */
export function isRevokedBy(
  ahead: readonly Revocation[],
  place: LogPlace,
  cube: string,
  number: number,
): string | null {
  const over = ahead.find((one) => one.sum.cube === cube && isBefore(place, one) && number >= (one.sum.fromRev ?? 1))
  return over?.sum.reason ?? null
}

/** Why a revision of a publisher must not be taken in, by its address or its cube; null: it may. */
export function deniedBecause(
  denied: ReadonlyMap<string, Denial>,
  { cid, cube, number }: { cid: string; cube: string; number: number },
): string | null {
  const whole = denied.get(cube)
  return denied.get(cid)?.reason ?? (whole !== undefined && number >= whole.fromRev ? whole.reason : null)
}

/** The row of a revision that was revoked before its effect came here. */
export const revokedRow = (row: Omit<MipIngestedRow, 'orgId' | 'cubeId' | 'state'>): Omit<MipIngestedRow, 'orgId'> => ({
  ...row,
  cubeId: null,
  state: 'revoked',
})
