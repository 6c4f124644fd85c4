import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import { ReconSet } from '../../../protocol/core/negentropy.ts'
import { ReconError } from '../../../protocol/core/negentropy-codec.ts'
import {
  MIP_RECON_DIFFERENT_PERCENT_MAX,
  MIP_RECON_ITEMS_MAX,
  MIP_RECON_LOGS_MAX,
  MIP_RECON_ROUNDS_MAX,
} from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { MipParts } from '../../ports/mip.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { MipLogRow, MipSubscriptionRow } from '../../ports/writes/mip.ts'
import { type Mirror, mirrorsOf, strike } from './mirrors.ts'
import { stateOf } from './own-log.ts'

/** Differences that are settled whatever the size of the set. */
const DIFFERENT_MIN = 16

/** One set of entries, and whose it is. */
interface Followed {
  did: string
  rows: readonly MipLogRow[]
  set: ReconSet
}

/**
 * Whether anybody has entries of some logs of one publisher that are not here, found out by reconciling all of them at once (MIP 4.5) instead
 * of asking for the next page of each.
 */
export async function isNothingNew(
  session: VaultSession,
  { remotes }: Pick<MipParts, 'remotes'>,
  subscriptions: readonly MipSubscriptionRow[],
  context: RequestContext,
): Promise<boolean> {
  const did = subscriptions[0]?.did
  if (did === undefined || remotes.only !== undefined || !subscriptions.every(isSettled)) return false
  const rows = await rowsOf(session, did, subscriptions)
  if (rows === null) return false
  const items = []
  for (const row of rows) items.push(...(await session.mipLogs.items(row, MIP_RECON_ITEMS_MAX + 1 - items.length)))
  if (items.length > MIP_RECON_ITEMS_MAX) return false
  const replicas = stateOf(rows[0]!).authority?.replicas
  const addresses = [...(replicas?.urls ?? []), ...(replicas?.addrs ?? [])]
  const mirrors = await mirrorsOf(session, remotes, did, addresses, context.nowMs)
  const followed = { did, rows, set: new ReconSet(items) }
  for (const mirror of mirrors) if (!(await hasNothingNew(session, mirror, followed, context))) return false
  return mirrors.length > 0
}

const isSettled = ({ state, error, attempts }: MipSubscriptionRow): boolean =>
  state === 'active' && error === null && attempts === 0

/** `main` first, then the logs that are followed; null when one of them was not read, or not all that was read has taken effect. */
async function rowsOf(
  session: VaultSession,
  did: string,
  subscriptions: readonly MipSubscriptionRow[],
): Promise<MipLogRow[] | null> {
  const names = [...new Set([MAIN_LOG, ...subscriptions.map(({ log }) => log)])]
  if (names.length > MIP_RECON_LOGS_MAX) return null
  const rows: MipLogRow[] = []
  for (const name of names) {
    const row = await session.followed.log(did, name)
    if (row === null || row.stopped !== null) return null
    rows.push(row)
  }
  const isApplied = ({ log, epoch, seq }: MipSubscriptionRow) =>
    rows.some((row) => row.log === log && row.epoch === epoch && row.seq === seq)
  return subscriptions.every(isApplied) ? rows : null
}

/** What a mirror says that cannot be read is held against it; one that does not know the question is asked in the ordinary way. */
async function hasNothingNew(
  session: VaultSession,
  mirror: Mirror,
  followed: Followed,
  context: RequestContext,
): Promise<boolean> {
  try {
    return await ask(mirror, followed, context)
  } catch (error) {
    const isLie = error instanceof ReconError || (error instanceof MipRemoteError && error.isFaultOfPeer)
    if (!isLie && !(error instanceof MipRemoteError)) throw error
    if (isLie) await strike(session, followed.did, mirror, 'bad_answer', context.nowMs)
    return false
  }
}

async function ask({ remote }: Mirror, { rows, set }: Followed, { signal }: RequestContext): Promise<boolean> {
  const logs = rows.map(({ did, log }) => ({ org: did, log }))
  const differentMax = Math.max(DIFFERENT_MIN, (set.size * MIP_RECON_DIFFERENT_PERCENT_MAX) / 100)
  let different = 0
  let message: Uint8Array | null = set.initiate()
  for (let round = 0; message !== null; round++) {
    const answer: Uint8Array | null =
      round < MIP_RECON_ROUNDS_MAX ? await remote.recon({ logs, message }, { signal }) : null
    if (answer === null) return false
    const step = set.next(answer)
    different += step.have.length
    // Something to read; or it is so far behind that its head says more than the rest of this.
    if (step.need.length > 0 || different > differentMax) return false
    message = step.message
  }
  return true
}
