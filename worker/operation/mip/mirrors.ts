import type { MipRemote } from '../../../protocol/host/mip-remote.ts'
import { MIP_MIRROR_REST_MS, MIP_PULL_PAUSE_MS_MAX } from '../../../schemas/limits-mip.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { MipRemotes } from '../../ports/mip.ts'
import { addressOfPeer, peerPartOf } from '../../ports/peer-address.ts'

/** In the place of an address: nobody can be blamed for a file. */
const ARCHIVE = ''

export interface Mirror {
  address: string
  remote: MipRemote
}

/**
 * Where a publisher's log may be had: what its peer row says, then what its own log says of replicas. Those that rest after a strike come
 * last: a mirror that lied is better than none, since everything is verified. Of the others, nodes that have shown to speak for the publisher
 * come first.
 */
export async function mirrorsOf(
  session: VaultSession,
  remotes: MipRemotes,
  did: string,
  replicas: readonly string[],
  nowMs: number,
): Promise<Mirror[]> {
  if (remotes.only !== undefined) return [{ address: ARCHIVE, remote: remotes.only }]
  const peer = await session.followed.peer(did)
  const struck = new Map((await session.followed.mirrors([did])).map((row) => [row.address, row]))
  const addresses = [...new Set([...(peer?.addresses ?? []), ...replicas])]
  const speaking = new Set((await session.followed.servers([did], nowMs)).map(({ peerId }) => addressOfPeer(peerId)))
  const rest = (address: string) => {
    const rows = [struck.get(address), struck.get(peerPartOf(address) ?? address)]
    return Math.max(...rows.map((row) => (row !== undefined && row.restUntilMs > nowMs ? row.strikes : 0)))
  }
  const order = (address: string) => (speaking.has(peerPartOf(address) ?? '') ? 0 : 1)
  return addresses
    .toSorted((a, b) => rest(a) - rest(b) || order(a) - order(b))
    .flatMap((address) => {
      const remote = remotes.open(address)
      return remote === null ? [] : [{ address, remote }]
    })
}

/** Remembers that a mirror withheld or falsified something. */
export async function strike(
  session: VaultSession,
  did: string,
  { address }: Mirror,
  reason: string,
  atMs: number,
): Promise<void> {
  if (address === ARCHIVE) return
  const rest = { restMs: MIP_MIRROR_REST_MS, restMsMax: MIP_PULL_PAUSE_MS_MAX }
  await session.vault.apply([{ kind: 'strike_mip_mirror', did, address, reason, ...rest, atMs }])
}
