import { argumentsOf, openEntryParts } from '../../../protocol/core/entry.ts'
import { isFinal } from '../../../protocol/core/revocation.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Entry, EntrySum } from '../../../schemas/mip-entry.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { LogPlace, MipDeniedRow, MipEntryRow, MipIngestedRow, MipLogRow } from '../../ports/writes/mip.ts'
import { erasedCube, expecting, nothing, type Plan } from './plans.ts'

const ENTRIES_OF_CUBE_MAX = 1000

export interface Publication extends LogPlace {
  cid: Cid
  /** null: its entry does not tell. */
  rev: number | null
}

export interface Revocation extends LogPlace {
  sum: EntrySum<'cube.revoke'>
}

/** What a log says of one cube, in its order. */
export interface CubeHistory {
  publications: Publication[]
  revocations: Revocation[]
}

export const entryOf = ({ bytes, signature }: MipEntryRow): Entry =>
  openEntryParts(new Uint8Array(bytes), new Uint8Array(signature)).entry

export const isBefore = (one: LogPlace, other: LogPlace): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.seq < other.seq)

/** Entries about a cube that count. */
export async function historyOf(
  { followed }: VaultSession,
  logId: number,
  cube: string,
  counts: (entry: Entry) => boolean,
): Promise<CubeHistory> {
  const [published, revoked] = await Promise.all([
    followed.entriesAbout(logId, 'cube.publish', cube, ENTRIES_OF_CUBE_MAX),
    followed.entriesAbout(logId, 'cube.revoke', cube, ENTRIES_OF_CUBE_MAX),
  ])
  return {
    publications: published.map(entryOf).flatMap((entry) => {
      const { epoch, seq, body } = entry
      const rev = argumentsOf(entry, 'cube.publish')?.rev ?? null
      return body === null || !counts(entry) ? [] : [{ epoch, seq, cid: body, rev }]
    }),
    revocations: revoked.map(entryOf).flatMap((entry) => {
      const sum = argumentsOf(entry, 'cube.revoke')
      return sum === null || !counts(entry) ? [] : [{ epoch: entry.epoch, seq: entry.seq, sum }]
    }),
  }
}

/** Whether a revocation names a revision. One whose number nobody tells counts among those from any number on. */
export const isNamed = ({ sum, ...place }: Revocation, one: LogPlace, rev: number | null): boolean =>
  (isFinal(sum) || isBefore(one, place)) && (rev === null || rev >= (sum.fromRev ?? 1))

/** Which rows of a cube a revocation is about: not those of a revision that came after it. Other logs of the publisher tell nothing of the order. */
export function rowsNamed(
  rows: readonly MipIngestedRow[],
  revocation: Revocation,
  publications: readonly Publication[],
): MipIngestedRow[] {
  return rows.filter(({ cid, number }) => {
    const told = publications.filter((one) => one.cid === cid)
    return (
      number >= (revocation.sum.fromRev ?? 1) &&
      (told.length === 0 || told.some((one) => isNamed(revocation, one, number)))
    )
  })
}

/** Publications that no revocation names, by place or by address: what was closed once is closed wherever it stands again. */
function openIn({ publications, revocations }: CubeHistory): Publication[] {
  const named = publications.filter((one) => revocations.some((revocation) => isNamed(revocation, one, one.rev)))
  const closed = new Set<string>(named.map(({ cid }) => cid))
  return publications.filter(({ cid }) => !closed.has(cid))
}

/** The latest revision that no revocation names; those that do not tell their number are left out. */
export function standingOf(history: CubeHistory): { number: number; cid: Cid } | null {
  const open = openIn(history).flatMap(({ cid, rev }) => (rev === null ? [] : [{ number: rev, cid }]))
  return open.toSorted((a, b) => b.number - a.number)[0] ?? null
}

/** What a revocation closes: revisions by their address, and, when it is final, the cube from a revision on. */
export function denialsOf(
  { did, log }: Pick<MipLogRow, 'did' | 'log'>,
  { sum, ...place }: Revocation,
  publications: readonly Publication[],
  atMs: number,
): Omit<MipDeniedRow, 'orgId'>[] {
  const { cube, fromRev = 1, reason } = sum
  const row = { did, log, seq: place.seq, reason, atMs }
  const named = publications.filter((one) => isBefore(one, place) && (one.rev === null || one.rev >= fromRev))
  return [
    ...(isFinal(sum) ? [{ ...row, subject: cube, fromRev }] : []),
    ...[...new Set(named.map(({ cid }) => cid))].map((subject) => ({ ...row, subject, fromRev: 1 })),
  ]
}

/** Why a cube is not here any more though nobody revoked it; it may be published again. */
export const UNDONE: ReadonlySet<string> = new Set(['key_revoked', 'resync'])

export interface Undoing {
  /** What is left of what the log says of the cube. */
  history: CubeHistory
  /** Places of revocations that count no longer. */
  lifted: readonly number[]
  reason: 'key_revoked' | 'resync'
}

/**
 * Brings a cube to where the entries that count leave it: the revision that stands is fetched with the next look, what does not stand goes, and
 * nothing is denied but what a revocation names. In subscriptions of other logs of the publisher what was taken back is looked at again.
 */
export async function planAsSaid(
  session: VaultSession,
  log: Pick<MipLogRow, 'did' | 'log'>,
  cube: string,
  { history, lifted, reason }: Undoing,
  nowMs: number,
): Promise<Plan> {
  const { did } = log
  const standing = standingOf(history)
  const open = new Set<string>(standing === null ? openIn(history).map(({ cid }) => cid) : [standing.cid])
  const [rows, subscriptions] = await Promise.all([
    session.followed.ingestedOf(did, cube),
    session.followed.subscriptionsOf(did, log.log),
  ])
  const ours = new Set(subscriptions.map(({ id }) => id))
  const isRight = ({ state, cid, subscriptionId }: MipIngestedRow) =>
    state !== 'revoked' && (!ours.has(subscriptionId) || open.has(cid))
  const changed = rows.filter((row) => !isRight(row))
  const last = history.revocations.at(-1)?.sum.reason
  const after = (row: MipIngestedRow): Omit<MipIngestedRow, 'orgId'> => {
    const waiting = { cubeId: null, state: 'header', reason: 'body_missing', atMs: 0 } as const
    if (!ours.has(row.subscriptionId)) return { ...row, ...waiting }
    if (standing !== null) return { ...row, ...standing, ...waiting }
    return last === undefined
      ? { ...row, cubeId: null, state: 'refused', reason, atMs: nowMs }
      : { ...row, cubeId: null, state: 'revoked', reason: last, atMs: nowMs }
  }
  return {
    ...nothing('revoked'),
    erased: (await Promise.all(changed.map((row) => erasedCube(session, row)))).flat(),
    writes: [
      ...changed.map((row) => expecting(row, row)),
      {
        kind: 'erase_mip_objects',
        did,
        cube,
        ...(changed.length < rows.length && { cids: changed.map(({ cid }) => cid) }),
      },
      { kind: 'allow_mip', did, log: log.log, seqs: lifted, cube },
      {
        kind: 'deny_mip',
        rows: history.revocations.flatMap((one) => denialsOf(log, one, history.publications, nowMs)),
      },
      { kind: 'put_mip_ingested', rows: changed.map(after) },
    ],
  }
}
