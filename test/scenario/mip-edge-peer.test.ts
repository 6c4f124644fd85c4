import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openEntryParts } from '../../protocol/core/entry.ts'
import { openHead } from '../../protocol/core/head.ts'
import { verifyRevision } from '../../protocol/core/revision.ts'
import { decodeLogPage } from '../../protocol/core/wire-codec.ts'
import { constructedSockets } from '../../protocol/host/edge-sockets.ts'
import { type EdgeComponents, EdgeWebSockets } from '../../protocol/host/edge-websockets.ts'
import { gossipTopics } from '../../protocol/host/gossip-topics.ts'
import type { MipNode } from '../../protocol/host/node.ts'
import type { Cid } from '../../schemas/cid.ts'
import { type Caller, newTenant } from '../support/edge.ts'
import { bundleWorker, type MiniflareEdge, openMiniflareEdge } from '../support/miniflare-edge.ts'
import { loopbackNode, memoryNode, until } from '../support/mip-nodes.ts'
import { initOrganisation } from '../support/mip-root.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const TOPIC = gossipTopics('memos').head
const NETWORK = { network: 'memos' }
const soon = () => ({ signal: AbortSignal.timeout(25_000) })
const keyOf = (byte: string) => byte.repeat(64)

let folder: TempDir
let bundle: string

beforeAll(async () => {
  folder = await tempDir()
  bundle = await bundleWorker(folder)
}, 120_000)

afterAll(() => folder.remove())

async function edgeWith(variables: Record<string, string>): Promise<MiniflareEdge> {
  const edge = await openMiniflareEdge(bundle, variables)
  onTestFinished(() => edge.close())
  return edge
}

/** A stock libp2p peer in this process. */
const stockPeer = () => loopbackNode({ gossip: NETWORK })

/** A peer that writes one WebSocket message for each write, as the edge does. */
const twinPeer = () =>
  memoryNode({
    listen: [],
    gossip: NETWORK,
    transports: [(components: EdgeComponents) => new EdgeWebSockets(components, constructedSockets())],
  })

async function publishing(edge: MiniflareEdge) {
  const { admin } = await newTenant(edge)
  const root = await initOrganisation(admin)
  return { admin, org: root.org }
}

async function publish(admin: Caller, content: string, more: object = {}): Promise<string> {
  const { cubes } = await admin.ok('createCubes', { body: { cubes: [{ content }] } })
  const cubeId = cubes[0]?.cubeId ?? ''
  await admin.ok('publishMemories', { body: { cubeIds: [cubeId], ...more } as never })
  return cubeId
}

/** The heads that a peer hears, as `ORG LOG SEQ`. */
function headsAt(node: MipNode): Set<string> {
  const heads = new Set<string>()
  node.gossip.subscribe(TOPIC, {
    validate: () => 'accept',
    receive: ({ data }) => {
      const { org, log, seq } = openHead(data).head
      heads.add(`${org} ${log} ${seq}`)
    },
  })
  return heads
}

async function untilAsync(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(50)
}

/**
 * Goal: a deployment on Cloudflare is a peer like any other, with the same bytes, the same identity after every restart, and no cost while nobody calls.
 * Method: the bundle that would be deployed on a real workerd; peers in this process call it over WebSocket; workerd is killed and started again.
 */
