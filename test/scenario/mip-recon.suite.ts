import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytesOfCid } from '../../protocol/core/cid.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { openEntryParts } from '../../protocol/core/entry.ts'
import { encodeMipCbor } from '../../protocol/core/mip-cbor.ts'
import { ReconSet } from '../../protocol/core/negentropy.ts'
import { reconRequestValue } from '../../protocol/core/wire-codec.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { PeerKeySigner } from '../../worker/drivers/signer/peer-key-signer.ts'
import { newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { loopedRemote } from '../support/looped-remote.ts'
import { initOrganisation } from '../support/mip-root.ts'
import { followWorld, type OpenDatabase } from './mip-follow-world.ts'

const MINUTES_MS = 60_000
const LOGS = ['notes', 'ports', 'tides'] as const
const signal = AbortSignal.timeout(60_000)

/**
 * Goal: a follower of several logs of one publisher asks once what it lacks of all of them, and reads only when there is something.
 * Method: an edge follows three logs through mirrors that count calls; the set itself is asked for over the HTTP twin.
 */
export function mipRecon(host: string, openDatabase: OpenDatabase) {
  describe(`reconciliation of logs on ${host}`, () => {
    const here = followWorld(openDatabase, { firstSeed: 40 })

    /** Three logs of a publisher, followed to their ends. */
    async function followed() {
      const w = await here.world()
      for (const log of LOGS) await w.publisher.publish({ text: `The first of ${log}.` }, log)
      const subscriptions: string[] = []
      for (const log of LOGS) subscriptions.push((await w.subscribe({ log })).id)
      for (const id of subscriptions) expect(await here.pull(w.admin, id)).toMatchObject({ ingested: 1, atEnd: true })
      return { ...w, subscriptions, mirror: here.remotes.mirrors.get(w.address)! }
    }
    async function tick() {
      here.edge.clock.nowMs += 2 * MINUTES_MS
      await here.edge.components.tick(['mip'])
    }
    const places = async ({ admin, subscriptions }: Awaited<ReturnType<typeof followed>>) => {
      const shown = await Promise.all(subscriptions.map((id) => admin.ok('getMipSubscription', { params: { id } })))
      return shown.map(({ applied, error, nextAt }) => ({
        seq: applied.seq,
        error,
        isLater: Date.parse(nextAt) > here.edge.clock.nowMs,
      }))
    }

    it('asks a mirror once where nothing is new, instead of once for each log', async () => {
      const w = await followed()
      w.mirror.calls = 0
      await tick()
      expect(w.mirror.calls).toBe(1)
      expect(await places(w)).toEqual(LOGS.map(() => ({ seq: 0, error: null, isLater: true })))
    })

    it('reads the logs when one of them has gone on, in whichever mirror', async () => {
      const w = await followed()
      await w.publisher.publish({ text: 'The second of ports.' }, 'ports')
      w.mirror.calls = 0
      await tick()
      expect(w.mirror.calls).toBeGreaterThan(3)
      expect((await places(w)).map(({ seq }) => seq)).toEqual([0, 1, 0])
      const behind = here.remotes.mirrors.get(w.address)!
      behind.faults = { endsAt: 1 }
      await w.publisher.publish({ text: 'The second of tides.' }, 'tides')
      const ahead = here.remotes.add(w.publisher, `${w.address}/ahead`)
      const body = { tier: 'known' as const, addresses: [w.address, ahead.name] }
      await w.admin.ok('setMipPeer', { params: { did: w.publisher.did }, body })
      await tick()
      expect((await places(w)).map(({ seq }) => seq)).toEqual([0, 1, 1])
    })

    it('reads the logs of a mirror that does not know the question, and strikes one that answers nonsense', async () => {
      const w = await followed()
      w.mirror.recon = async () => null
      w.mirror.calls = 0
      await tick()
      expect(w.mirror.calls).toBeGreaterThan(3)
      w.mirror.recon = async () => Uint8Array.of(0x61, 0x00)
      await tick()
      const { mirrors } = await w.admin.ok('getMipPeer', { params: { did: w.publisher.did } })
      expect(mirrors).toMatchObject([{ address: w.address, reason: 'bad_answer', strikes: 1 }])
      expect(await places(w)).toEqual(LOGS.map(() => ({ seq: 0, error: null, isLater: true })))
    })
  })

  describe(`the set of a log on ${host}`, () => {
    let opened: Awaited<ReturnType<OpenDatabase>>
    let edge: LocalEdge
    beforeAll(async () => {
      opened = await openDatabase()
      const signer = new PeerKeySigner(new Uint8Array(32).fill(46), portableEd25519)
      const databases = new Map([['default', opened.database]])
      edge = await openLocalEdge({ databases, blobs: new MemoryBlobStore(), mip: { signer }, seed: 13 })
    })
    afterAll(async () => {
      await edge.close()
      await opened.close()
    })

    it('is that of its entries, over HTTP; what is not served and what is no message are refused', async () => {
      const { admin } = await newTenant(edge)
      const { org } = await initOrganisation(admin, { now: () => edge.clock.nowMs })
      const contents = Array.from({ length: 40 }, (_, i) => ({ content: `Note ${i}.` }))
      const { cubes } = await admin.ok('createCubes', { body: { cubes: contents } })
      await admin.ok('publishMemories', { body: { cubeIds: cubes.map(({ cubeId }) => cubeId) } })
      const remote = loopedRemote(() => edge)
      const logs = [
        { org, log: 'main' },
        { org, log: 'memory' },
      ]
      const items = []
      for (const name of logs) {
        const page = await remote.log({ ...name, from: { epoch: 0, seq: 0 }, limit: 64 }, { signal })
        for (const [bytes, signature] of page?.entries ?? []) {
          const { entry, cid } = openEntryParts(bytes, signature)
          items.push({ ts: entry.ts, id: bytesOfCid(cid).slice(-32) })
        }
      }
      expect(items).toHaveLength(42)
      const ask = async (set: ReconSet) =>
        set.next((await remote.recon({ logs, message: set.initiate() }, { signal }))!)
      expect(await ask(new ReconSet(items))).toEqual({ message: null, have: [], need: [] })
      const short = await ask(new ReconSet(items.slice(0, 20)))
      expect(short.need).toHaveLength(22)
      const elsewhere = [...logs, { org, log: 'nothing' }]
      expect(await remote.recon({ logs: elsewhere, message: Uint8Array.of(0x61) }, { signal })).toBeNull()
      for (const message of [Uint8Array.of(), Uint8Array.of(0x61, 0x00), Uint8Array.of(0x51)])
        await expect(remote.recon({ logs, message }, { signal })).rejects.toMatchObject({ reason: 'bad_request' })
      const body = encodeMipCbor(reconRequestValue({ logs: [], message: Uint8Array.of(0x61) }))
      expect((await edge.fetch('/mip/v1/recon', { method: 'POST', body: Uint8Array.from(body) })).status).toBe(400)
    })
  })
}
