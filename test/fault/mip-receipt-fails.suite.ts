import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { PeerKeySigner } from '../../worker/drivers/signer/peer-key-signer.ts'
import { newTenant } from '../support/edge.ts'
import { Fault } from '../support/failing.ts'
import { type OpenStore, openFailingEdge } from '../support/failing-edge.ts'
import type { LocalEdge } from '../support/local-edge.ts'
import { loopedRemote } from '../support/looped-remote.ts'
import { initOrganisation } from '../support/mip-root.ts'

const CALLS_MAX = 200
const ADDRESS = 'https://edge.example.org'
const LONG = 'The lighthouse keeper counts the ferries. '.repeat(1000)
const LATER_MS = 10 * 60_000

/**
 * Goal: whatever call fails while a revocation for legal reasons is carried out and confirmed, the note of it is there exactly when the memory
 * is not, nothing is signed while a blob is there, and in the end the publisher has one receipt.
 * Method: the n-th call of database or blobs fails, on either side, for every n until none is reached, before and after it takes effect; then
 * the same is done again.
 */
export function mipReceiptFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`receipts of erasures on ${host}`, () => {
    const fault = new Fault()
    const blobs = new MemoryBlobStore()
    let store: OpenStore
    let edge: LocalEdge

    beforeAll(async () => {
      store = await open()
      const remote = loopedRemote(() => edge)
      edge = await openFailingEdge(store.database, blobs, fault, undefined, {
        signer: new PeerKeySigner(new Uint8Array(32).fill(8), portableEd25519),
        remotes: { open: (address) => (address === ADDRESS ? remote : null) },
      })
    })
    afterAll(async () => {
      await edge.close()
      await store.close()
    })

    /** A follower that holds a cube which its publisher has just revoked. */
    async function world() {
      const [publisher, follower] = [await newTenant(edge), await newTenant(edge)]
      const now = () => edge.clock.nowMs
      const { org: did } = await initOrganisation(publisher.admin, { now })
      await initOrganisation(follower.admin, { now })
      const { cubes } = await publisher.admin.ok('createCubes', { body: { cubes: [{ content: LONG }] } })
      const cubeIds = cubes.map(({ cubeId }) => cubeId)
      await publisher.admin.ok('publishMemories', { body: { cubeIds } })
      await follower.admin.ok('setMipPeer', { params: { did }, body: { tier: 'known', addresses: [ADDRESS] } })
      const { id } = await follower.admin.ok('createMipSubscription', { body: { did, log: 'memory' } })
      await follower.admin.ok('catchUpMipSubscription', { params: { id } })
      await publisher.admin.ok('revokePublished', { body: { cubeIds, reason: 'legal' } })
      return { publisher, follower, id }
    }
    type World = Awaited<ReturnType<typeof world>>
    const carryOut = async ({ follower, id }: World) => {
      await follower.admin.send('catchUpMipSubscription', { params: { id } })
      await edge.components.tick(['mip'])
      await edge.settle()
    }
    const standing = async ({ publisher, follower }: World) => {
      const one = async (sql: string, id: string) => (await store.database.all({ sql, params: [id] }))[0]?.[0]
      return {
        held: Number(
          await one(`select count(*) from mip_ingested where org_id = ? and state = 'ingested'`, follower.id),
        ),
        noted: Number(await one('select count(*) from mip_erasures where org_id = ?', follower.id)),
        signed: Number(
          await one('select count(*) from mip_erasures where org_id = ? and receipt is not null', follower.id),
        ),
        received: Number(await one('select count(*) from mip_receipts where org_id = ?', publisher.id)),
        blobs: (await blobs.list(`cubes/${follower.id}/`)).length,
      }
    }

    it.each(['before', 'after'] as const)(
      'come to the same end when any call fails %s it takes effect',
      { timeout: 600_000 },
      async (when) => {
        for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
          const w = await world()
          await edge.settle()
          fault.arm(atCall, when)
          await carryOut(w).catch(() => undefined)
          fault.disarm()
          const { fired } = fault
          const place = `${when} call ${atCall} (${fired})`
          const left = await standing(w)
          expect(left.held + left.noted, place).toBe(1)
          if (left.signed > 0) expect(left.blobs, place).toBe(0)
          expect(left.received, place).toBeLessThanOrEqual(left.signed)
          // Claims run out, pauses end.
          for (let again = 0; again < 2; again++) {
            edge.clock.nowMs += LATER_MS
            await carryOut(w)
          }
          expect(await standing(w), place).toEqual({ held: 0, noted: 1, signed: 1, received: 1, blobs: 0 })
          const { items } = await w.publisher.admin.ok('listErasureReceipts', {})
          expect(items, place).toMatchObject([{ cubes: 1, renditions: 1, blobs: 1, revisions: [1] }])
          // The next one's calls are counted without those for this one.
          await w.follower.admin.ok('updateMipSubscription', { params: { id: w.id }, body: { state: 'paused' } })
          if (fired !== null) continue
          expect(atCall).toBeGreaterThan(20)
          return
        }
        throw new Error(`the erasure still reached call ${CALLS_MAX}: raise CALLS_MAX`)
      },
    )
  })
}
