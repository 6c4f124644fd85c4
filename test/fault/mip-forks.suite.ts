import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { proofOf } from '../../protocol/core/equivocation.ts'
import { signHead } from '../../protocol/core/head.ts'
import { signAsRoot } from '../../protocol/core/root-entries.ts'
import { decodeSigned } from '../../protocol/core/wire-codec.ts'
import type { SignedBytes } from '../../protocol/core/wire-types.ts'
import type { MipRemote } from '../../protocol/host/mip-remote.ts'
import type { Cid } from '../../schemas/cid.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { PeerKeySigner } from '../../worker/drivers/signer/peer-key-signer.ts'
import { Caller, newTenant } from '../support/edge.ts'
import type { OpenStore } from '../support/failing-edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { TestFollower } from '../support/mip-follower.ts'
import { initOrganisation, TestRoot, wireText } from '../support/mip-root.ts'

const CUBES = 12
const PEER_KEY = new Uint8Array(32).fill(9)
const REPLICA = 'https://replica.test/'

/** A peer that says one thing about our log. */
const remoteWith = (head: () => Promise<SignedBytes | null>): MipRemote =>
  ({ name: REPLICA, head }) as Partial<MipRemote> as MipRemote

/**
 * Goal: an organisation never signs two entries for one place: not when publishers race, and not after its database was restored from a backup.
 * Method: two edges over one database, with one clock; a database that is set back while a replica keeps the later head.
 */
