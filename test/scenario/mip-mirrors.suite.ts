import { describe, expect, it } from 'vitest'
import { openEntryParts } from '../../protocol/core/entry.ts'
import type { SignedBytes } from '../../protocol/core/wire-types.ts'
import { MIP_LOG_PAGE_ENTRIES_MAX } from '../../schemas/limits-mip.ts'
import type { MirrorFaults } from '../support/mip-publisher.ts'
import { followWorld, type OpenDatabase } from './mip-follow-world.ts'

const LONG = 'The lighthouse keeper counts the ferries of the strait. '.repeat(900)

/**
 * Goal: mirrors that lie, withhold or fail cost nothing but time, and a publisher that signs two histories is found out.
 * Method: an edge inside the test follows publishers that sign real logs, through mirrors whose faults are set one by one.
 */
export function mipMirrors(host: string, openDatabase: OpenDatabase) {
  describe(`mirrors of logs on ${host}`, () => {
    const here = followWorld(openDatabase)
    const { remotes, world, pull, texts } = here

    describe('mirrors', () => {
      it('that leave an entry out are struck, and the log is healed from another one', async () => {
        const w = await world()
        for (let n = 0; n < 10; n++) await w.publisher.publish({ text: `Note ${n}.` })
        remotes.mirrors.get(w.address)!.faults = { omits: 6 }
        w.mirror()
        await w.trust('known')
        const { id, namespace } = await w.subscribe()
        expect(await pull(w.admin, id)).toMatchObject({ verified: 12, ingested: 10, error: null, atEnd: true })
        expect((await texts(w.admin, namespace)).length).toBe(10)
        const peer = await w.admin.ok('getMipPeer', { params: { did: w.publisher.did } })
        expect(peer.mirrors).toMatchObject([{ address: w.address, strikes: 1, reason: 'withheld' }])
      })

      it('that withhold the end, and show its head, are struck', async () => {
        const w = await world()
        for (let n = 0; n < 5; n++) await w.publisher.publish({ text: `Note ${n}.` })
        remotes.mirrors.get(w.address)!.faults = { withholdsFrom: 4 }
        const { id, namespace } = await w.subscribe()
        expect(await pull(w.admin, id)).toMatchObject({ verified: 4, ingested: 2, error: 'withheld', atEnd: false })
        expect(await w.admin.ok('getMipSubscription', { params: { id } })).toMatchObject({
          error: 'withheld',
          attempts: 1,
        })
        w.mirror()
        await w.trust('known')
        expect(await pull(w.admin, id)).toMatchObject({ verified: 3, ingested: 3, error: null })
        expect((await texts(w.admin, namespace)).length).toBe(5)
      })

      it('that are behind are no reason to miss what others have', async () => {
        const w = await world()
        for (let n = 0; n < 5; n++) await w.publisher.publish({ text: `Note ${n}.` })
        remotes.mirrors.get(w.address)!.faults = { endsAt: 3 }
        w.mirror()
        await w.trust('known')
        const { id } = await w.subscribe()
        expect(await pull(w.admin, id)).toMatchObject({ verified: 7, atEnd: true, error: null })
      })

      it.each(['strict', 'head'] as const)(
        'that forge an entry some pages on are believed up to it: %s',
        async (verify) => {
          const w = await world()
          const count = 2 * MIP_LOG_PAGE_ENTRIES_MAX + 20
          for (let n = 0; n < count; n++) await w.publisher.publish({ text: `Note ${n}.`, tags: ['notes'] }, 'notes')
          const forged = count - 1
          const isForged = ([bytes, signature]: SignedBytes) => {
            const { entry } = openEntryParts(bytes, signature)
            return entry.log === 'notes' && entry.seq === forged
          }
          const faults: MirrorFaults = {
            onPage: ({ entries, head }) => ({
              entries: entries.map((wire) => (isForged(wire) ? [wire[0], new Uint8Array(64)] : wire)),
              head,
            }),
          }
          remotes.mirrors.get(w.address)!.faults = faults
          const { id } = await w.subscribe({ log: 'notes', verify, filter: { topics: ['other'] } })
          expect(await pull(w.admin, id)).toMatchObject({ verified: 2 + forged, error: 'bad_signature' })
          expect(await w.admin.ok('getMipSubscription', { params: { id } })).toMatchObject({
            read: { epoch: 0, seq: forged - 1 },
          })
          const peer = await w.admin.ok('getMipPeer', { params: { did: w.publisher.did } })
          expect(peer.mirrors).toMatchObject([{ address: w.address, strikes: 1, reason: 'bad_signature' }])
          remotes.mirrors.get(w.address)!.faults = {}
          expect(await pull(w.admin, id)).toMatchObject({ verified: count - forged, error: null, atEnd: true })
        },
      )

      it.each([
        ['forge signatures', { signatures: 'forged' }, 'bad_signature'],
        ['corrupt objects', { corrupts: true }, 'wrong_bytes'],
      ] as const)('that %s put nothing here and are struck', async (_, faults, reason) => {
        const w = await world()
        await w.publisher.publish({ text: 'The ferry leaves at six.' })
        remotes.mirrors.get(w.address)!.faults = faults
        const { id, namespace } = await w.subscribe()
        const report = await pull(w.admin, id)
        expect(report.error).not.toBeNull()
        expect(report.ingested).toBe(0)
        expect(await texts(w.admin, namespace)).toEqual([])
        const peer = await w.admin.ok('getMipPeer', { params: { did: w.publisher.did } })
        expect(peer.mirrors).toMatchObject([{ reason }])
        w.mirror()
        await w.trust('known')
        expect(await pull(w.admin, id)).toMatchObject({ ingested: 1, error: null })
      })

      it('that are down are passed over, and the pause grows', async () => {
        const w = await world()
        await w.publisher.publish({ text: 'The ferry leaves at six.' })
        const down = remotes.mirrors.get(w.address)!
        down.faults = { isDown: true }
        const { id } = await w.subscribe()
        const waits: number[] = []
        for (let n = 1; n <= 4; n++) {
          expect(await pull(w.admin, id)).toMatchObject({ error: 'unreachable', verified: 0 })
          const shown = await w.admin.ok('getMipSubscription', { params: { id } })
          expect(shown.attempts).toBe(n)
          waits.push(Date.parse(shown.nextAt) - Date.parse(shown.updatedAt))
        }
        expect(waits[3]).toBeGreaterThan((waits[0] ?? 0) * 3)
        w.mirror()
        await w.trust('known')
        expect(await pull(w.admin, id)).toMatchObject({ error: null, ingested: 1 })
      })

      it('that lack a text leave the cube waiting, and it comes when they have it', async () => {
        const w = await world()
        const long = await w.publisher.publish({ text: LONG })
        remotes.mirrors.get(w.address)!.faults = { lacks: new Set([long.cid]) }
        const { id, namespace } = await w.subscribe()
        expect(await pull(w.admin, id)).toMatchObject({ applied: 3, ingested: 0 })
        expect(await here.edge.rows('select state, reason from mip_ingested where subscription_id = ?', id)).toEqual([
          ['header', 'body_missing'],
        ])
        remotes.mirrors.get(w.address)!.faults = {}
        here.edge.clock.nowMs += 15 * 60_000
        await here.edge.components.tick(['mip'])
        expect(await texts(w.admin, namespace)).toEqual([LONG])
      })
    })

    it('stops at two signed entries for one place, keeps the proof, trusts less and tells the mirrors', async () => {
      const w = await world('trusted')
      await w.publisher.publish({ text: 'Entry two.' })
      const other = await w.publisher.contradict('main', 2)
      await w.publisher.publish({ text: 'Entry three.' })
      const { id, namespace } = await w.subscribe()
      expect(await pull(w.admin, id)).toMatchObject({ ingested: 2, error: null })
      const entries = [...w.publisher.log('main').entries.slice(0, 2), other]
      const branch = [...entries, await w.publisher.after(other)]
      branch.push(await w.publisher.after(branch.at(-1)!))
      const liar = remotes.mirrors.get(w.address)!
      liar.faults = { entries: branch }
      expect(await pull(w.admin, id)).toMatchObject({ error: 'fork', atEnd: false })
      expect(await w.admin.ok('getMipSubscription', { params: { id } })).toMatchObject({
        state: 'stopped',
        error: 'fork',
      })
      const proofs = await here.edge.rows('select did, log, length(bytes) > 200 from mip_proofs where org_id = ?', w.id)
      expect(proofs).toEqual([[w.publisher.did, 'main', 1]])
      expect(await w.admin.ok('getMipPeer', { params: { did: w.publisher.did } })).toMatchObject({
        tier: 'known',
        strikes: 1,
      })
      expect(liar.proofs.length).toBe(1)
      expect(await pull(w.admin, id)).toMatchObject({ error: 'fork', verified: 0 })
      expect((await w.admin.ok('getMipPeer', { params: { did: w.publisher.did } })).strikes).toBe(1)
      expect((await texts(w.admin, namespace)).length).toBe(2)
    })
  })
}