describe('a deployment on workerd among peers', () => {
  it('is called by a stock peer, and serves what was published, byte for byte what HTTP serves', async () => {
    const edge = await edgeWith({ MEMOS_PEER_KEY: keyOf('1') })
    const { admin, org } = await publishing(edge)
    for (let i = 0; i < 3; i++) await publish(admin, `The harbour opens at ${i}.`)
    expect(await edge.peer.status()).toMatchObject({ isRunning: false, peerId: null })
    const node = await stockPeer()
    const remote = node.remote(await node.dial(edge.address, soon()))
    const page = await remote.log({ org, log: 'memory', from: { epoch: 0, seq: 0 }, limit: 64 }, soon())
    expect(page?.entries.map(([bytes, sig]) => openEntryParts(bytes, sig).entry.seq)).toEqual([0, 1, 2])
    const overHttp = await edge.fetch(`/mip/v1/log/${org}/memory?from=0&limit=3`)
    expect(page?.entries).toEqual(decodeLogPage(new Uint8Array(await overHttp.arrayBuffer())).entries)
    const bodies = page?.entries.map(([bytes, sig]) => openEntryParts(bytes, sig).entry.body as Cid) ?? []
    const objects = await remote.objects(bodies, soon())
    for (const [at, cid] of bodies.entries()) {
      const revision = await verifyRevision(cid, objects.get(cid) ?? new Uint8Array())
      expect(revision.renditions[0]).toMatchObject({ text: `The harbour opens at ${at}.` })
    }
    const { heads } = await remote.hello(soon())
    expect(heads.length).toBe(2)
    expect(await remote.log({ org, log: 'nothing', from: { epoch: 0, seq: 0 }, limit: 1 }, soon())).toBeNull()
    expect(await edge.peer.status()).toMatchObject({ isRunning: true, peers: [node.peerId] })
  })

  it('takes no WebSocket without a key, off, or at another path, and answers HTTP at the root as before', async () => {
    const edge = await edgeWith({})
    const asks = async (path: string) =>
      (await edge.fetch(path, { headers: { upgrade: 'websocket', connection: 'upgrade' } }).catch(() => null))?.status
    expect(await asks('/')).not.toBe(101)
    await edge.restart({ MEMOS_PEER_KEY: keyOf('1'), MEMOS_MIP_PEER: 'off' })
    const node = await twinPeer()
    await expect(node.dial(edge.address, soon())).rejects.toThrow()
    await edge.restart({ MEMOS_PEER_KEY: keyOf('1') })
    const nowhere = `${edge.address}/http-path/elsewhere`
    await expect(node.dial(nowhere, soon())).rejects.toThrow()
    expect((await edge.fetch('/healthz')).status).toBe(200)
    expect((await edge.peer.status()).isRunning).toBe(false)
    await node.dial(`${edge.address}/http-path/p2p`, soon())
    expect((await edge.peer.status()).isRunning).toBe(true)
  })

  it('tells peers at once what was published, and passes on what others tell', async () => {
    const edge = await edgeWith({ MEMOS_PEER_KEY: keyOf('2') })
    const { admin, org } = await publishing(edge)
    const [a, b] = [await stockPeer(), await twinPeer()]
    const heard = [headsAt(a), headsAt(b)]
    for (const node of [a, b]) await node.dial(edge.address, soon())
    await until(() => [a, b].every((node) => node.gossip.subscribers(TOPIC).length > 0))
    await publish(admin, 'Heard at once.')
    await until(() => heard.every((heads) => heads.has(`${org} memory 0`)))
    // From a over the Durable Object to b, which are not connected: the edge checks the signature and passes it on.
    const other = await edgeWith({ MEMOS_PEER_KEY: keyOf('3') })
    const theirs = await publishing(other)
    await publish(theirs.admin, 'Of somebody else.')
    const head = await other.fetch(`/mip/v1/log/${theirs.org}/memory/head`)
    const wire = new Uint8Array(await head.arrayBuffer())
    const forged = wire.with(-1, (wire.at(-1) ?? 0) ^ 1)
    await a.gossip.publish(TOPIC, forged)
    await a.gossip.publish(TOPIC, wire)
    await until(() => heard[1]?.has(`${theirs.org} memory 0`) === true)
  })

  it('keeps its PeerId when workerd is killed, and calls its peers again by its alarm alone', async () => {
    const node = await loopbackNode({ gossip: NETWORK })
    const address = node.addresses().find((one) => /127\.0\.0\.1\/tcp\/\d+\/ws\/p2p/.test(one)) ?? ''
    const settings = { MEMOS_PEER_KEY: keyOf('4'), MEMOS_MIP_PEER: 'always-on', MEMOS_MIP_PEERS: address }
    const edge = await edgeWith(settings)
    await edge.peer.wake()
    await until(() => node.peers().length === 1)
    const [before] = node.peers()
    await edge.restart()
    await until(() => node.peers().length === 0)
    // The alarm was armed before the crash; nobody asks the object for anything.
    await until(() => node.peers().length === 1)
    expect(node.peers()).toEqual([before])
  }, 120_000)

  it('two of them find each other, and each serves the other', async () => {
    const first = await edgeWith({ MEMOS_PEER_KEY: keyOf('5') })
    const { admin, org } = await publishing(first)
    await publish(admin, 'From one edge to the other.')
    const probe = await twinPeer()
    const peerId = await probe.dial(first.address, soon())
    await probe.hangUp(peerId)
    const second = await edgeWith({
      MEMOS_PEER_KEY: keyOf('6'),
      MEMOS_MIP_PEER: 'always-on',
      MEMOS_MIP_PEERS: `${first.address}/p2p/${peerId}`,
    })
    await second.peer.wake()
    await untilAsync(async () => (await second.peer.status()).peers.includes(peerId))
    const outcome = await second.peer.ask(`${first.address}/p2p/${peerId}`, 'log', [
      { org, log: 'memory', from: { epoch: 0, seq: 0 }, limit: 8 },
    ])
    expect(outcome).toMatchObject({ answer: { entries: [[expect.any(Uint8Array), expect.any(Uint8Array)]] } })
  })

  it('follows another edge in request after request, over libp2p and over HTTP, for several organisations at once', async () => {
    const first = await edgeWith({ MEMOS_PEER_KEY: keyOf('7') })
    const theirs = await publishing(first)
    await publish(theirs.admin, 'Read in one request.')
    const { peerId } = await theirs.admin.ok('getMipIdentity', {})
    const second = await edgeWith({ MEMOS_PEER_KEY: keyOf('9'), MEMOS_MIP_PRIVATE: 'on' })
    const followers = await Promise.all(
      [`${first.address}/p2p/${peerId}`, first.url, first.url].map(async (address) => {
        const { admin } = await newTenant(second)
        const body = { tier: 'known' as const, addresses: [address] }
        await admin.ok('setMipPeer', { params: { did: theirs.org }, body })
        const { id } = await admin.ok('createMipSubscription', { body: { did: theirs.org, log: 'memory' } })
        return async () => {
          // A hint may have been pulled before, or at the same time.
          const { error } = await admin.ok('catchUpMipSubscription', { params: { id } })
          expect([null, 'busy'], address).toContain(error)
          return (await admin.ok('getMipSubscription', { params: { id } })).applied.seq
        }
      }),
    )
    const allAt = (seq: number) =>
      untilAsync(async () => (await Promise.all(followers.map((pull) => pull()))).every((at) => at === seq))
    await allAt(0)
    await publish(theirs.admin, 'Read in another one.')
    for (let i = 0; i < 20; i++) await publish(theirs.admin, `And ${i} more.`)
    await allAt(21)
  })

  it('survives a peer that does not read', async () => {
    const edge = await edgeWith({ MEMOS_PEER_KEY: keyOf('8') })
    const { admin, org } = await publishing(edge)
    for (let i = 0; i < 5; i++) await publish(admin, `The log of ship ${i}. `.repeat(600))
    const [stalled, other] = [await twinPeer(), await twinPeer()]
    const peerId = await stalled.dial(edge.address, soon())
    await other.dial(edge.address, soon())
    // A blocked process: its event loop stands still while the edge answers it.
    const slow = stalled.remote(peerId).log({ org, log: 'memory', from: { epoch: 0, seq: 0 }, limit: 64 }, soon())
    const end = performance.now() + 2000
    while (performance.now() < end);
    expect((await slow)?.entries).toHaveLength(5)
    const page = await other.remote(peerId).log({ org, log: 'memory', from: { epoch: 0, seq: 0 }, limit: 64 }, soon())
    expect(page?.entries).toHaveLength(5)
  })
})
