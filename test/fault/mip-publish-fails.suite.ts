import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { PeerKeySigner } from '../../worker/drivers/signer/peer-key-signer.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { type Caller, newTenant, type Tenant } from '../support/edge.ts'
import { Fault } from '../support/failing.ts'
import { type OpenStore, openFailingEdge } from '../support/failing-edge.ts'
import type { LocalEdge } from '../support/local-edge.ts'
import { TestFollower } from '../support/mip-follower.ts'
import { initOrganisation, TestRoot } from '../support/mip-root.ts'

const CALLS_MAX = 200
const LARGE_TEXT = 'A long memory of the harbour. '.repeat(1200)
const MIP = {
  signer: new PeerKeySigner(new Uint8Array(32).fill(7), portableEd25519),
  ed25519: portableEd25519,
  mirrors: false,
  remotes: { open: () => null },
}

/** What a change is to leave: everything of it, seen from inside and by a stranger, or nothing. */
interface Change {
  run(tenant: Tenant, ids: string[]): Promise<Response>
  /** Entries of the logs, and objects, when it is done. */
  done: { entries: number; objects: number }
  before: { entries: number; objects: number }
}

/**
 * Goal: whatever fails while a cube is published or revoked, or an identity is made, the entry and what it stands for are both there or both not,
 * and the log is one that a stranger verifies.
 * Method: the n-th call fails, for every n until the change no longer reaches it, before and after the call takes effect; then it is repeated.
 */
export function mipPublishFails(host: string, open: () => Promise<OpenStore>): void {
  describe(`publishing on ${host}`, () => {
    const fault = new Fault()
    const blobs = new MemoryBlobStore()
    let store: OpenStore
    let edge: LocalEdge

    beforeAll(async () => {
      store = await open()
      edge = await openFailingEdge(store.database, blobs, fault, undefined, MIP)
    })
    afterAll(async () => {
      await edge.close()
      await store.close()
    })

    const now = () => edge.clock.nowMs
    const remember = async (admin: Caller) => {
      const cubes = [{ content: 'The harbour opens.' }, { content: LARGE_TEXT }]
      return (await admin.ok('createCubes', { body: { cubes } })).cubes.map(({ cubeId }) => cubeId)
    }
    const counted = async ({ id }: Tenant) => {
      const count = async (sql: string) => Number((await store.database.all({ sql, params: [id] }))[0]?.[0])
      return {
        entries: await count(
          'select count(*) from mip_entries e join mip_logs l on l.id = e.log_id where l.org_id = ?',
        ),
        objects: await count('select count(*) from mip_objects where org_id = ?'),
      }
    }

    /** Every failure, then the same request again: it must end as if nothing had failed. */
    const everyFailure = async (
      when: 'before' | 'after',
      prepare: (tenant: Tenant) => Promise<{ root: TestRoot; ids: string[] }>,
      change: (made: { root: TestRoot; ids: string[] }) => Change,
    ) => {
      let nothing = 0
      for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
        const tenant = await newTenant(edge)
        const made = await prepare(tenant)
        const { run, done, before } = change(made)
        await edge.settle()
        fault.arm(atCall, when)
        const response = await run(tenant, made.ids)
        const text = await response.text()
        await edge.settle()
        fault.disarm()
        const place = `${when} call ${atCall} (${fault.fired}): ${text.slice(0, 200)}`
        const after = await counted(tenant)
        expect([before, done], place).toContainEqual(after)
        if (after.entries === before.entries) nothing += 1
        expect(await faultsOf(store.database, blobs, tenant.id), place).toEqual([])
        const again = await run(tenant, made.ids)
        expect(again.status, `${place}; again: ${await again.text()}`).toBeLessThan(300)
        expect(await counted(tenant), place).toEqual(done)
        const follower = new TestFollower(edge, made.root.org, now)
        const main = await follower.follow('main')
        const entries = done.entries - main.entries.length
        if (entries > 0) expect((await follower.follow('memory', main.state)).entries).toHaveLength(entries)
        if (fault.fired !== null) continue
        expect(response.status, text).toBeLessThan(300)
        expect(nothing).toBeGreaterThan(2)
        return
      }
      throw new Error(`the change still reached call ${CALLS_MAX}: raise CALLS_MAX`)
    }

    const withIdentity = async ({ admin }: Tenant) => {
      const root = await initOrganisation(admin, { now })
      return { root, ids: await remember(admin) }
    }

    it.each(['before', 'after'] as const)('a cube is out with its entry or not at all (%s)', async (when) => {
      await everyFailure(when, withIdentity, () => ({
        run: ({ admin }, ids) => admin.send('publishMemories', { body: { cubeIds: ids as never } }),
        before: { entries: 2, objects: 1 },
        // Two revisions, and the place of the long text.
        done: { entries: 4, objects: 4 },
      }))
    })

    it.each(['before', 'after'] as const)('a cube is revoked with its entry or not at all (%s)', async (when) => {
      const prepare = async (tenant: Tenant) => {
        const made = await withIdentity(tenant)
        await tenant.admin.ok('publishMemories', { body: { cubeIds: made.ids as never } })
        return made
      }
      await everyFailure(when, prepare, () => ({
        run: ({ admin }, ids) => admin.send('revokePublished', { body: { cubeIds: ids as never, reason: 'error' } }),
        before: { entries: 4, objects: 4 },
        done: { entries: 6, objects: 1 },
      }))
    })

    it.each(['before', 'after'] as const)('an identity is whole or can be made again (%s)', async (when) => {
      const prepare = async ({ admin }: Tenant) => {
        const root = new TestRoot(now)
        const { publishingKey } = await admin.ok('getMipIdentity', {})
        const { entries, delegations } = await root.first(publishingKey)
        return { root, ids: [], entries, delegations }
      }
      await everyFailure(when, prepare, (made) => {
        const { entries, delegations } = made as Awaited<ReturnType<typeof prepare>>
        return {
          run: ({ admin }) => admin.send('createMipIdentity', { body: { entries, delegations } }),
          before: { entries: 0, objects: 0 },
          done: { entries: 2, objects: 1 },
        }
      })
    })
  })
}
