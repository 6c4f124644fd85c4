import type { GossipSub } from '@libp2p/gossipsub'
import { toWire } from '../../protocol/core/signed.ts'
import type { MipNode } from '../../protocol/host/node.ts'
import { seededRandom } from '../conformance/seeded-random.ts'
import { closeNodes, dial, GossipFollower, NOTES, SignedLog, TOPICS, threatNode } from './gossip-world.ts'
import { holdsWithin, type Measured, wait } from './measured.ts'

const score = (node: MipNode, peerId: string) =>
  (node.libp2p.services.pubsub as GossipSub & { getScore(id: string): number }).getScore(peerId)

const isInOrder = (applied: readonly number[], entries: number) =>
  applied.length === entries && applied.every((seq, at) => seq === at)

async function ended(work: () => Promise<Measured>): Promise<Measured> {
  try {
    return await work()
  } finally {
    await closeNodes()
  }
}

/** Ten thousand entries that were taken before come again from one neighbour, all of them distinct messages. */
export const replayOldEntries = (count = 10_000): Promise<Measured> =>
  ended(async () => {
    const log = await SignedLog.create()
    while (log.entries.length < count) await log.publish()
    const [mirror, node] = await Promise.all([threatNode({ source: log.source }), threatNode()])
    await dial(node, mirror)
    mirror.gossip.subscribe(NOTES, { validate: () => 'accept', receive: () => {} })
    const follower = new GossipFollower(node, log, () => mirror.peerId)
    await follower.pull()
    const { state } = follower
    const before = follower.applied.length
    await holdsWithin(10_000, () => mirror.gossip.subscribers(NOTES).length === 1)
    const scoreBefore = score(node, mirror.peerId)
    let lowest = scoreBefore
    for (const [at, entry] of log.entries.entries()) {
      await mirror.gossip.publish(NOTES, toWire(entry))
      // Faster would be a flood, which is another row.
      if (at % 40 === 39) await wait(50)
      if (at % 100 === 99) {
        await holdsWithin(5000, () => follower.told.ignore > at - 500)
        lowest = Math.min(lowest, score(node, mirror.peerId))
      }
    }
    await holdsWithin(60_000, () => follower.told.ignore >= count)
    const { accept, ignore, reject } = follower.told
    const effects = follower.applied.length - before + (follower.state === state ? 0 : 1)
    return {
      figure: `${ignore} of ${count} heard and ignored, ${effects} effects, score ${scoreBefore.toFixed(1)} -> at least ${lowest.toFixed(1)}`,
      isKept: effects === 0 && accept === 0 && reject === 0 && ignore === count && lowest >= Math.min(0, scoreBefore),
    }
  })

/** 30 % of the messages are lost, the connection is gone for ten seconds, and later the stream stands still for eight. */
export const loseGossip = (entries = 1000): Promise<Measured> =>
  ended(async () => {
    const random = seededRandom(7)
    let lost = 0
    const log = await SignedLog.create()
    const deaf: string[] = []
    const publisher = await threatNode({ source: log.source })
    const node = await threatNode({ beaconMs: 1000, onDeaf: ({ reason }) => deaf.push(reason) })
    publisher.gossip.subscribe(NOTES, { validate: () => 'accept', receive: () => {} })
    publisher.gossip.subscribe(TOPICS.head, { validate: () => 'accept', receive: () => {} })
    const isLost = () => {
      const isGone = random(100) < 30
      if (isGone) lost += 1
      return isGone
    }
    const follower = new GossipFollower(node, log, () => publisher.peerId, isLost)
    await dial(node, publisher)
    await holdsWithin(10_000, () => publisher.gossip.subscribers(NOTES).length === 1)
    let isOver = false
    const beacons = (async () => {
      for (; !isOver; await wait(1000)) await publisher.gossip.publish(TOPICS.head, await log.head(random(2) * 2000))
    })()
    const faults = (async () => {
      await wait(3000)
      await node.hangUp(publisher.peerId)
      // Nobody comes through for ten seconds.
      for (const end = performance.now() + 10_000; performance.now() < end; await wait(200))
        if (node.peers().length > 0) await node.hangUp(publisher.peerId)
      await dial(node, publisher)
      await wait(3000)
      const inbound = node.libp2p.getConnections().flatMap(({ streams }) => streams)
      const gossip = inbound.filter((one) => one.protocol.startsWith('/meshsub/') && one.direction === 'inbound')
      for (const stream of gossip) stream.pause()
      await wait(8000)
      for (const stream of gossip) stream.resume()
    })()
    const pace = 26_000 / entries
    const from = performance.now()
    for (let n = log.entries.length; n < entries; n++) {
      await publisher.gossip.publish(NOTES, toWire(await log.publish()))
      const ahead = n * pace - (performance.now() - from)
      if (ahead > 0) await wait(ahead)
    }
    await faults
    const isWhole = await holdsWithin(15_000, () => follower.applied.length >= entries)
    isOver = true
    await beacons
    return {
      figure: `${follower.applied.length} of ${entries} applied, ${isInOrder(follower.applied, entries) ? 'once and in order' : 'NOT in order'}; ${lost} messages lost, ${follower.byGossip} by gossip, ${follower.pulls} pulls, ${deaf.length} times deaf`,
      isKept: isWhole && isInOrder(follower.applied, entries),
    }
  })

/** Fifty peers that say nothing on and three honest ones, all known to the follower and to each other. */
export const surroundBySybils = (sybils = 50, entries = 200): Promise<Measured> =>
  ended(async () => {
    const log = await SignedLog.create()
    const [victim, publisher, ...honest] = await Promise.all([
      threatNode(),
      threatNode({ source: log.source }),
      threatNode(),
      threatNode(),
    ])
    for (const node of [publisher, ...honest])
      node.gossip.subscribe(NOTES, { validate: () => 'accept', receive: () => {} })
    const crowd = await Promise.all(Array.from({ length: sybils }, () => threatNode()))
    for (const node of crowd) {
      node.gossip.subscribe(NOTES, { validate: () => 'ignore', receive: () => {} })
      for (const to of [victim, publisher, ...honest]) await dial(node, to)
    }
    const follower = new GossipFollower(victim, log, () => publisher.peerId)
    for (const node of honest) await dial(node, publisher)
    // The publisher is called directly; the others are only neighbours.
    await victim.keep(await dial(victim, publisher), true)
    for (const node of honest) await dial(victim, node)
    await follower.pull()
    await holdsWithin(20_000, () => publisher.gossip.subscribers(NOTES).includes(victim.peerId))
    await wait(2000)
    const had = follower.applied.length
    for (let n = 0; n < entries; n++) {
      await publisher.gossip.publish(NOTES, toWire(await log.publish()))
      await wait(5)
    }
    await holdsWithin(10_000, () => follower.applied.length === had + entries)
    const loss = had + entries - follower.applied.length
    return {
      figure: `${loss} of ${entries} lost among ${victim.peers().length} peers (${follower.byGossip} by gossip, ${follower.pulls - 1} pulls)`,
      isKept: loss === 0 && isInOrder(follower.applied, had + entries),
    }
  })
