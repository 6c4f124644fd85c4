import { describe, expect, it, onTestFinished } from 'vitest'
import { openEntryParts } from '../../protocol/core/entry.ts'
import { readConfig } from '../../worker/entry/node/config.ts'
import { type RunningServer, startServer } from '../../worker/entry/node/server.ts'
import { type EdgeUnderTest, newTenant } from '../support/edge.ts'
import { freePort } from '../support/free-port.ts'
import { loopbackNode, until } from '../support/mip-nodes.ts'
import { initOrganisation } from '../support/mip-root.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const ROOT_KEY = 'root-key-of-the-tests-of-peers-on-node'
const STOP_MS_MAX = 5000
const soon = () => ({ signal: AbortSignal.timeout(20_000) })

async function home(): Promise<TempDir> {
  const folder = await tempDir()
  onTestFinished(() => folder.remove())
  return folder
}

async function serverIn(folder: TempDir, port: number, variables: Record<string, string> = {}): Promise<RunningServer> {
  const settings = { PORT: String(port), MEMOS_HOME: folder.path, MEMOS_ROOT_KEY: ROOT_KEY, ...variables }
  const server = await startServer(readConfig(settings))
  let isStopped = false
  const stop = async () => {
    if (!isStopped) await server.stop()
    isStopped = true
  }
  onTestFinished(stop)
  return { ...server, stop }
}

const underTest = ({ url }: RunningServer): EdgeUnderTest => ({
  rootKey: ROOT_KEY,
  fetch: (path, init) => fetch(new URL(path, url), init),
  rows: async () => [],
  close: async () => {},
})

const peer = () => loopbackNode({ gossip: { network: 'memos' } })

describe('a process among peers', () => {
  it('is called at its HTTP port, serves its logs, and is the same after a restart', async () => {
    const [folder, port] = [await home(), await freePort()]
    const server = await serverIn(folder, port)
    const { admin } = await newTenant(underTest(server))
    const { org } = await initOrganisation(admin)
    const node = await peer()
    const peerId = await node.dial(`/ip4/127.0.0.1/tcp/${port}/ws`, soon())
    const page = await node.remote(peerId).log({ org, log: 'main', from: { epoch: 0, seq: 0 }, limit: 64 }, soon())
    expect(page?.entries.map(([bytes, sig]) => openEntryParts(bytes, sig).entry.op)).toEqual([
      'org.genesis',
      'org.delegate',
    ])
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    const started = performance.now()
    await server.stop()
    expect(performance.now() - started).toBeLessThan(STOP_MS_MAX)
    await until(() => node.peers().length === 0)
    await serverIn(folder, port)
    expect(await node.dial(`/ip4/127.0.0.1/tcp/${port}/ws`, soon())).toBe(peerId)
  })

  it('listens where it is told to, and calls who it is told to', async () => {
    const [node, tcp] = [await peer(), await freePort()]
    const address = node.addresses().find((one) => /127\.0\.0\.1\/tcp\/\d+\/p2p/.test(one)) ?? ''
    await serverIn(await home(), await freePort(), {
      MEMOS_MIP_LISTEN: `/ip4/127.0.0.1/tcp/${tcp}`,
      MEMOS_MIP_PEERS: address,
    })
    await until(() => node.peers().length === 1)
    const other = await peer()
    expect(await other.dial(`/ip4/127.0.0.1/tcp/${tcp}`, soon())).toBe(node.peers()[0])
  })

  it('takes no WebSocket where it is off, nor at another path', async () => {
    const [off, on] = [await freePort(), await freePort()]
    await serverIn(await home(), off, { MEMOS_MIP_PEER: 'off' })
    await serverIn(await home(), on)
    const node = await peer()
    await expect(node.dial(`/ip4/127.0.0.1/tcp/${off}/ws`, soon())).rejects.toThrow()
    const socket = new WebSocket(`ws://127.0.0.1:${on}/v1/memories`)
    const refused = await new Promise((resolve) => {
      socket.addEventListener('error', () => resolve(true))
      socket.addEventListener('open', () => resolve(false))
    })
    expect(refused).toBe(true)
  })

  it('follows a log by the PeerId of its publisher, knowing only a peer of the hash table', async () => {
    const table = await loopbackNode({ gossip: { network: 'memos' }, dht: 'server', allowPrivate: true })
    const known = table.addresses().find((one) => /127\.0\.0\.1\/tcp\/\d+\/p2p/.test(one)) ?? ''
    const shared = { MEMOS_MIP_PEERS: known, MEMOS_MIP_PRIVATE: 'on' }
    const publisher = await serverIn(await home(), await freePort(), { ...shared, MEMOS_MIP_DHT: 'server' })
    const theirs = await newTenant(underTest(publisher))
    const { org } = await initOrganisation(theirs.admin)
    const { cubes } = await theirs.admin.ok('createCubes', { body: { cubes: [{ content: 'The lock opens at six.' }] } })
    await theirs.admin.ok('publishMemories', { body: { cubeIds: [cubes[0]?.cubeId ?? ''] } })
    await until(() => table.peers().length === 1)
    const address = `/p2p/${table.peers()[0]}`
    const follower = await serverIn(await home(), await freePort(), { ...shared, MEMOS_MIP_DHT: 'client' })
    await until(() => table.peers().length === 2)
    const { admin } = await newTenant(underTest(follower))
    await admin.ok('setMipPeer', { params: { did: org }, body: { tier: 'known', addresses: [address] } })
    const { id, namespace } = await admin.ok('createMipSubscription', { body: { did: org, log: 'memory' } })
    const texts = async () => {
      await admin.ok('catchUpMipSubscription', { params: { id } })
      return (await admin.ok('listCubes', { query: { namespace } })).items.map(({ content }) => content)
    }
    await expect.poll(texts, { timeout: 25_000 }).toEqual(['The lock opens at six.'])
  })
})
