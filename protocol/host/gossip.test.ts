/**
 * Goal: a message reaches every peer once, bad ones go nowhere, and a stream that has died is healed.
 * Method: real libp2p nodes in one process (memory transport).
 */
import type { GossipSub } from '@libp2p/gossipsub'
import { describe, expect, it } from 'vitest'
import { connect, memoryNode, until } from '../../test/support/mip-nodes.ts'
import type { GossipVerdict } from '../core/gossip-message.ts'
import type { DeafPeer } from './deaf-watchdog.ts'
import type { GossipMessage } from './gossip.ts'
import { gossipTopics } from './gossip-topics.ts'
import type { MipNode } from './node.ts'

const TOPIC = gossipTopics('test').of('org.memos.notes')
const text = (message: GossipMessage) => new TextDecoder().decode(message.data)
const bytes = (message: string) => new TextEncoder().encode(message)

/** Subscribes and writes down what arrives. */
function listen(node: MipNode, validate: (message: GossipMessage) => GossipVerdict = () => 'accept') {
  const got: string[] = []
  const stop = node.gossip.subscribe(TOPIC, { validate, receive: (message) => got.push(text(message)) })
  return { got, stop }
}

/** A in the middle knows B and C, which do not know each other. */
async function line() {
  const [a, b, c] = await Promise.all([memoryNode(), memoryNode(), memoryNode()])
  await connect(b, a)
  await connect(c, a)
  return { a, b, c }
}

const score = (node: MipNode, peerId: string) =>
  (node.libp2p.services.pubsub as GossipSub & { getScore(id: string): number }).getScore(peerId)

