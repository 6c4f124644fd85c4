import { setTimeout as sleep } from 'node:timers/promises'
import type { Did } from '../../schemas/did.ts'
import type { Answer, Body } from '../../sdk/endpoints.ts'
import type { FederationEdge } from './federation-edge.ts'

/** Looks at a log that came to nothing before it is given up. */
const ATTEMPTS_MAX = 12
const PAUSE_MS = 250

export interface Following {
  edge: FederationEdge
  id: string
  namespace: string
}

export type CaughtUp = Pick<
  Answer<'catchUpMipSubscription'>,
  'verified' | 'applied' | 'ingested' | 'quarantined' | 'filtered' | 'revoked'
>

type Subscribe = Pick<Body<'createMipSubscription'>, 'log' | 'filter'> & { did: Did; namespace: string }

/** Trusts a publisher as one that is known, says where it may be had, and follows one of its logs. */
export async function follow(
  edge: FederationEdge,
  publisher: string,
  addresses: readonly string[],
  { did, ...subscribe }: Subscribe,
): Promise<Following> {
  await trust(edge, did, publisher, addresses)
  const { id, namespace } = await edge.client.call('createMipSubscription', { body: { did, ...subscribe } })
  return { edge, id, namespace }
}

export async function trust(edge: FederationEdge, did: Did, name: string, addresses: readonly string[]) {
  const body = { name, tier: 'known' as const, addresses: [...addresses] }
  return edge.client.call('setMipPeer', { params: { did }, body })
}

/** Pulls until nothing further is known of the log. @throws Error when it does not come to its end */
export async function catchUp(
  { edge, id }: Following,
  report: (applied: number) => void = () => {},
): Promise<CaughtUp> {
  const sum = { verified: 0, applied: 0, ingested: 0, quarantined: 0, filtered: 0, revoked: 0 }
  let idle = 0
  for (;;) {
    const one = await edge.client.call('catchUpMipSubscription', { params: { id } })
    for (const name of Object.keys(sum) as (keyof CaughtUp)[]) sum[name] += one[name]
    report(sum.applied)
    if (one.atEnd) return sum
    idle = one.applied + one.verified > 0 ? 0 : idle + 1
    if (idle === ATTEMPTS_MAX)
      throw new Error([`${edge.name} does not come on: ${one.error}`, ...edge.output()].join('\n'))
    if (idle > 0) await sleep(PAUSE_MS)
  }
}

/** Addresses of the revisions that a follower holds as memories of its own, and by the publisher's id of the cube. */
export async function heldBy({ edge, namespace }: Following): Promise<Map<string, string>> {
  const held = new Map<string, string>()
  for await (const { metadata } of edge.client.iterate('listCubes', { query: { namespace, limit: 200 } })) {
    held.set(String(metadata.originCube), String(metadata.originCid))
  }
  return held
}

/** Revisions that wait for a person there: screening kept them apart. */
export async function quarantinedAt({ edge, namespace }: Following): Promise<Set<string>> {
  const cubes = new Set<string>()
  for await (const one of edge.client.iterate('listQuarantine')) if (one.namespace === namespace) cubes.add(one.cube)
  return cubes
}

export const subscriptionOf = ({ edge, id }: Following) => edge.client.call('getMipSubscription', { params: { id } })
