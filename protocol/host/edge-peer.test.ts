import { memory } from '@libp2p/memory'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Head } from '../../schemas/mip-entry.ts'
import { LOG, MemoryMipSource } from '../../test/support/memory-mip-source.ts'
import { BODY, LogWriter, person } from '../../test/support/mip-log.ts'
import { connect, memoryNode, until } from '../../test/support/mip-nodes.ts'
import { portableEd25519 } from '../core/ed25519-rule.ts'
import { signHead } from '../core/head.ts'
import { toWire } from '../core/signed.ts'
import { startEdgePeer } from './edge-peer.ts'
import { gossipTopics } from './gossip-topics.ts'
import { HeadBeacons } from './head-beacons.ts'
import { HeardHeads } from './heard-heads.ts'

const ROOT = person(1)
const TOPICS = gossipTopics('test')
let listening = 0

const headOf = (fields: Partial<Head> = {}) =>
  signHead(
    {
      v: 1,
      org: ROOT.did,
      log: 'main',
      epoch: 0,
      seq: 1,
      cid: BODY,
      ts: Date.now(),
      key: ROOT.did,
      dlg: null,
      ...fields,
    },
    ROOT.seed,
    portableEd25519,
  )

/** A peer, the hints that it gives, and its source. */
async function edgePeer(init: { topics?: string[]; idleBeaconMs?: number } = {}) {
  const hints: string[] = []
  const events: string[] = []
  const source = new MemoryMipSource()
  const peer = await startEdgePeer({
    seed: crypto.getRandomValues(new Uint8Array(32)),
    listen: [`/memory/edge-${++listening}`],
    transports: [memory()],
    source,
    network: 'test',
    topics: init.topics ?? [],
    peers: [],
    hints: {
      headSeen: async (did, log, epoch, seq) => {
        hints.push(`${did === ROOT.did ? 'root' : did} ${log} ${epoch} ${seq}`)
      },
    },
    ed25519: portableEd25519,
    nowMs: Date.now,
    onEvent: (event) => events.push(event),
    inboundConnectionsPerSecondMax: 100,
    ...(init.idleBeaconMs !== undefined && { idleBeaconMs: init.idleBeaconMs }),
  })
  onTestFinished(() => peer.close())
  return { peer, hints, events, source }
}

describe('beacons that are heard', () => {
  const hints: number[] = []
  const heard = new HeardHeads({
    ed25519: portableEd25519,
    nowMs: Date.now,
    hints: { headSeen: async (_did, _log, _epoch, seq) => void hints.push(seq) },
    onError: () => {},
  })

  it('are passed on once, when they are signed, new and of this time', async () => {
    const judge = async (fields: Partial<Head>) => heard.judge(toWire(await headOf(fields)))
    expect(await judge({ seq: 5 })).toBe('accept')
    expect(await judge({ seq: 5 })).toBe('ignore')
    expect(await judge({ seq: 4 })).toBe('ignore')
    expect(await judge({ seq: 6 })).toBe('accept')
    expect(await judge({ seq: 7, ts: Date.now() - 3_600_000 })).toBe('ignore')
    expect(await judge({ seq: 6, ts: Date.now() + 5000 })).toBe('accept')
    const wire = toWire(await headOf({ seq: 9 }))
    expect(await heard.judge(wire.with(-1, (wire.at(-1) ?? 0) ^ 1))).toBe('reject')
    expect(await heard.judge(wire.subarray(1))).toBe('reject')
    expect(await heard.judge(new Uint8Array(0))).toBe('reject')
  })

  it('give one hint at once, and of many that follow closely the last', async () => {
    for (let seq = 10; seq < 30; seq++) heard.take(toWire(await headOf({ seq })))
    await until(() => hints.length === 2)
    expect(hints).toEqual([10, 29])
    heard.close()
  })
})

