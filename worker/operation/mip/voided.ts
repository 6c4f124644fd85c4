import { readChain } from '../../../protocol/core/delegation.ts'
import { argumentsOf, openEntryParts } from '../../../protocol/core/entry.ts'
import { type Authority, isVoided } from '../../../protocol/core/log-state.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Entry } from '../../../schemas/mip-entry.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { MipEntryRow, MipLogRow } from '../../ports/writes/mip.ts'
import type { IngestTarget } from './ingest-plan.ts'
import { erasedCube, expecting, nothing, type Plan } from './plans.ts'

/** Revocations of delegations that one look goes through, with what was passed on under them: D1 allows a hundred parameters. */
const LINKS_MAX = 64
const CUBES_PER_LOOK = 24
const ENTRIES_OF_CUBE_MAX = 1000

/** What keys signed that the organisation has put out: entries above the last place that `org.revoke-key` leaves them (MIP 4.1). */
export interface Voided {
  isVoid(entry: Entry): boolean
  /** Delegations that are revoked, and those passed on under them. */
  links: readonly Cid[]
  /** Nothing up to this place of the log is void. */
  lastSeq: number
}

const NONE: Voided = { isVoid: () => false, links: [], lastSeq: Number.MAX_SAFE_INTEGER }

/** Reads what is void in a log; costs nothing while no key was ever revoked. */
export async function voidedIn(
  session: VaultSession,
  { did, log }: MipLogRow,
  authority: Authority | null,
): Promise<Voided> {
  const concerned = authority?.revoked.filter((one) => one.log === null || one.log === log) ?? []
  if (authority === null || concerned.length === 0) return NONE
  const wires = await session.followed.delegations(did)
  const lookup = (address: Cid) => wires.get(address) ?? null
  const revoked = new Set<string>(concerned.map(({ delegation }) => delegation))
  const passedOn = [...wires.keys()].filter((address) => {
    const chain = readChain(address, lookup)
    return typeof chain !== 'string' && chain.some((one) => revoked.has(one.address))
  })
  return {
    isVoid: (entry: Entry) => isVoided(authority, entry, lookup),
    links: [...new Set([...concerned.map(({ delegation }) => delegation), ...passedOn])].slice(-LINKS_MAX),
    lastSeq: Math.min(...concerned.map((one) => one.lastSeq)),
  }
}

/**
 * What came of void entries before anybody here knew that they are: it goes, and the last revision that a good key signed holds again. So many
 * cubes at a time; empty when there are no more.
 */
export async function planVoided(
  session: VaultSession,
  target: IngestTarget,
  log: MipLogRow,
  voided: Voided,
  context: RequestContext,
): Promise<Plan[]> {
  if (voided.links.length === 0) return []
  const found = await session.followed.takenFrom(log.id, target.id, voided)
  const plans: Plan[] = []
  const seen = new Set<string>()
  for (const { entry: row, cube } of found) {
    if (plans.length === CUBES_PER_LOOK) break
    if (seen.has(cube) || !voided.isVoid(entryOf(row))) continue
    seen.add(cube)
    const plan = await planOf(session, target, log, row, cube, voided, context)
    if (plan !== null) plans.push(plan)
  }
  return plans
}

async function planOf(
  session: VaultSession,
  { id, did }: IngestTarget,
  log: MipLogRow,
  { bodyCid }: MipEntryRow,
  cube: string,
  { isVoid }: Voided,
  { nowMs }: RequestContext,
): Promise<Plan | null> {
  const row = await session.followed.ingested(id, cube)
  if (row === null || row.cid !== bodyCid) return null
  const published = (await session.followed.entriesAbout(log.id, 'cube.publish', cube, ENTRIES_OF_CUBE_MAX)).filter(
    (one) => !isVoid(entryOf(one)),
  )
  // The organisation has published the same bytes itself.
  if (published.some((one) => one.bodyCid === row.cid)) return null
  const earlier = published
    .map((one) => ({ cid: one.bodyCid, number: argumentsOf(entryOf(one), 'cube.publish')?.rev ?? 0 }))
    .filter(({ number }) => number > 0 && number < row.number)
    .toSorted((a, b) => b.number - a.number)[0]
  return {
    ...nothing('revoked'),
    erased: await erasedCube(session, row),
    writes: [
      expecting(row, row),
      { kind: 'erase_mip_objects', did, cube },
      {
        kind: 'put_mip_ingested',
        rows: [
          earlier === undefined || earlier.cid === null
            ? { ...row, cubeId: null, state: 'refused', reason: VOID_REASON, atMs: nowMs }
            : { ...row, ...earlier, cid: earlier.cid, cubeId: null, state: 'header', reason: 'body_missing', atMs: 0 },
        ],
      },
    ],
  }
}

/** Why the cube of a void entry is not here; the organisation may publish it again. */
export const VOID_REASON = 'key_revoked'

const entryOf = ({ bytes, signature }: MipEntryRow): Entry =>
  openEntryParts(new Uint8Array(bytes), new Uint8Array(signature)).entry
