import { describe, expect, it } from 'vitest'
import { archiveOf, sendArchive } from '../support/mip-archive.ts'
import { followWorld, type OpenDatabase } from './mip-follow-world.ts'

/**
 * Goal: a log that is carried on a stick does what it does over the network: verified, applied once, gone on from.
 * Method: an edge that reaches nobody takes archives of real logs in, whole, again, changed and cut.
 */
export function mipArchives(host: string, open: OpenDatabase): void {
  describe(`log archives on ${host}`, () => {
    const here = followWorld(open)
    const { world, pull, texts, faultless } = here
    const stands = async (orgId: string) => {
      const query =
        "select count(*) from mip_ingested i join cubes c on c.cube_id = i.cube_id where i.org_id = ? and i.state = 'ingested'"
      return Number((await here.edge.rows(query, orgId))[0]?.[0])
    }
    const send = (secret: string, archive: Uint8Array) => sendArchive(here.edge, secret, archive)

    it('are taken in without a network, each entry once, and a catch-up goes on from there', async () => {
      const w = await world('known')
      const { publisher, admin } = w
      const mirror = here.remotes.mirrors.get(w.address)!
      mirror.faults = { isDown: true }
      const long = 'The ferry of noon is late again. '.repeat(2000)
      for (let n = 0; n < 140; n++) await publisher.publish({ text: `Note ${n}.` }, 'memory')
      for (const title of ['One', 'Two']) await publisher.publish({ text: long, title }, 'memory')
      const { id, namespace } = await w.subscribe({ log: 'memory' })
      expect(await send(admin.secret, await archiveOf(publisher, 'memory'))).toMatchObject({ error: 'no_authority' })
      const main = await send(admin.secret, await archiveOf(publisher, 'main'))
      expect(main).toMatchObject({ status: 200, org: publisher.did, log: 'main', entries: 2, verified: 2, error: null })
      const archive = await archiveOf(publisher, 'memory')
      const report = await send(admin.secret, archive)
      expect(report).toMatchObject({
        status: 200,
        entries: 142,
        verified: 142,
        applied: 142,
        ingested: 142,
        error: null,
      })
      expect(await stands(w.id)).toBe(142)
      const longs = await admin.ok('search', { body: { query: 'ferry noon late', namespaces: [namespace] } })
      expect(longs.results.filter(({ cube }) => cube.content === long)).toHaveLength(2)
      const asked = async () =>
        (await admin.ok('queryLog', { query: { operation: 'importMipArchive', outcome: 'ok' } })).items.length
      await expect.poll(asked).toBeGreaterThanOrEqual(1)
      const again = await send(admin.secret, archive)
      expect(again).toMatchObject({ entries: 142, verified: 0, applied: 0, error: null, atEnd: true })
      await publisher.publish({ text: 'Written later.' }, 'memory')
      const later = await send(admin.secret, await archiveOf(publisher, 'memory'))
      expect(later).toMatchObject({ verified: 1, applied: 1, ingested: 1 })
      mirror.faults = {}
      await publisher.publish({ text: 'Online again.' }, 'memory')
      expect(await pull(admin, id)).toMatchObject({ verified: 1, applied: 1, ingested: 1, error: null, atEnd: true })
      expect(await stands(w.id)).toBe(144)
      expect(await here.edge.rows('select count(*) from mip_mirrors where org_id = ?', w.id)).toEqual([[0]])
      await faultless(w)
    })

    it('are believed no more than a mirror: changed, cut, of somebody unknown, blocked', async () => {
      const w = await world('known')
      const { publisher, admin } = w
      for (let n = 0; n < 5; n++) await publisher.publish({ text: `Page ${n}.` })
      const archive = await archiveOf(publisher, 'main')
      expect(await send(admin.secret, archive)).toMatchObject({ status: 412, code: 'precondition_failed' })
      const { namespace } = await w.subscribe()
      expect(await send(admin.secret, new Uint8Array(0))).toMatchObject({ status: 400, code: 'invalid_archive' })
      const forged = await archiveOf(publisher, 'main')
      // The signature stands in the frame, so a changed one needs its blocks to be named anew: a bit elsewhere is another block.
      forged[forged.length - 40]! ^= 1
      expect(await send(admin.secret, forged)).toMatchObject({ status: 400, code: 'invalid_archive' })
      expect(await send(admin.secret, archive.subarray(0, -10))).toMatchObject({ code: 'invalid_archive' })
      await w.trust('blocked')
      expect(await send(admin.secret, archive)).toMatchObject({ error: 'blocked', verified: 0 })
      await w.trust('known')
      const entries = publisher.log('main').entries
      const [stolen] = entries.splice(4, 1)
      const wrong = entries[2]!
      entries.splice(4, 0, { ...stolen!, signature: wrong.signature })
      expect(await send(admin.secret, await archiveOf(publisher, 'main'))).toMatchObject({
        error: 'bad_signature',
        verified: 4,
      })
      entries.splice(4, 1, stolen!)
      expect(await send(admin.secret, archive)).toMatchObject({ error: null, verified: 3, applied: 3 })
      expect(await texts(admin, namespace)).toHaveLength(5)
    })

    it('leave what they lack waiting, and two histories stop the log with a proof', async () => {
      const w = await world('known')
      const { publisher, admin } = w
      const missing = await publisher.publish({ text: 'Not on the stick.' })
      await publisher.publish({ text: 'On the stick.' })
      const { namespace } = await w.subscribe()
      const report = await send(admin.secret, await archiveOf(publisher, 'main', { without: new Set([missing.cid]) }))
      expect(report).toMatchObject({ applied: 4, ingested: 1, refused: 1, error: null })
      here.edge.clock.nowMs += 2 * 60 * 60_000
      await here.edge.components.tick(['mip'])
      expect(await texts(admin, namespace)).toEqual(['Not on the stick.', 'On the stick.'])
      const other = await publisher.contradict('main', 3)
      publisher.log('main').entries.splice(3, 1, other, await publisher.after(other))
      expect(await send(admin.secret, await archiveOf(publisher, 'main'))).toMatchObject({ error: 'fork' })
      expect(await here.edge.rows('select count(*) from mip_proofs where org_id = ?', w.id)).toEqual([[1]])
    })
  })
}