describe('an edge among peers', () => {
  it('says at once what was added, and the other one hears of it', async () => {
    const [a, b] = [await edgePeer(), await edgePeer()]
    await connect(a.peer.node, b.peer.node)
    await until(() => a.peer.node.gossip.subscribers(TOPICS.head).length > 0)
    const { bytes, signature } = await headOf({ seq: 7 })
    a.source.headBeacon = [bytes, signature]
    await a.peer.announce(LOG)
    await until(() => b.hints.includes('root main 0 7'))
  })

  it('asks who comes for its heads: nothing is lost that was said before', async () => {
    const [a, b] = [await edgePeer(), await edgePeer()]
    const { bytes, signature } = await headOf({ seq: 3 })
    a.source.ours = { versions: [1], features: [], heads: [[bytes, signature]] }
    await connect(b.peer.node, a.peer.node)
    await until(() => b.hints.includes('root main 0 3'))
  })

  it('hears entries of the topics that it asked for', async () => {
    const [a, b] = [await edgePeer(), await edgePeer({ topics: ['org.example.ships'] })]
    await connect(a.peer.node, b.peer.node)
    const writer = new LogWriter(ROOT.did)
    const entry = await writer.add(ROOT, { op: 'cube.publish', sum: { topics: ['org.example.ships', 'no topic'] } })
    a.source.entries.push([entry.bytes, entry.signature])
    const { bytes, signature } = await headOf({ seq: 0 })
    a.source.headBeacon = [bytes, signature]
    await until(() => a.peer.node.gossip.subscribers(TOPICS.of('org.example.ships')).length > 0)
    a.source.calls.length = 0
    await a.peer.announce(LOG)
    await until(() => b.hints.some((hint) => hint === 'root main 0 0'))
    expect(a.source.calls).toContain('objects')
  })

  it('gives a proof to its source and passes on what is news', async () => {
    const [a, b] = [await edgePeer(), await edgePeer()]
    await connect(a.peer.node, b.peer.node)
    await until(() => a.peer.node.gossip.subscribers(TOPICS.proof).length > 0)
    await a.peer.node.gossip.publish(TOPICS.proof, Uint8Array.of(0xa0))
    await until(() => b.source.proofs.length === 1)
  })

  it('calls a publisher that fell silent again, and once only', async () => {
    const { peer, events } = await edgePeer({ idleBeaconMs: 100 })
    const node = await memoryNode()
    node.gossip.subscribe(TOPICS.head, { validate: () => 'accept', receive: () => {} })
    await connect(node, peer.node)
    await until(() => node.gossip.subscribers(TOPICS.head).length > 0)
    await node.gossip.publish(TOPICS.head, toWire(await headOf()))
    await until(() => events.includes('mip_peer_deaf'))
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(events.filter((event) => event === 'mip_peer_deaf')).toHaveLength(1)
  })
})

describe('beacons that are sent', () => {
  it('go out often for a while after news, then rarely, a few logs at a time', async () => {
    const source = new MemoryMipSource()
    const heads = await Promise.all(Array.from({ length: 10 }, (_, i) => headOf({ log: `log-${i}` })))
    source.ours = { versions: [1], features: [], heads: heads.map(({ bytes, signature }) => [bytes, signature]) }
    source.headBeacon = source.ours.heads[0] ?? null
    const sent: Uint8Array[] = []
    let now = 0
    const beacons = new HeadBeacons({
      source,
      gossip: { publish: async (_, data) => sent.push(data), subscribers: () => [] },
      topics: TOPICS,
      options: () => ({ caller: { transport: 'libp2p' }, signal: AbortSignal.timeout(1000) }),
      onError: () => {},
      now: () => now,
    })
    onTestFinished(() => beacons.close())
    const sends = async (work: () => Promise<void>) => {
      sent.length = 0
      await work()
      return sent.length
    }
    expect(await sends(() => beacons.tick())).toBe(0)
    expect(await sends(() => beacons.idleTick())).toBe(10) // all of them are news
    now = 61_000
    expect(await sends(() => beacons.tick())).toBe(0)
    const [first, second] = [new Set<string>(), new Set<string>()]
    expect(await sends(() => beacons.idleTick())).toBe(4)
    for (const data of sent) first.add(data.toString())
    expect(await sends(() => beacons.idleTick())).toBe(4)
    for (const data of sent) second.add(data.toString())
    expect([...second].some((data) => first.has(data))).toBe(false)
  })
})
