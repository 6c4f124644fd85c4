import { describe, expect, it } from 'vitest'
import type { OpenedEntry } from '../../protocol/core/entry.ts'
import { archiveOf, sendArchive } from '../support/mip-archive.ts'
import type { MipPublisher } from '../support/mip-publisher.ts'
import { followWorld, type OpenDatabase } from './mip-follow-world.ts'

/** A log as one branch of a fork has it. */
const branchOf = (publisher: MipPublisher, from: readonly OpenedEntry[]) => {
  const log = publisher.log('main')
  log.entries.splice(0, log.entries.length, ...from)
  return log
}

/**
 * Goal: after a fork that a root has resolved, everybody has the memory of the branch that stands, and nothing of the other one.
 * Method: one publisher that signs two histories, followers that have each read another one, and a root that names the survivor.
 */
export function mipResolve(host: string, open: OpenDatabase): void {
  describe(`a fork that is resolved on ${host}`, () => {
    const here = followWorld(open)
    const { world, pull, texts, found, faultless } = here

    /** Two histories after three cubes, of `lengths` entries each, and the root's word for the second one. */
    async function forked(publisher: MipPublisher, [ours, theirs]: [number, number]) {
      const shared = await publisher.publish({ text: 'The berth is shared, first version.', title: 'Berth' })
      const dropped = await publisher.publish({ text: 'The crane stands in the east.' })
      const prefix = [...publisher.log('main').entries]
      const known = publisher.revisions.get(shared.cube) ?? []
      const history = async (name: string, length: number) => {
        branchOf(publisher, prefix)
        publisher.revisions.set(shared.cube, known)
        await publisher.publish({ text: `The berth as ${name} tells it.`, cube: shared.cube })
        if (name === 'Ada') await publisher.revoke(dropped.cube)
        while (publisher.log('main').entries.length < prefix.length + length)
          await publisher.publish({ text: `Entry ${publisher.log('main').entries.length} of ${name}.` })
        return [...publisher.log('main').entries]
      }
      const one = await history('Ada', ours)
      const two = await history('Ben', theirs)
      const end = two.at(-1) as OpenedEntry
      const survivor = {
        op: 'log.resolve',
        epoch: 1,
        seq: end.entry.seq + 1,
        prev: end.cid,
        sum: { survivor: end.cid },
      }
      const word = await publisher.log('main').draft(publisher.root, survivor)
      const standing = [
        'The berth as Ben tells it.',
        'The crane stands in the east.',
        ...two.slice(prefix.length + 1).map(({ entry }) => `Entry ${entry.seq} of Ben.`),
        'After the fork.',
      ]
      const resolved = async () => {
        branchOf(publisher, [...two, word])
        await publisher.publish({ text: 'After the fork.' })
      }
      return { one, two, resolved, standing: standing.sort(), shared: prefix.length }
    }

    it.each([
      ['shorter', [2, 40]],
      ['longer', [40, 1]],
      ['as long', [3, 3]],
    ] as const)('converges where the branch that was read is the %s one', async (_, lengths) => {
      const a = await world('trusted')
      const { publisher } = a
      const fork = await forked(publisher, [...lengths])
      const mirror = here.remotes.mirrors.get(a.address)!
      mirror.faults = { entries: fork.one }
      const ada = await a.subscribe()
      expect(await pull(a.admin, ada.id)).toMatchObject({ error: null, atEnd: true })
      expect(await found(a.admin, ada.namespace, 'berth Ada')).toContain('The berth as Ada tells it.')
      // Whoever was on the other branch sees the proof first: it stops, and trusts less.
      mirror.faults = { entries: fork.two }
      const stopped = await pull(a.admin, ada.id)
      if (lengths[0] < lengths[1]) expect(stopped).toMatchObject({ error: 'fork' })
      await fork.resolved()
      mirror.faults = {}
      expect(await pull(a.admin, ada.id)).toMatchObject({ error: null })
      await here.edge.settle()
      // What was undone is fetched again by the minute's upkeep.
      for (let minute = 0; minute < 3; minute++) await here.edge.components.tick(['mip'])
      expect(await texts(a.admin, ada.namespace)).toEqual(fork.standing)
      expect(await found(a.admin, ada.namespace, 'berth Ada')).not.toContain('The berth as Ada tells it.')
      const state = await a.admin.ok('getMipSubscription', { params: { id: ada.id } })
      expect(state).toMatchObject({ state: 'active', error: null, applied: { epoch: 1 }, read: { epoch: 1 } })
      const rows = 'select count(*) from mip_entries e join mip_logs l on l.id = e.log_id where l.org_id = ?'
      expect(await here.edge.rows(rows, a.id)).toEqual([[publisher.log('main').entries.length]])
      await faultless(a)
    })

    it('is followed by both sides: who was on the branch that stands goes on', async () => {
      const a = await world('trusted')
      const { publisher } = a
      const b = await world('trusted')
      const body = { tier: 'trusted' as const, name: 'Fork', addresses: ['https://b.example/fork'] }
      await b.admin.ok('setMipPeer', { params: { did: publisher.did }, body })
      const fork = await forked(publisher, [30, 26])
      const [first, second] = [here.remotes.mirrors.get(a.address)!, here.remotes.add(publisher, body.addresses[0]!)]
      first.faults = { entries: fork.one }
      second.faults = { entries: fork.two }
      const ada = await a.subscribe()
      const ben = await b.admin.ok('createMipSubscription', { body: { did: publisher.did } })
      for (const [admin, id] of [[a.admin, ada.id] as const, [b.admin, ben.id] as const])
        expect(await pull(admin, id)).toMatchObject({ error: null, atEnd: true })
      // Each hears of the other's history, and freezes with the same proof.
      const contradicted = { ...first.faults }
      first.faults = { entries: [...fork.two, await publisher.after(fork.two.at(-1)!)] }
      second.faults = contradicted
      await pull(a.admin, ada.id)
      await pull(b.admin, ben.id)
      const proofs = await here.edge.rows('select distinct cid from mip_proofs where did = ?', publisher.did)
      expect(proofs.length).toBeLessThanOrEqual(1)
      await fork.resolved()
      first.faults = {}
      second.faults = {}
      // Nobody asks for it: a subscription that a fork has stopped looks now and then.
      here.edge.clock.nowMs += 3 * 60 * 60_000
      for (let minute = 0; minute < 4; minute++) {
        await here.edge.components.tick(['mip'])
        here.edge.clock.nowMs += 2 * 60_000
      }
      expect(await texts(a.admin, ada.namespace)).toEqual(fork.standing)
      expect(await texts(b.admin, ben.namespace)).toEqual(fork.standing)
      await faultless(a)
      await faultless(b)
    })

    it.each([
      ['shorter', [2, 150]],
      ['longer', [90, 3]],
    ] as const)('converges by an archive alone, where the branch that was read is the %s one', async (_, lengths) => {
      const a = await world('trusted')
      const { publisher, admin } = a
      const fork = await forked(publisher, [...lengths])
      const mirror = here.remotes.mirrors.get(a.address)!
      mirror.faults = { entries: fork.one }
      const { id, namespace } = await a.subscribe()
      expect(await pull(admin, id)).toMatchObject({ error: null, atEnd: true })
      mirror.faults = { isDown: true }
      const send = async (from = 0) =>
        sendArchive(here.edge, admin.secret, await archiveOf(publisher, 'main', { from }))
      const all = async () =>
        (await admin.ok('listCubes', { query: { namespace, limit: 200 } })).items.map(({ content }) => content).sort()
      branchOf(publisher, fork.two)
      if (lengths[0] < lengths[1]) expect(await send()).toMatchObject({ status: 200, error: 'fork', atEnd: false })
      await fork.resolved()
      // It tells which branch stands, and not where that begins.
      const late = await send(fork.shared + 1)
      expect(late).toMatchObject({ status: 412, code: 'precondition_failed' })
      expect(JSON.stringify(late)).toContain(`begins at entry ${fork.shared} or before`)
      expect(await found(admin, namespace, 'berth Ada')).toContain('The berth as Ada tells it.')
      const report = await send(fork.shared - 1)
      expect(report).toMatchObject({ status: 200, error: null, atEnd: true })
      // What stood before the branches part was not in this file.
      mirror.faults = {}
      here.edge.clock.nowMs += 60 * 60_000
      for (let minute = 0; minute < 3; minute++) await here.edge.components.tick(['mip'])
      expect(await all()).toEqual(fork.standing)
      const again = await send()
      expect(again).toMatchObject({ status: 200, verified: 0, applied: 0, error: null, atEnd: true })
      expect(await all()).toEqual(fork.standing)
      await faultless(a)
    })

    it('takes nothing back for a word that no root has signed', async () => {
      const a = await world('trusted')
      const { publisher } = a
      const fork = await forked(publisher, [4, 4])
      const mirror = here.remotes.mirrors.get(a.address)!
      mirror.faults = { entries: fork.one }
      const { id, namespace } = await a.subscribe()
      await pull(a.admin, id)
      const before = await texts(a.admin, namespace)
      const end = fork.two.at(-1)!
      const lie = { op: 'log.resolve', epoch: 1, seq: end.entry.seq + 1, prev: end.cid, sum: { survivor: end.cid } }
      const forged = await publisher.log('main').draft(publisher.key, { ...lie })
      mirror.faults = { entries: [...fork.two, forged] }
      expect((await pull(a.admin, id)).error).not.toBeNull()
      expect(await texts(a.admin, namespace)).toEqual(before)
    })
  })
}
