/** A peer at rest: it takes part in the topics of heads and proofs; a publisher says every ten seconds where its log ends. */
import { randomBytes } from 'node:crypto'
import { publicKeyOfSeed } from '../../../protocol/core/ed25519-rule.ts'
import { signHead } from '../../../protocol/core/head.ts'
import { didOfKey } from '../../../protocol/core/keys.ts'
import { toWire } from '../../../protocol/core/signed.ts'
import { gossipTopics } from '../../../protocol/host/gossip-topics.ts'
import { nodeEd25519 } from '../../../protocol/host/native-ed25519.ts'
import { type MipNode, startMipNode } from '../../../protocol/host/node.ts'
import { nodeParts } from '../../../protocol/host/node-parts.ts'
import { MIP_HEAD_BEACON_MS } from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import { MemoryMipSource } from '../../support/memory-mip-source.ts'
import { BODY } from '../../support/mip-log.ts'
import { serveParent } from '../harness/child.ts'

export interface IdleOrder {
  /** It publishes a log. */
  beacons: boolean
}

export interface IdleReady {
  port: number
  peerId: string
}

const network = 'bench'

await serveParent<IdleOrder, IdleReady>(async ({ beacons }) => {
  const node = await startMipNode({
    seed: randomBytes(32),
    source: new MemoryMipSource(),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    ...nodeParts(),
    gossip: { network },
  })
  const topics = gossipTopics(network)
  for (const topic of [topics.head, topics.proof])
    node.gossip.subscribe(topic, { validate: () => 'accept', receive: () => {} })
  if (beacons) beacon(node)
  const answer = ({ address }: { address: string }) => node.dial(address, { signal: AbortSignal.timeout(10_000) })
  const port = Number(/\/tcp\/(\d+)/.exec(node.addresses()[0] ?? '')?.[1])
  return { ready: { port, peerId: node.peerId }, answer }
})

function beacon({ gossip }: MipNode): void {
  const seed = new Uint8Array(randomBytes(32))
  const did = didOfKey(publicKeyOfSeed(seed))
  const head = { v: 1 as const, org: did, log: MAIN_LOG, epoch: 0, seq: 0, cid: BODY, key: did, dlg: null }
  setInterval(async () => {
    await gossip.publish(
      gossipTopics(network).head,
      toWire(await signHead({ ...head, ts: Date.now() }, seed, nodeEd25519())),
    )
  }, MIP_HEAD_BEACON_MS)
}
