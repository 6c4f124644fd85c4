/**
 * Goal: a peer that asks much and reads nothing costs us little memory, and is let go.
 * Method: real libp2p nodes in one process (memory transport); what the reader holds counts too.
 */
import { randomBytes } from 'node:crypto'
import { peerIdFromString } from '@libp2p/peer-id'
import { expect, it } from 'vitest'
import { LOG, MemoryMipSource } from '../../test/support/memory-mip-source.ts'
import { connect, memoryNode, until } from '../../test/support/mip-nodes.ts'
import { frameOf } from './frame-buffer.ts'
import { gossipTopics } from './gossip-topics.ts'
import type { MipNode } from './node.ts'
import { blobRequestValue, MIP_PROTOCOLS, writeFrame } from './protocols.ts'

const MIB = 1024 * 1024
const RSS_GROWTH_MAX = 64 * MIB
const TOPIC = gossipTopics('test').of('org.memos.notes')

const gossipStreams = (node: MipNode) =>
  node.libp2p
    .getConnections()
    .flatMap(({ streams }) => streams)
    .filter(({ protocol, direction }) => protocol.startsWith('/meshsub/') && direction === 'inbound')

it('of streams: 16 streams with 20 requests each, none of whose answers are read, grow RSS by less than 64 MiB', async () => {
  const source = new MemoryMipSource().fill(64, 16 * 1024)
  const cid = source.addBlob(randomBytes(4 * MIB))
  const [client, server] = await Promise.all([memoryNode(), memoryNode({ source })])
  await connect(client, server)
  const before = process.memoryUsage.rss()
  const requests = {
    blob: frameOf(writeFrame(blobRequestValue(cid, { offset: 0, length: 4 * MIB }))),
    log: frameOf(writeFrame({ ...LOG, from: { epoch: 0, seq: 0 }, limit: 64 })),
  }
  for (const name of ['blob', 'log'] as const)
    for (let i = 0; i < 8; i++) {
      const stream = await client.libp2p.dialProtocol(peerIdFromString(server.peerId), MIP_PROTOCOLS[name])
      stream.pause()
      for (let k = 0; k < 20; k++) stream.send(requests[name])
    }
  let most = 0
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 75))
    most = Math.max(most, process.memoryUsage.rss() - before)
  }
  expect(most).toBeLessThan(RSS_GROWTH_MAX)
  expect(source.calls.length).toBeGreaterThan(0)
  // Everybody else is served as before.
  const other = await memoryNode()
  await connect(other, server)
  const page = await other
    .remote(server.peerId)
    .log({ ...LOG, from: { epoch: 0, seq: 0 }, limit: 64 }, { signal: AbortSignal.timeout(5000) })
  expect(page?.entries).toHaveLength(64)
})

it('of gossip: is cut off when 8 MiB wait for it; others hear everything', async () => {
  const slow: [string, number][] = []
  const a = await memoryNode({ gossip: { network: 'test', onSlowPeer: (...peer) => slow.push(peer) } })
  const [b, c] = await Promise.all([memoryNode(), memoryNode()])
  await connect(a, b)
  await connect(a, c)
  const got = { a: 0, b: 0, c: 0 }
  for (const [name, node] of Object.entries({ a, b, c }) as ['a' | 'b' | 'c', MipNode][])
    node.gossip.subscribe(TOPIC, { validate: () => 'accept', receive: () => void got[name]++ })
  await until(() => a.gossip.subscribers(TOPIC).length === 2)
  for (const stream of gossipStreams(b)) stream.pause()
  const messages = 1200
  for (let i = 0; i < messages; i++) {
    await a.gossip.publish(TOPIC, randomBytes(32 * 1024))
    if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await until(() => got.c === messages)
  expect(slow.map(([peerId]) => peerId)).toEqual([b.peerId])
  expect(slow[0]?.[1]).toBeLessThan(10 * MIB)
  expect(a.peers()).toEqual([c.peerId])
  // It comes back, and hears what is new; what it missed is in the log.
  const missed = got.b
  await connect(b, a)
  await until(() => a.gossip.subscribers(TOPIC).length === 2)
  await a.gossip.publish(TOPIC, randomBytes(10))
  await until(() => got.b > missed)
})
