/**
 * Goal: who sends too much is shut out, and nobody else.
 * Method: the gate by a clock of the test; then real libp2p nodes in one process (memory transport).
 */
import { expect, it } from 'vitest'
import { connect, memoryNode, until } from '../../test/support/mip-nodes.ts'
import { FloodGate } from './flood-gate.ts'
import { gossipTopics } from './gossip-topics.ts'

const TOPIC = gossipTopics('test').of('org.memos.notes')
const OTHER = gossipTopics('test').of('org.memos.other')

it('lets through a thousand messages a second, and twice as many at once', () => {
  let now = 0
  const gate = new FloodGate(() => now)
  for (let n = 0; n < 2000; n++) expect(gate.take('a')).toBe(true)
  for (let second = 0; second < 5; second++) {
    now += 1000
    for (let n = 0; n < 1000; n++) expect(gate.take('a')).toBe(true)
  }
  expect(gate.take('b')).toBe(true)
  expect(gate.take('a')).toBe(false)
  expect([gate.isShut('a'), gate.isShut('b')]).toEqual([true, false])
  now += 59_000
  expect(gate.take('a')).toBe(false)
  now += 1000
  expect(gate.isShut('a')).toBe(false)
  expect(gate.take('a')).toBe(true)
})

it.each([
  ['a topic that is followed', TOPIC],
  ['a topic that is not', OTHER],
])('cuts off a neighbour that floods %s, does not let it back in, and goes on with others', async (_, topic) => {
  const floods: string[] = []
  // Time stands still: how fast this machine is decides nothing.
  const floodGate = new FloodGate(() => 0)
  const a = await memoryNode({ floodGate, gossip: { network: 'test', onFlood: (peerId) => floods.push(peerId) } })
  const [b, c] = await Promise.all([memoryNode(), memoryNode()])
  await connect(b, a)
  await connect(c, a)
  let heard = 0
  const judge = () => {
    heard += 1
    return 'ignore' as const
  }
  a.gossip.subscribe(TOPIC, { validate: judge, receive: () => {} })
  for (const node of [b, c]) node.gossip.subscribe(TOPIC, { validate: () => 'accept', receive: () => {} })
  await until(() => b.gossip.subscribers(TOPIC).length === 1 && c.gossip.subscribers(TOPIC).length === 1)
  // What is sent past the rules of our own publish: straight into the stream, as an enemy does.
  const pubsub = b.libp2p.services.pubsub as unknown as {
    sendRpc(to: string, rpc: unknown): boolean
  }
  const message = (n: number) => ({ topic, data: new TextEncoder().encode(`flood ${n}`) })
  for (let n = 0; n < 4000 && floods.length === 0; n += 50) {
    pubsub.sendRpc(a.peerId, { messages: Array.from({ length: 50 }, (_, at) => message(n + at)), subscriptions: [] })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => floods.length > 0)
  expect(floods).toEqual([b.peerId])
  await until(() => !a.peers().includes(b.peerId))
  expect(heard).toBeLessThanOrEqual(2000)
  await connect(b, a).catch(() => undefined)
  await until(() => !a.peers().includes(b.peerId))
  const before = heard
  await c.gossip.publish(TOPIC, new TextEncoder().encode('from somebody else'))
  await until(() => heard === before + 1)
})