describe('gossip between three peers', () => {
  it('reaches each once, over a peer in the middle too; two copies of the same are one', async () => {
    const { a, b, c } = await line()
    const [atA, atB, atC] = [listen(a), listen(b), listen(c)]
    await until(() => a.gossip.subscribers(TOPIC).length === 2 && b.gossip.subscribers(TOPIC).length === 1)
    for (let i = 0; i < 20; i++) expect(await b.gossip.publish(TOPIC, bytes(`${i}`))).toBeGreaterThan(0)
    expect(await b.gossip.publish(TOPIC, bytes('0'))).toBe(0)
    await until(() => atC.got.length === 20)
    expect(atA.got).toHaveLength(20)
    expect(atC.got.sort()).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`).sort())
    expect(atB.got).toEqual([])
  })

  it('what is ignored or rejected goes no further, and only what is rejected costs its sender', async () => {
    const { a, b, c } = await line()
    const judge = (message: GossipMessage) =>
      text(message) === 'old' ? 'ignore' : text(message).startsWith('bad') ? 'reject' : 'accept'
    const [atA, , atC] = [listen(a, judge), listen(b), listen(c)]
    await until(() => a.gossip.subscribers(TOPIC).length === 2 && b.gossip.subscribers(TOPIC).length === 1)
    await b.gossip.publish(TOPIC, bytes('old'))
    await b.gossip.publish(TOPIC, bytes('good'))
    await until(() => atC.got.length === 1)
    expect(score(a, b.peerId)).toBeGreaterThanOrEqual(0)
    for (let i = 0; i < 5; i++) await b.gossip.publish(TOPIC, bytes(`bad ${i}`))
    await b.gossip.publish(TOPIC, bytes('good again'))
    await until(() => atA.got.length === 2)
    expect(atC.got.concat(atA.got).filter((message) => !message.startsWith('good'))).toEqual([])
    await until(() => score(a, b.peerId) < 0)
  })

  it('a topic that was left brings nothing more, and can be joined again', async () => {
    const { a, b } = await line()
    const first = listen(a)
    listen(b)
    await until(() => b.gossip.subscribers(TOPIC).length === 1)
    first.stop()
    // The word that a peer has left comes before the word that it is no neighbour for the topic any more.
    for (let i = 0, sent = 1; sent > 0; i++) {
      sent = await b.gossip.publish(TOPIC, bytes(`to nobody ${i}`))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(b.gossip.subscribers(TOPIC)).toEqual([])
    const second = listen(a)
    // What went to nobody may come late: neighbours are told of the messages of the last seconds.
    for (let i = 0; !second.got.some((message) => message.startsWith('to you')); i++) {
      await b.gossip.publish(TOPIC, bytes(`to you ${i}`))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(first.got).toEqual([])
  })

  it('a message of 64 KiB arrives, a larger one is refused here', async () => {
    const { a, b } = await line()
    const atA = listen(a)
    listen(b)
    await until(() => b.gossip.subscribers(TOPIC).length === 1)
    await b.gossip.publish(TOPIC, new Uint8Array(65_536).fill(65))
    await until(() => atA.got.length === 1)
    await expect(b.gossip.publish(TOPIC, new Uint8Array(65_537))).rejects.toThrow('65536 bytes')
  })

  it('who subscribed before we took part is known when we do', async () => {
    const { a, b } = await line()
    const atB = listen(b)
    await new Promise((resolve) => setTimeout(resolve, 100))
    listen(a)
    expect(await a.gossip.publish(TOPIC, bytes('late'))).toBe(1)
    await until(() => atB.got.length === 1)
  })

  it('only topics of the network', async () => {
    const a = await memoryNode()
    const join = (topic: string) => () => a.gossip.subscribe(topic, { validate: () => 'accept', receive: () => {} })
    for (const topic of ['/mip/1/other/head', '/mip/1/test/', '/mip/1/test/t/', '/mip/1/test/t/a/b', 'x'])
      expect(join(topic), topic).toThrow('of the network')
    join(gossipTopics('test').head)()
  })

  it('trust is part of the score', async () => {
    const { a, b } = await line()
    listen(a)
    listen(b)
    await until(() => a.gossip.subscribers(TOPIC).length === 1)
    a.gossip.setTrust(b.peerId, -8)
    await until(() => score(a, b.peerId) < -70)
    a.gossip.setTrust(b.peerId, 0)
    await until(() => score(a, b.peerId) >= 0)
  })

  it('no topic twice, and no more than 200', async () => {
    const a = await memoryNode()
    listen(a)
    expect(() => listen(a)).toThrow('not subscribed')
    const join = (i: number) => a.gossip.subscribe(`${TOPIC}.${i}`, { validate: () => 'accept', receive: () => {} })
    for (let i = 1; i < 200; i++) join(i)
    expect(() => join(200)).toThrow('at most 200')
  })
})

describe('a deaf peer', () => {
  it('whose stream has died is called again, and hears again', async () => {
    const deaf: DeafPeer[] = []
    const a = await memoryNode({ onDeaf: (peer) => deaf.push(peer) })
    const b = await memoryNode()
    await connect(a, b)
    listen(a)
    const { got } = listen(b)
    await until(() => a.gossip.subscribers(TOPIC).length === 1)
    await a.gossip.publish(TOPIC, bytes('before'))
    await until(() => got.includes('before'))
    // As after an overrun: the stream is reset, the connection and the subscriptions stay.
    for (const stream of a.libp2p.getConnections().flatMap(({ streams }) => streams))
      if (stream.direction === 'outbound' && stream.protocol.startsWith('/meshsub/')) stream.abort(new Error('test'))
    expect(await a.gossip.publish(TOPIC, bytes('lost'))).toBe(0)
    expect(a.gossip.subscribers(TOPIC)).toEqual([b.peerId])
    for (let i = 0; deaf.length === 0; i++) {
      await a.gossip.publish(TOPIC, bytes(`lost ${i}`))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(deaf).toEqual([{ peerId: b.peerId, reason: 'no_recipient', isBack: true }])
    for (let i = 0; !got.includes('after'); i++) {
      await a.gossip.publish(TOPIC, bytes(i === 0 ? 'first' : 'after'))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })

  it('is not one that is passed by for its score', async () => {
    const deaf: DeafPeer[] = []
    const a = await memoryNode({ onDeaf: (peer) => deaf.push(peer) })
    const b = await memoryNode()
    await connect(a, b)
    listen(a)
    const { got } = listen(b)
    await until(() => a.gossip.subscribers(TOPIC).length === 1)
    a.gossip.setTrust(b.peerId, -7)
    await until(() => score(a, b.peerId) < -50)
    for (let i = 0; i < 25; i++) {
      expect(await a.gossip.publish(TOPIC, bytes(`unsent ${i}`))).toBe(0)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect([deaf, got]).toEqual([[], []])
  })

  it('whose beacons stay away is called again', async () => {
    const deaf: DeafPeer[] = []
    const a = await memoryNode({ onDeaf: (peer) => deaf.push(peer), beaconMs: 50 })
    const b = await memoryNode()
    await connect(a, b)
    const before = a.libp2p.getConnections().map(({ id }) => id)
    a.heads.expectHead('org/main', b.peerId)
    await until(() => deaf.length > 0)
    a.heads.forgetHead('org/main')
    expect(deaf[0]).toEqual({ peerId: b.peerId, reason: 'head_unseen', isBack: true })
    expect(a.libp2p.getConnections().map(({ id }) => id)).not.toEqual(before)
  })
})