export function mipForks(host: string, open: () => Promise<OpenStore>): void {
  describe(`forks on ${host}`, () => {
    const blobs = new MemoryBlobStore()
    let store: OpenStore
    const clock = { nowMs: Date.UTC(2026, 0, 1) }
    let seed = 0
    let remote: MipRemote | null
    const edges: LocalEdge[] = []

    beforeEach(async () => {
      store = await open()
      remote = null
    })
    afterEach(async () => {
      for (const edge of edges.splice(0)) await edge.close()
      await store.close()
    })

    /** A process of its own: it remembers nothing of what others have done. */
    const openEdge = async () => {
      const signer = new PeerKeySigner(PEER_KEY, portableEd25519)
      const mip = { signer, ed25519: portableEd25519, mirrors: false, remotes: { open: () => remote } }
      const edge = await openLocalEdge({
        databases: new Map([['default', store.database]]),
        blobs,
        clock,
        seed: ++seed,
        mip,
      })
      edges.push(edge)
      return edge
    }
    const remember = async (admin: Caller, count: number) => {
      const cubes = Array.from({ length: count }, (_, i) => ({ content: `Berth ${i} is free.` }))
      return (await admin.ok('createCubes', { body: { cubes } })).cubes.map(({ cubeId }) => cubeId)
    }
    const now = () => clock.nowMs
    const publish = (admin: Caller, cubeIds: string[]) =>
      admin.ok('publishMemories', { body: { cubeIds: cubeIds as never } })
    const headOf = async (edge: LocalEdge, root: TestRoot) =>
      decodeSigned(await new TestFollower(edge, root.org, now).bytes(`/log/${root.org}/memory/head`))
    /** Sets the log `memory` back to its first entries, as a backup would. */
    const restore = async (root: TestRoot, rows: unknown[][], keep: number) => {
      const [state] = rows[keep] ?? []
      await store.database.batch([
        {
          sql: 'delete from mip_entries where seq > ? and log_id in (select id from mip_logs where log = ? and did = ?)',
          params: [keep, 'memory', root.org],
        },
        {
          sql: `update mip_logs set seq = ?, head_cid = ?, state = ? where log = 'memory' and did = ?`,
          params: [keep, (JSON.parse(String(state)) as { cid: string }).cid, String(state), root.org],
        },
      ])
    }
    /** An identity, and a log of three entries with what its row said after each. */
    const published = async () => {
      const edge = await openEdge()
      const { admin, id } = await newTenant(edge)
      const root = await initOrganisation(admin, { now })
      const states: unknown[][] = []
      for (const cubeId of await remember(admin, 3)) {
        await publish(admin, [cubeId])
        states.push((await edge.rows(`select state from mip_logs where log = 'memory' and did = ?`, root.org))[0] ?? [])
      }
      return { edge, admin, id, root, states }
    }
    const entryCount = async (edge: LocalEdge, root: TestRoot) =>
      Number(
        (
          await edge.rows(
            'select count(*) from mip_entries e join mip_logs l on l.id = e.log_id where l.did = ?',
            root.org,
          )
        )[0]?.[0],
      )

    it('of two publishers that race none is lost, and nothing forks', async () => {
      const [one, two] = [await openEdge(), await openEdge()]
      const { admin } = await newTenant(one)
      const root = await initOrganisation(admin, { now })
      const other = new Caller(two, admin.secret)
      const ids = await remember(admin, CUBES)
      const made = await Promise.all(ids.map((cubeId, i) => publish(i % 2 === 0 ? admin : other, [cubeId])))
      expect(made.flatMap(({ items }) => items.map(({ outcome }) => outcome))).toEqual(ids.map(() => 'published'))
      const follower = new TestFollower(two, root.org, now)
      const main = await follower.follow('main')
      const { entries } = await follower.follow('memory', main.state)
      expect(entries.map(({ entry }) => entry.seq)).toEqual(ids.map((_, i) => i))
      expect(entries.map(({ entry }) => (entry.sum as { cube: string }).cube).sort()).toEqual(ids.toSorted())
    })

    it('a restored backup refuses to go on while a replica has more', async () => {
      const { edge, admin, root, states } = await published()
      const sum = { urls: [REPLICA], addrs: [] }
      const replicas = root.after(await signAsRoot(root.end, { op: 'org.replicas', sum }, root.signer()))
      await admin.ok('appendMipEntries', { body: { entries: [wireText(replicas)] } })
      const later = await headOf(edge, root)
      await restore(root, states, 0)
      const ids = await remember(admin, 1)
      // The process that has seen more itself needs nobody to tell it.
      expect((await admin.refused('publishMemories', { body: { cubeIds: ids as never } })).code).toBe('log_behind')
      const restarted = await openEdge()
      const again = new Caller(restarted, admin.secret)
      const body = { cubeIds: ids as never }
      const before = await entryCount(edge, root)
      remote = remoteWith(async () => later)
      expect((await again.refused('publishMemories', { body })).code).toBe('log_behind')
      remote = remoteWith(() => Promise.reject(new Error('down')))
      expect((await again.refused('publishMemories', { body })).code).toBe('peer_failed')
      expect(await entryCount(edge, root)).toBe(before)
      // Once the replica has no more than the database, it goes on.
      remote = remoteWith(() => headOf(restarted, root))
      expect((await publish(again, ids)).seq).toBe(1)
    })

    it('is not stopped by a peer that claims a head which nobody of ours has signed', async () => {
      const { admin, root } = await published()
      const sum = { urls: [REPLICA], addrs: [] }
      const replicas = root.after(await signAsRoot(root.end, { op: 'org.replicas', sum }, root.signer()))
      await admin.ok('appendMipEntries', { body: { entries: [wireText(replicas)] } })
      const liar = new TestRoot(now)
      const claim = {
        v: 1,
        org: root.org,
        log: 'memory',
        epoch: 0,
        seq: 99,
        cid: root.end.cid as Cid,
        ts: now(),
      } as const
      const forged = await signHead({ ...claim, key: liar.org, dlg: null }, liar.seed, portableEd25519)
      remote = remoteWith(async () => [forged.bytes, forged.signature])
      const again = new Caller(await openEdge(), admin.secret)
      expect((await publish(again, await remember(admin, 1))).seq).toBe(3)
    })

    it('stops where a proof shows that our own key signed two entries for one place', async () => {
      const { edge, admin, root, states } = await published()
      const follower = new TestFollower(edge, root.org, now)
      const first = await follower.follow('memory', (await follower.follow('main')).state)
      await restore(root, states, 1)
      // A process that asks nobody, as an operator without replicas has it.
      const forking = new Caller(await openEdge(), admin.secret)
      await publish(forking, await remember(admin, 1))
      const second = await follower.follow('memory', (await follower.follow('main')).state)
      const proof = proofOf(first.entries[2]!, second.entries[2]!)
      const offer = async () => {
        const answer = await follower.get('/proof', { method: 'POST', body: new Uint8Array(proof.bytes) })
        return new TextDecoder().decode(await answer.arrayBuffer())
      }
      expect(await offer()).toContain('accepted')
      expect(await offer()).toContain('known')
      const body = { cubeIds: (await remember(admin, 1)) as never }
      expect(await forking.refused('publishMemories', { body })).toMatchObject({
        code: 'mip_refused',
        reason: 'frozen',
      })
      expect((await admin.ok('getMipIdentity', {})).logs).toMatchObject([
        { log: 'main' },
        { log: 'memory', stopped: 'fork' },
      ])
    })
  })
}
