import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { openReceipt, signReceipt } from '../../protocol/core/erase-receipt.ts'
import { MipRemoteError } from '../../protocol/core/mip-remote-error.ts'
import { BASE64URL, HEX } from '../../protocol/core/object-view.ts'
import type { MipRemote } from '../../protocol/host/mip-remote.ts'
import type { EraseReceipt } from '../../schemas/mip-receipt.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { PeerKeySigner } from '../../worker/drivers/signer/peer-key-signer.ts'
import { type Caller, newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { loopedRemote } from '../support/looped-remote.ts'
import { type Person, person } from '../support/mip-log.ts'
import { initOrganisation } from '../support/mip-root.ts'
import type { OpenDatabase } from './mip-follow-world.ts'

const ADDRESS = 'https://edge.example.org'
const LONG = 'The lighthouse keeper counts the ferries of the strait. '.repeat(900)
const HOUR_MS = 3_600_000
const signal = AbortSignal.timeout(60_000)

/**
 * Goal: whoever has erased what was revoked for legal reasons tells its publisher by a signed receipt, once; nobody else's word counts, and
 * nothing is lost while the publisher is away.
 * Method: two organisations of one edge, of which one follows the other through the HTTP twin, requests and bodies as on the network.
 */
export function mipReceipts(host: string, openDatabase: OpenDatabase) {
  describe(`receipts of erasures on ${host}`, () => {
    let opened: Awaited<ReturnType<OpenDatabase>>
    let edge: LocalEdge
    const blobs = new MemoryBlobStore()
    const away = { isAway: false }

    beforeAll(async () => {
      opened = await openDatabase()
      const remote = loopedRemote(() => edge)
      const offerReceipt: MipRemote['offerReceipt'] = (offer, options) =>
        away.isAway ? Promise.reject(new MipRemoteError('unreachable', 'away')) : remote.offerReceipt(offer, options)
      const wayward: MipRemote = Object.assign(Object.create(remote) as MipRemote, {
        offerReceipt,
        log: remote.log.bind(remote),
        head: remote.head.bind(remote),
        objects: remote.objects.bind(remote),
        blobChunk: remote.blobChunk.bind(remote),
      })
      const signer = new PeerKeySigner(new Uint8Array(32).fill(45), portableEd25519)
      edge = await openLocalEdge({
        databases: new Map([['default', opened.database]]),
        blobs,
        mip: { signer, remotes: { open: (address) => (address === ADDRESS ? wayward : null) } },
        seed: 11,
      })
    })
    afterAll(async () => {
      await edge.close()
      await opened.close()
    })

    /** A publisher with one cube out, and a follower that has it. */
    async function world(content: string, { hasIdentity = true } = {}) {
      const [publisher, follower] = [await newTenant(edge), await newTenant(edge)]
      const now = () => edge.clock.nowMs
      const { org: did } = await initOrganisation(publisher.admin, { now })
      if (hasIdentity) await initOrganisation(follower.admin, { now })
      const { cubes } = await publisher.admin.ok('createCubes', { body: { cubes: [{ content }] } })
      const cube = cubes[0]!.cubeId
      await publisher.admin.ok('publishMemories', { body: { cubeIds: [cube] } })
      await follower.admin.ok('setMipPeer', { params: { did }, body: { tier: 'known', addresses: [ADDRESS] } })
      const { id } = await follower.admin.ok('createMipSubscription', { body: { did, log: 'memory' } })
      expect(await pull(follower.admin, id)).toMatchObject({ ingested: 1, error: null })
      return { publisher, follower, did, cube, id }
    }
    type World = Awaited<ReturnType<typeof world>>
    const pull = (admin: Caller, id: string) => admin.ok('catchUpMipSubscription', { params: { id } })
    async function revoke({ publisher, follower, cube, id }: World, reason: 'legal' | 'error' = 'legal') {
      await publisher.admin.ok('revokePublished', { body: { cubeIds: [cube], reason } })
      expect(await pull(follower.admin, id)).toMatchObject({ revoked: 1, error: null })
    }
    const tick = () => edge.components.tick(['mip'])
    const received = async ({ publisher, cube }: World) =>
      (await publisher.admin.ok('listErasureReceipts', { query: { cube } })).items
    const erasures = async ({ follower }: World) => (await follower.admin.ok('listMipErasures', {})).items
    const offer = ({ bytes, signature }: { bytes: Uint8Array; signature: Uint8Array }) =>
      edge.components.edge.mipSource.offerReceipt(
        { receipt: [bytes, signature], delegations: [] },
        { caller: { transport: 'http', address: '9.9.9.9' }, signal },
      )
    /** A receipt that somebody signs as the root of an organisation of its own. */
    async function signedBy(someone: Person, w: World, fields: Partial<EraseReceipt> = {}) {
      const [base] = await erasures(w)
      const { revoke: entry, log, epoch, seq, cube } = base!
      const place = { org: someone.did, of: w.did, revoke: entry, log, epoch, seq, cube } as const
      const counts = { revisions: [1], cubes: 1, renditions: 1, blobs: 0, ts: edge.clock.nowMs }
      const receipt = { v: 1, ...place, ...counts, key: someone.did, dlg: null, ...fields } as const
      return signReceipt(receipt, someone.seed, portableEd25519)
    }

    it('come for what the law asks for, with what is gone, and once', async () => {
      const w = await world(LONG)
      await revoke(w)
      expect(await received(w)).toEqual([])
      expect(await erasures(w)).toMatchObject([{ of: w.did, cube: w.cube, answer: null, attempts: 0 }])
      await tick()
      const { org } = await w.follower.admin.ok('getMipIdentity', {})
      const [receipt, ...more] = await received(w)
      expect(more).toEqual([])
      expect(receipt).toMatchObject({ org, cube: w.cube, revisions: [1], cubes: 1, renditions: 1, blobs: 1, seq: 1 })
      expect(openReceipt(BASE64URL.toBytes(receipt!.receipt)).receipt.of).toBe(w.did)
      expect(await blobs.list(`cubes/${w.follower.id}/`)).toEqual([])
      expect(await erasures(w)).toMatchObject([{ answer: 'accepted', attempts: 1 }])
      edge.clock.nowMs += HOUR_MS
      await tick()
      expect(await erasures(w)).toMatchObject([{ answer: 'accepted', attempts: 1 }])
      const { items } = await w.publisher.admin.ok('listErasureReceipts', { query: { limit: 1 } })
      expect(items).toHaveLength(1)
    })

    it('do not come for other reasons, nor from whoever had nothing or has no identity', async () => {
      const other = await world('The ferry leaves at six.')
      await revoke(other, 'error')
      await tick()
      expect([await received(other), await erasures(other)]).toEqual([[], []])
      const nameless = await world('The ferry leaves at seven.', { hasIdentity: false })
      await revoke(nameless)
      await tick()
      expect(await received(nameless)).toEqual([])
      expect(await erasures(nameless)).toMatchObject([{ answer: 'unsigned' }])
    })

    it('wait while the publisher is away, with longer pauses, as they were signed', async () => {
      const w = await world('The harbour opens at nine.')
      away.isAway = true
      await revoke(w)
      for (let attempt = 1; attempt <= 3; attempt++) {
        await tick()
        expect(await erasures(w)).toMatchObject([{ answer: null, attempts: attempt }])
        // Not before its pause is over.
        await tick()
        expect(await erasures(w)).toMatchObject([{ attempts: attempt }])
        edge.clock.nowMs += HOUR_MS
      }
      const [[signed] = []] = await edge.rows('select hex(receipt) from mip_erasures where org_id = ?', w.follower.id)
      away.isAway = false
      await tick()
      const [receipt] = await received(w)
      expect(HEX.toText(BASE64URL.toBytes(receipt!.receipt)).toUpperCase()).toBe(signed)
    })

    it('are refused when nothing was revoked, when somebody else signs, and known when they come again', async () => {
      const w = await world('The bridge opens at eight.')
      await revoke(w)
      await tick()
      const [receipt] = await received(w)
      const { bytes, signature } = openReceipt(BASE64URL.toBytes(receipt!.receipt))
      expect(await offer({ bytes, signature })).toBe('known')
      const stranger = person(210)
      expect(await offer(await signedBy(stranger, w, { seq: 0 }))).toBe('refused')
      expect(
        await offer(await signedBy(stranger, w, { revisions: [1], cube: '01K6ZQ4T2V3W5X7Y9A1B3C5D7E' as never })),
      ).toBe('refused')
      const forged = await signedBy(stranger, w)
      expect(await offer({ ...forged, signature: forged.signature.map((byte) => byte ^ 1) })).toBe('refused')
      expect(await received(w)).toHaveLength(1)
      expect(await offer(forged)).toBe('accepted')
      expect(await offer(await signedBy(stranger, w, { blobs: 9 }))).toBe('known')
      expect(await received(w)).toHaveLength(2)
    })

    it('of strangers are bounded for each revocation; those of peers are not kept out by them', async () => {
      const w = await world('The pier opens at ten.')
      await revoke(w)
      await tick()
      const answers: string[] = []
      for (let seed = 100; seed < 165; seed++) answers.push(await offer(await signedBy(person(seed), w)))
      expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(63)
      const peer = person(250)
      expect(await offer(await signedBy(peer, w))).toBe('refused')
      const params = { did: peer.did }
      await w.publisher.admin.ok('setMipPeer', { params, body: { tier: 'unknown', addresses: [] } })
      expect(await offer(await signedBy(peer, w))).toBe('accepted')
      const blocked = person(251)
      await w.publisher.admin.ok('setMipPeer', { params: { did: blocked.did }, body: { tier: 'blocked' } })
      expect(await offer(await signedBy(blocked, w))).toBe('refused')
    })
  })
}
