import { describe, expect, it } from 'vitest'
import type { Cid } from '../../schemas/cid.ts'
import type { MipPublisher } from '../support/mip-publisher.ts'
import { initOrganisation } from '../support/mip-root.ts'
import { followWorld, type OpenDatabase } from './mip-follow-world.ts'

const MINUTES = 60_000

/**
 * Goal: a revocation closes what it names, for as long as it says, for its own publisher alone, and for nobody when a thief has signed it
 * (docs/mip/revocation.md).
 * Method: an edge inside the test follows publishers that sign real logs; whoever comes late must hold the same as who was there all along.
 */
export function mipRevocation(host: string, openDatabase: OpenDatabase) {
  describe(`revocations on ${host}`, () => {
    const here = followWorld(openDatabase, { firstSeed: 70, signs: true })
    const { world, pull, texts, faultless } = here
    type World = Awaited<ReturnType<typeof world>>

    /** Looks again for bytes that were missing. */
    async function review() {
      here.edge.clock.nowMs += 20 * MINUTES
      await here.edge.components.tick(['mip'])
    }
    const deniedOf = (w: World) =>
      here.edge.rows('select subject, from_rev, reason from mip_denied where org_id = ? order by 1', w.id)

    /** What somebody holds who reads the log from its start now. */
    async function late(w: World) {
      const { id, namespace } = await w.subscribe({ namespace: `late-${here.edge.clock.nowMs}` })
      await pull(w.admin, id)
      await review()
      return texts(w.admin, namespace)
    }

    /** The root puts the publishing key out from a place on. */
    async function putOut(publisher: MipPublisher, lastSeq: number) {
      const delegation = publisher.log('main').entries[1]?.entry.body as Cid
      await publisher.log('main').add(publisher.root, { op: 'org.revoke-key', sum: { delegation, lastSeq, log: null } })
    }

    it('of our own for legal reasons keeps the same bytes of everybody else out', async () => {
      const w = await world('trusted')
      const { admin, publisher } = w
      await initOrganisation(admin, { now: () => here.edge.clock.nowMs })
      const own = await admin.ok('createCube', { body: { content: 'Not ours to tell.' } })
      await admin.ok('publishMemories', { body: { cubeIds: [own.cubeId] } as never })
      const [bytes] = await here.edge.rows('select bytes from mip_objects where org_id = ? and cid = ?', w.id, own.cid)
      publisher.objects.set(own.cid as Cid, new Uint8Array(bytes?.[0] as ArrayBuffer))
      await admin.ok('revokePublished', { body: { cubeIds: [own.cubeId], reason: 'legal' } as never })
      await publisher.append('main', { op: 'cube.publish', body: own.cid as Cid, sum: { cube: own.cubeId, rev: 1 } })
      const { id, namespace } = await w.subscribe()
      expect(await pull(admin, id)).toMatchObject({ ingested: 0, error: null })
      expect(await texts(admin, namespace)).toEqual([])
    })

    it('for an error from a revision on lets the corrected one in, and never the wrong one again', async () => {
      const w = await world()
      const first = await w.publisher.publish({ text: 'First edition.' })
      const wrong = await w.publisher.publish({ text: 'Second edition, wrong.', cube: first.cube })
      const { id, namespace } = await w.subscribe()
      await pull(w.admin, id)
      await w.publisher.revoke(first.cube, { fromRev: 2, reason: 'error' })
      expect(await pull(w.admin, id)).toMatchObject({ revoked: 1 })
      await review()
      expect(await texts(w.admin, namespace)).toEqual(['First edition.'])
      expect(await deniedOf(w)).toEqual([[wrong.cid, 1, 'error']])
      await w.publisher.publish({ text: 'Third edition, right.', cube: first.cube })
      await w.publisher.append('main', { op: 'cube.publish', body: wrong.cid, sum: { cube: first.cube, rev: 2 } })
      await w.publisher.append('main', { op: 'cube.publish', body: wrong.cid, sum: {} })
      expect(await pull(w.admin, id)).toMatchObject({ updated: 1, ingested: 0, error: null })
      expect(await texts(w.admin, namespace)).toEqual(['Third edition, right.'])
      expect(await late(w)).toEqual(['Third edition, right.'])
      // A later one that goes wrong leaves neither itself nor what was wrong before.
      await w.publisher.revoke(first.cube, { fromRev: 3, reason: 'superseded' })
      await pull(w.admin, id)
      await review()
      expect(await texts(w.admin, namespace)).toEqual(['First edition.'])
      await faultless(w)
    })

    it('for legal reasons or a compromise from a revision on closes what comes later too', async () => {
      for (const reason of ['legal', 'compromised']) {
        const w = await world()
        const first = await w.publisher.publish({ text: 'First edition.' })
        await w.publisher.publish({ text: 'Second edition.', cube: first.cube })
        const { id, namespace } = await w.subscribe()
        await pull(w.admin, id)
        await w.publisher.revoke(first.cube, { fromRev: 2, reason })
        await pull(w.admin, id)
        await w.publisher.publish({ text: 'Third edition.', cube: first.cube })
        expect(await pull(w.admin, id)).toMatchObject({ ingested: 0, updated: 0 })
        await review()
        expect(await texts(w.admin, namespace)).toEqual(['First edition.'])
        expect(await late(w)).toEqual(['First edition.'])
        // What is closed for good stays closed, whatever is revoked after it.
        await w.publisher.revoke(first.cube, { fromRev: 9, reason: 'error' })
        await w.publisher.publish({ text: 'Fourth edition.', cube: first.cube })
        await pull(w.admin, id)
        await review()
        expect(await texts(w.admin, namespace)).toEqual(['First edition.'])
      }
    })

    it('that a thief signed is undone where it was applied: texts, later revisions, marks and the deny set', async () => {
      const w = await world()
      const { admin, publisher } = w
      const pier = await publisher.publish({ text: 'The pier is open.' })
      const tide = await publisher.publish({ text: 'The tide turns at noon.' })
      await publisher.publish({ text: 'The tide turns at one.', cube: tide.cube })
      const gone = await publisher.publish({ text: 'Taken back for good reason.' })
      await publisher.revoke(gone.cube, { reason: 'error' })
      const lastSeq = publisher.log('main').entries.length - 1
      const { id, namespace } = await w.subscribe()
      await pull(admin, id)
      const before = await texts(admin, namespace)
      expect(before).toEqual(['The pier is open.', 'The tide turns at one.'])
      const denied = await deniedOf(w)
      const source = (await admin.ok('listCubes', { query: { namespace } })).items.find(
        ({ content }) => content === 'The pier is open.',
      )
      const derived = await admin.ok('createCube', {
        body: { content: 'So we go to the pier.', lineage: [{ cid: source?.cid as never, relation: 'derived' }] },
      })
      const params = { cubeId: derived.cubeId }
      await publisher.revoke(pier.cube, { reason: 'legal', scope: 'derived' })
      await publisher.revoke(tide.cube, { fromRev: 2, reason: 'compromised' })
      await publisher.revoke(gone.cube, { reason: 'legal' })
      expect(await pull(admin, id)).toMatchObject({ revoked: 3 })
      await review()
      expect(await texts(admin, namespace)).toEqual(['The tide turns at noon.'])
      expect(await admin.ok('getCube', { params })).toMatchObject({
        metadata: { revokedSource: `${publisher.did}/${pier.cube} legal` },
        behavioural: { state: 'archived' },
      })
      await putOut(publisher, lastSeq)
      await pull(admin, id)
      await review()
      expect(await texts(admin, namespace)).toEqual(before)
      expect(await deniedOf(w)).toEqual(denied)
      const again = await admin.ok('getCube', { params })
      expect(again.metadata).not.toHaveProperty('revokedSource')
      expect(again.behavioural.state).toBe('activated')
      expect(await late(w)).toEqual(before)
      // Once: the next look changes nothing.
      expect(await pull(admin, id)).toMatchObject({ applied: 0, revoked: 0 })
      await faultless(w)
    })

    it('that a thief signed is undone in every subscription, and what nobody has any more waits for its bytes', async () => {
      const w = await world()
      const kept = await w.publisher.publish({ text: 'The pier is open.' })
      const lastSeq = w.publisher.log('main').entries.length - 1
      const one = await w.subscribe()
      const two = await w.subscribe({ namespace: 'second' })
      await w.publisher.revoke(kept.cube)
      for (const { id } of [one, two]) await pull(w.admin, id)
      const bytes = w.publisher.objects.get(kept.cid)!
      w.publisher.objects.delete(kept.cid)
      await putOut(w.publisher, lastSeq)
      await pull(w.admin, one.id)
      await review()
      for (const { namespace } of [one, two]) expect(await texts(w.admin, namespace)).toEqual([])
      w.publisher.objects.set(kept.cid, bytes)
      await review()
      for (const { namespace } of [one, two]) expect(await texts(w.admin, namespace)).toEqual(['The pier is open.'])
      await faultless(w)
    })

    it('is for what its own organisation published: the same bytes of another one stay', async () => {
      const w = await world()
      const { publisher: enemy, address } = await world()
      const told = await w.publisher.publish({ text: 'The reef is dangerous.' })
      enemy.objects.set(told.cid, w.publisher.objects.get(told.cid)!)
      await enemy.append('main', { op: 'cube.publish', body: told.cid, sum: { cube: told.cube, rev: 1 } })
      await enemy.revoke(told.cube, { reason: 'legal' })
      await w.admin.ok('setMipPeer', {
        params: { did: enemy.did },
        body: { tier: 'trusted', addresses: [address] },
      })
      const copy = await w.admin.ok('createMipSubscription', { body: { did: enemy.did } })
      expect(await pull(w.admin, copy.id)).toMatchObject({ ingested: 0 })
      const { id, namespace } = await w.subscribe()
      expect(await pull(w.admin, id)).toMatchObject({ ingested: 1 })
      expect(await texts(w.admin, namespace)).toEqual(['The reef is dangerous.'])
      expect(await texts(w.admin, copy.namespace)).toEqual([])
    })
  })
}
