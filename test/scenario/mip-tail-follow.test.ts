import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { placeInTail } from '../../protocol/core/tail-hint.ts'
import { decodeLogPage } from '../../protocol/core/wire-codec.ts'
import { type Caller, newTenant } from '../support/edge.ts'
import { openNodeEdge } from '../support/edge-node.ts'
import { bundleWorker, type MiniflareEdge, openMiniflareEdge } from '../support/miniflare-edge.ts'
import { initOrganisation } from '../support/mip-root.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const LOG = 'memory'

let folder: TempDir
let bundle: string

beforeAll(async () => {
  folder = await tempDir()
  bundle = await bundleWorker(folder)
}, 120_000)

afterAll(() => folder.remove())

async function publisher() {
  const edge = await openNodeEdge()
  onTestFinished(() => edge.close())
  const { admin } = await newTenant(edge)
  const { org } = await initOrganisation(admin)
  await publish(admin, 'One ship is in.')
  const { url, cut } = await cuttable(edge.url ?? '')
  return { admin, org, url, cut }
}

/** The same server at another port, whose connections can all be ended at once. */
async function cuttable(target: string): Promise<{ url: string; cut(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(target).port), '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream).pipe(client)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    cut()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cut }
}

async function publish(admin: Caller, content: string): Promise<void> {
  const { cubes } = await admin.ok('createCubes', { body: { cubes: [{ content }] } })
  await admin.ok('publishMemories', { body: { cubeIds: cubes.map(({ cubeId }) => cubeId) as never } })
}

async function follower(
  { org, url }: { org: string; url: string },
  variables: Record<string, string> = {},
): Promise<{ edge: MiniflareEdge; admin: Caller; namespace: string }> {
  const edge = await openMiniflareEdge(bundle, { MEMOS_MIP_PRIVATE: 'on', ...variables })
  onTestFinished(() => edge.close())
  const { admin } = await newTenant(edge)
  await admin.ok('setMipPeer', { params: { did: org as never }, body: { tier: 'known', addresses: [url] } })
  const { id, namespace } = await admin.ok('createMipSubscription', { body: { did: org as never, log: LOG } })
  await admin.ok('catchUpMipSubscription', { params: { id } })
  return { edge, admin, namespace }
}

const texts = async (admin: Caller, namespace: string) =>
  (await admin.ok('listCubes', { query: { namespace } })).items.map(({ content }) => content).sort()

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(50)
}

/**
 * Goal: a deployment on Cloudflare has what is published a moment later, not with its next look, also after its publisher or it was gone.
 * Method: the bundle that would be deployed on a real workerd follows a publisher on Node; its timer is fired once, so only the WebSocket can tell.
 */
describe('a Worker that follows', () => {
  it('takes in what is published without being asked again, and after a crash of its own', async () => {
    const from = await publisher()
    const { edge, admin, namespace } = await follower(from)
    expect(await edge.follow.openTails()).toBe(0)
    await edge.fireTimer()
    await until(async () => (await edge.follow.openTails()) === 1)
    await publish(from.admin, 'Two ships are in.')
    await until(async () => (await texts(admin, namespace)).length === 2)
    expect(await texts(admin, namespace)).toEqual(['One ship is in.', 'Two ships are in.'])
    from.cut()
    await until(async () => (await edge.follow.openTails()) === 0)
    await until(async () => (await edge.follow.openTails()) === 1)
    await edge.restart()
    await edge.fireTimer()
    await until(async () => (await edge.follow.openTails()) === 1)
    await publish(from.admin, 'Three ships are in.')
    await until(async () => (await texts(admin, namespace)).length === 3)
  }, 60_000)

  it('opens nothing where that is switched off, and closes what is blocked', async () => {
    const from = await publisher()
    const off = await follower(from, { MEMOS_MIP_TAILS: 'off' })
    await off.edge.fireTimer()
    expect(await off.edge.follow.openTails()).toBe(0)
    const { edge, admin } = await follower(from)
    await edge.fireTimer()
    await until(async () => (await edge.follow.openTails()) === 1)
    await admin.ok('setMipPeer', {
      params: { did: from.org as never },
      body: { tier: 'blocked', addresses: [from.url] },
    })
    await edge.fireTimer()
    expect(await edge.follow.openTails()).toBe(0)
  }, 60_000)

  it('passes on as a mirror what it heard, without a head that it may not sign', async () => {
    const from = await publisher()
    const { edge } = await follower(from, { MEMOS_MIRROR: 'on' })
    const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/mip/v1/tail/${from.org}/${LOG}`)
    onTestFinished(() => socket.close())
    const frames: Uint8Array[] = []
    socket.on('message', (data: Buffer) => frames.push(new Uint8Array(data)))
    const end = () => (frames.length === 0 ? null : placeInTail(frames.at(-1)!, { org: from.org, log: LOG }))
    await until(async () => end()?.seq === 0)
    await edge.fireTimer()
    await until(async () => (await edge.follow.openTails()) === 1)
    await publish(from.admin, 'Two ships are in.')
    await until(async () => end()?.seq === 1)
    expect(decodeLogPage(frames.at(-1)!).head).toBeNull()
  }, 60_000)
})
