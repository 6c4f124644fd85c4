import { readChain } from '../../../protocol/core/delegation.ts'
import { argumentsOf } from '../../../protocol/core/entry.ts'
import { type Authority, isVoided } from '../../../protocol/core/log-state.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Entry } from '../../../schemas/mip-entry.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { MipEntryRow, MipLogRow } from '../../ports/writes/mip.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { entryOf, historyOf, planAsSaid } from './cube-history.ts'
import type { IngestTarget } from './ingest-plan.ts'
import type { Plan } from './plans.ts'
import { liftMarks } from './revocation.ts'

/** Revocations of delegations that one look goes through, with what was passed on under them: D1 allows a hundred parameters. */
const LINKS_MAX = 64
const CUBES_PER_LOOK = 24

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
 * What came of void entries before anybody here knew that they are: it goes, what they took back is allowed again, and the last revision that a
 * good key signed holds. So many cubes at a time; empty when there are no more.
 * @throws GuardError when something made from a revoked cube was changed meanwhile
 */
export async function planVoided(
  session: VaultSession,
  embeddings: EmbeddingBuilder,
  target: IngestTarget,
  log: MipLogRow,
  voided: Voided,
  context: RequestContext,
): Promise<Plan[]> {
  if (voided.links.length === 0) return []
  const counts = (entry: Entry) => !voided.isVoid(entry)
  const cubes = new Map<string, number[]>()
  for (const row of await session.denials.revocationsNaming(log, voided)) {
    const entry = entryOf(row)
    const sum = argumentsOf(entry, 'cube.revoke')
    if (sum === null || counts(entry)) continue
    if (cubes.size === CUBES_PER_LOOK && !cubes.has(sum.cube)) break
    await liftMarks(session, embeddings, { log, sum }, context)
    cubes.set(sum.cube, [...(cubes.get(sum.cube) ?? []), entry.seq])
  }
  for (const { entry, cube } of await session.followed.takenFrom(log.id, target.id, voided)) {
    if (cubes.size === CUBES_PER_LOOK) break
    if (!cubes.has(cube) && !counts(entryOf(entry)) && (await isTakenFrom(session, target, log, entry, cube, counts)))
      cubes.set(cube, [])
  }
  return Promise.all(
    [...cubes].map(async ([cube, lifted]) => {
      const history = await historyOf(session, log.id, cube, counts)
      return planAsSaid(session, log, cube, { history, lifted, reason: 'key_revoked' }, context.nowMs)
    }),
  )
}

/** Whether what is here came of a void entry alone: the organisation may have published the same bytes itself. */
async function isTakenFrom(
  session: VaultSession,
  { id }: IngestTarget,
  log: MipLogRow,
  { bodyCid }: MipEntryRow,
  cube: string,
  counts: (entry: Entry) => boolean,
): Promise<boolean> {
  const row = await session.followed.ingested(id, cube)
  if (row === null || row.cid !== bodyCid) return false
  const { publications } = await historyOf(session, log.id, cube, counts)
  return publications.every(({ cid }) => cid !== row.cid)
}
