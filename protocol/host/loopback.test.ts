/**
 * Goal: peers find and serve each other over real sockets.
 * Method: libp2p nodes on loopback, over TCP and over WebSocket, the stock ones and the transport of the edge.
 */
import { randomBytes } from 'node:crypto'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { HELLO, LOG, MemoryMipSource } from '../../test/support/memory-mip-source.ts'
import { loopbackNode, memoryNode, until } from '../../test/support/mip-nodes.ts'
import { constructedSockets } from './edge-sockets.ts'
import { type EdgeComponents, type EdgeSocket, EdgeWebSockets } from './edge-websockets.ts'
import { gossipTopics } from './gossip-topics.ts'
import type { MipNode } from './node.ts'

const signal = AbortSignal.timeout(120_000)
const TOPIC = gossipTopics('test').of('org.memos.notes')
const isWs = (address: string) => address.includes('/ws')

/** Everything once in both directions: each asks the other, and hears a message of the other. */
async function expectExchange(a: MipNode, b: MipNode, blob: Uint8Array) {
  for (const [asking, asked] of [
    [a, b],
    [b, a],
  ] as const) {
    const remote = asking.remote(asked.peerId)
    expect(await remote.hello({ signal })).toEqual(HELLO)
    const page = await remote.log({ ...LOG, from: { epoch: 0, seq: 0 }, limit: 64 }, { signal })
    expect(page?.entries).toHaveLength(64)
    const source = new MemoryMipSource()
    const part = await remote.blobChunk(source.addBlob(blob), { offset: 0, length: 4 << 20 }, { signal })
    expect(part?.bytes.length).toBe(blob.length)
    const got: Uint8Array[] = []
    const leave = asked.gossip.subscribe(TOPIC, { validate: () => 'accept', receive: ({ data }) => got.push(data) })
    await until(() => asking.gossip.subscribers(TOPIC).length === 1)
    await asking.gossip.publish(TOPIC, randomBytes(1000))
    await until(() => got.length === 1)
    leave()
  }
}

const blob = randomBytes(2_000_000)
const sourceWithAll = () => {
  const source = new MemoryMipSource().fill(64)
  source.addBlob(blob)
  return source
}

describe('two peers on loopback', () => {
  it.each([
    ['TCP', (address: string) => !isWs(address)],
    ['WebSocket', isWs],
  ])('serve each other over %s', async (_, isWanted) => {
    const [a, b] = await Promise.all([
      loopbackNode({ source: sourceWithAll() }),
      loopbackNode({ source: sourceWithAll() }),
    ])
    expect(await a.dial(b.addresses().filter(isWanted), { signal })).toBe(b.peerId)
    await expectExchange(a, b, blob)
  })

  it('keep their PeerId with their seed, and know who they call', async () => {
    const seed = new Uint8Array(32).fill(9)
    const a = await loopbackNode({ seed })
    expect(a.peerId).toBe('12D3KooWSrKnMZUcSxK8G7wmBbXdU8nFEfWGhLu6H8xjn8LmCSJb')
    const b = await loopbackNode()
    const wrong = a.addresses()[0]!.replace(a.peerId, '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo')
    await expect(b.dial(wrong, { signal })).rejects.toThrow()
  })

  it('call the peers they were given at the start, with a hash table of their own', async () => {
    const first = await loopbackNode({ dht: 'server' })
    const bootstrap = [first.addresses().find((address) => !isWs(address))!]
    const [a, b] = await Promise.all([
      loopbackNode({ bootstrap, dht: 'client' }),
      loopbackNode({ bootstrap, dht: 'client' }),
    ])
    await until(() => a.peers().includes(first.peerId) && b.peers().includes(first.peerId))
    expect(first.libp2p.getProtocols()).toContain('/mip/kad/1.0.0')
  })

  it('are called again when their connection is lost, if they are kept', async () => {
    const [a, b] = await Promise.all([loopbackNode(), loopbackNode()])
    await a.dial(b.addresses(), { signal })
    await a.keep(b.peerId, true)
    await until(() => b.peers().length === 1)
    const before = a.libp2p.getConnections()[0]
    for (const connection of b.libp2p.getConnections()) connection.abort(new Error('test'))
    await until(() => a.libp2p.getConnections().some(({ id }) => id !== before?.id))
    await a.keep(b.peerId, false)
    await a.hangUp(b.peerId)
    await until(() => a.peers().length === 0)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(a.peers()).toEqual([])
  })

  it('reach one that only calls out, through a relay', async () => {
    const relay = await loopbackNode({ relay: { server: true } })
    const hidden = await loopbackNode({ listen: [`${relay.addresses()[0]}/p2p-circuit`], relay: { client: true } })
    await until(() => hidden.addresses().length > 0)
    const a = await loopbackNode({ listen: [], relay: { client: true } })
    expect(await a.dial(hidden.addresses(), { signal })).toBe(hidden.peerId)
    expect(await a.remote(hidden.peerId).hello({ signal })).toEqual(HELLO)
  })
})

