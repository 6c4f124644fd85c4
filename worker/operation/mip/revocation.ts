import { bytesOfCid } from '../../../protocol/core/cid.ts'
import { argumentsOf, openEntryParts } from '../../../protocol/core/entry.ts'
import { readStoredRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { nextState } from '../../../schemas/lifecycle.ts'
import { MIP_DERIVED_CUBES_MAX, MIP_DERIVED_DEPTH_MAX } from '../../../schemas/limits-mip.ts'
import type { EntrySum } from '../../../schemas/mip-entry.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { LogPlace, MipEntryRow, MipIngestedRow } from '../../ports/writes/mip.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { transitionOf } from '../lifecycle/mem-lifecycle.ts'
import { erasedCube, expecting, nothing, type Plan } from './plans.ts'

/** Addresses that one look for what was made from them carries: D1 allows a hundred parameters. */
const LINKS_PER_LOOK = 64
const ENTRIES_OF_CUBE_MAX = 1000

/** A revocation, and whose it is. */
export interface Revoked {
  did: string
  logId: number
  /** Where it stands: what is published behind it is not among what it revokes. */
  place: LogPlace
  sum: EntrySum<'cube.revoke'>
}

/**
 * What a revocation does (MIP 4.9), in every subscription of its publisher: the cube goes with its text, index, vectors, blobs and signed
 * bytes, and what was revoked is never taken in again. The entries of the log stay, so that its chain can be verified.
 */
export async function planRevocation(
  session: VaultSession,
  { did, logId, place, sum }: Revoked,
  context: RequestContext,
): Promise<Plan> {
  const { cube, fromRev, reason } = sum
  const all = await session.followed.ingestedOf(did, cube)
  const rows = all.filter((row) => fromRev === undefined || row.number >= fromRev)
  const erased = (await Promise.all(rows.map((row) => erasedCube(session, row)))).flat()
  const published = await publishedBefore(session, logId, place, cube)
  const earlier = fromRev === undefined ? null : latestBefore(published, fromRev)
  // The addresses too: somebody else may offer the same bytes.
  const cids = [...cidsFrom(published, fromRev ?? 1), ...rows.map(({ cid }) => cid)]
  const subjects = fromRev === undefined ? [cube, ...cids] : cids
  return {
    ...nothing('revoked'),
    erased,
    writes: [
      ...rows.map((row) => expecting(row, row)),
      {
        kind: 'deny_mip',
        rows: [...new Set(subjects)].map((subject) => ({ did, subject, reason, atMs: context.nowMs })),
      },
      { kind: 'erase_mip_objects', did, cube },
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

async function publishedBefore(
  session: VaultSession,
  logId: number,
  place: LogPlace,
  cube: string,
): Promise<MipEntryRow[]> {
  const rows = await session.followed.entriesAbout(logId, 'cube.publish', cube, ENTRIES_OF_CUBE_MAX)
  return rows.filter((row) => isBefore(row, place))
}

const isBefore = (one: LogPlace, other: LogPlace): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.seq < other.seq)

/** The last revision of a cube below a number; entries that do not tell theirs are left out. */
function latestBefore(published: readonly MipEntryRow[], fromRev: number): { number: number; cid: string } | null {
  const found = published.flatMap((row) => {
    const { entry } = openEntryParts(new Uint8Array(row.bytes), new Uint8Array(row.signature))
    const rev = argumentsOf(entry, 'cube.publish')?.rev
    return row.bodyCid === null || rev === undefined || rev >= fromRev ? [] : [{ number: rev, cid: row.bodyCid }]
  })
  return found.toSorted((a, b) => b.number - a.number)[0] ?? null
}

/** Addresses of the revisions of a cube from a number on; an entry that does not tell its number counts. */
function cidsFrom(published: readonly MipEntryRow[], fromRev: number): string[] {
  return published.flatMap((row) => {
    const { entry } = openEntryParts(new Uint8Array(row.bytes), new Uint8Array(row.signature))
    const rev = argumentsOf(entry, 'cube.publish')?.rev
    return row.bodyCid === null || (rev !== undefined && rev < fromRev) ? [] : [row.bodyCid]
  })
}

/**
 * Marks what was made from a revoked cube, found through lineage, and archives it where the revocation says so. Comes before the revocation
 * itself and may be repeated: a crash in between leaves marks, never a mark that is missing.
 * @throws GuardError when one of them was changed meanwhile
 */
export async function markDerived(
  session: VaultSession,
  embeddings: Pick<EmbeddingBuilder, 'forget'>,
  { did, logId, place, sum }: Revoked,
  context: RequestContext,
): Promise<number> {
  const all = await session.followed.ingestedOf(did, sum.cube)
  const rows = all.filter(({ number }) => number >= (sum.fromRev ?? 1))
  const own = rows.flatMap(({ cubeId }) => (cubeId === null ? [] : [cubeId]))
  const published = await publishedBefore(session, logId, place, sum.cube)
  const roots = [
    ...rows.map(({ cid }) => cid),
    ...cidsFrom(published, sum.fromRev ?? 1),
    ...(await session.followed.revisionCids(own)),
  ]
  const derived = await derivedFrom(session, new Set(roots), new Set(own))
  if (derived.length === 0) return 0
  const mark = `${did}/${sum.cube} ${sum.reason}`
  await session.vault.apply([{ kind: 'mark_derived', cubeIds: derived, mark }, auditOf(context, null, derived)])
  if (sum.scope === 'derived')
    for (const full of await session.cubes.ofIds(derived)) await archive(session, embeddings, full, mark, context)
  return derived.length
}

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
      reason: `source revoked: ${mark}`,
      caller: context.principal.keyId,
      atMs: context.nowMs,
    },
    auditOf(context, namespaceId, [cubeId]),
  ])
  await embeddings.forget(session, context.principal.orgId, namespaceId, [seq])
}

/** Whether a revision that stands before a revocation in the log is among what it revokes. */
export const isRevokedBy = (
  revocations: readonly MipEntryRow[],
  place: LogPlace,
  cube: string,
  number: number,
): string | null => {
  for (const row of revocations) {
    if (row.cube !== cube || !isBefore(place, row)) continue
    const { entry } = openEntryParts(new Uint8Array(row.bytes), new Uint8Array(row.signature))
    const sum = argumentsOf(entry, 'cube.revoke')
    if (sum !== null && number >= (sum.fromRev ?? 1)) return sum.reason
  }
  return null
}

/** The row of a revision that was revoked before its effect came here. */
export const revokedRow = (row: Omit<MipIngestedRow, 'orgId' | 'cubeId' | 'state'>): Omit<MipIngestedRow, 'orgId'> => ({
  ...row,
  cubeId: null,
  state: 'revoked',
})