describe('the transport of the edge', () => {
  const twin = (components: EdgeComponents) => new EdgeWebSockets(components, constructedSockets())

  it('calls a stock peer over WebSocket, and both serve each other', async () => {
    const a = await memoryNode({ listen: [], transports: [twin], source: sourceWithAll() })
    const b = await loopbackNode({ source: sourceWithAll() })
    await a.dial(b.addresses().filter(isWs), { signal })
    await expectExchange(a, b, blob)
  })

  it('takes sockets that somebody else accepted', async () => {
    let server: EdgeWebSockets | undefined
    const listening = (components: EdgeComponents) => {
      server = twin(components)
      return server
    }
    const dialling = (components: EdgeComponents) =>
      new EdgeWebSockets(components, async (_address, _signal, use) => {
        const [here, there] = socketPair()
        const connection = use(here)
        server?.accept(there, multiaddr('/ip4/192.0.2.1/tcp/443/tls/ws')).catch(() => {})
        return connection
      })
    const address = '/dns4/edge.example.com/tcp/443/tls/ws'
    const a = await memoryNode({ listen: [], transports: [dialling], source: sourceWithAll() })
    const b = await memoryNode({
      listen: [address],
      announce: [address],
      transports: [listening],
      source: sourceWithAll(),
    })
    expect(b.addresses()).toEqual([`${address}/p2p/${b.peerId}`])
    await a.dial(b.addresses(), { signal })
    await expectExchange(a, b, blob)
    await a.hangUp(b.peerId)
    await until(() => b.peers().length === 0)
    await b.close()
    await expect(server?.accept(socketPair()[0], multiaddr('/ip4/192.0.2.1/tcp/443/tls/ws'))).rejects.toThrow('listen')
  })

  it('ends a connection that sends text, and one that nobody opens', async () => {
    let theirs: EdgeSocket | undefined
    const broken = (components: EdgeComponents) =>
      new EdgeWebSockets(components, async (_address, _signal, use) => {
        const [here, there] = socketPair()
        theirs = there
        const connection = use(here)
        setTimeout(() => there.send('hello' as unknown as Uint8Array), 20)
        return connection
      })
    const a = await memoryNode({ listen: [], transports: [broken] })
    await expect(a.dial('/dns4/edge.example.com/tcp/443/tls/ws', { signal })).rejects.toThrow()
    expect(theirs).toBeDefined()
    const b = await memoryNode({ listen: [], transports: [twin] })
    await expect(b.dial('/ip4/127.0.0.1/tcp/9/ws', { signal })).rejects.toThrow()
  })
})

/** Two WebSockets that are connected to each other. */
function socketPair(): [EdgeSocket, EdgeSocket] {
  const ends = [new EventTarget(), new EventTarget()] as const
  let isOpen = true
  const socket = (at: 0 | 1): EdgeSocket => ({
    binaryType: 'blob',
    bufferedAmount: 0,
    send: (data) => {
      const message = data instanceof Uint8Array ? Uint8Array.from(data).buffer : data
      setImmediate(() => ends[1 - at]?.dispatchEvent(Object.assign(new Event('message'), { data: message })))
    },
    close: (code = 1005) => {
      if (!isOpen) return
      isOpen = false
      for (const end of ends)
        setImmediate(() => end.dispatchEvent(Object.assign(new Event('close'), { wasClean: true, code })))
    },
    addEventListener: (type: string, listener: (event: never) => void) =>
      ends[at].addEventListener(type, listener as unknown as EventListener),
  })
  return [socket(0), socket(1)]
}
