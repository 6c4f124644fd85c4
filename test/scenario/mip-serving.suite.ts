import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tryDelegation } from '../../protocol/core/delegation.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { keyOfDid, peerIdOfKey } from '../../protocol/core/keys.ts'
import { signAsRoot, signDelegate } from '../../protocol/core/root-entries.ts'
import { toWire } from '../../protocol/core/signed.ts'
import type { Delegation } from '../../schemas/mip-delegation.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { PeerKeySigner } from '../../worker/drivers/signer/peer-key-signer.ts'
import { newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { Delegations, type Person, person } from '../support/mip-log.ts'
import type { MipPublisher } from '../support/mip-publisher.ts'
import { initOrganisation, wireText } from '../support/mip-root.ts'
import { followWorld, type OpenDatabase } from './mip-follow-world.ts'

const NODE = person(201)
const OTHER = person(202)
const HOUR_MS = 3_600_000
const signal = AbortSignal.timeout(60_000)
const peerIdOf = ({ did }: Person) => peerIdOfKey(keyOfDid(did))

/**
 * Goal: a node that its organisation lets speak for it is known and asked first; one that shows a right which is not its own gains nothing but
 * a strike; a right that has ended, was revoked or came from an earlier root counts no longer.
 * Method: an edge follows publishers that sign real logs; hellos of nodes are judged by the source that both transports serve.
 */
export function mipServing(host: string, openDatabase: OpenDatabase) {
  describe(`nodes that speak for an organisation on ${host}`, () => {
    const here = followWorld(openDatabase, { firstSeed: 20 })

    /** A publisher that is followed, and a right to serve in its name. */
    async function followed(fields: Partial<Delegation> = {}) {
      const w = await here.world()
      await w.publisher.publish({ text: 'The ferry leaves at six.' })
      const { id } = await w.subscribe()
      await here.pull(w.admin, id)
      return { ...w, subscriptionId: id, grant: await right(w.publisher, fields) }
    }
    function right({ root, did }: MipPublisher, fields: Partial<Delegation> = {}) {
      const { nowMs } = here.edge.clock
      const times = { nbf: nowMs - HOUR_MS, exp: nowMs + 24 * HOUR_MS }
      return new Delegations().add(root, NODE, { sub: did, cmd: '/mip/serve', ...times, ...fields })
    }
    const present = ({ bytes, signature }: { bytes: Uint8Array; signature: Uint8Array }, by: Person) =>
      here.edge.components.edge.mipSource.presented([bytes, signature], {
        caller: { transport: 'libp2p', peerId: peerIdOf(by) },
        signal,
      })
    const shown = (w: Awaited<ReturnType<typeof followed>>) =>
      w.admin.ok('getMipPeer', { params: { did: w.publisher.did } })

    it('are listed with their publisher, and asked before others', async () => {
      const w = await followed()
      expect(await present(w.grant, NODE)).toEqual({ outcome: 'counted', reason: null })
      expect((await shown(w)).nodes).toEqual([
        { peerId: peerIdOf(NODE), until: new Date(w.grant.delegation.exp).toISOString() },
      ])
      const address = `/ip4/9.9.9.9/tcp/1/p2p/${peerIdOf(NODE)}`
      const first: string[] = []
      for (const at of [w.address, address]) here.remotes.add(w.publisher, at, { onCall: () => first.push(at) })
      await w.admin.ok('setMipPeer', {
        params: { did: w.publisher.did },
        body: { tier: 'known', addresses: [w.address, address] },
      })
      await here.pull(w.admin, w.subscriptionId)
      expect(first[0]).toBe(address)
      const { items } = await w.admin.ok('listMipPeers', {})
      expect(items.flatMap(({ nodes }) => nodes)).toHaveLength(1)
    })

    it('are refused with a strike when they show the right of another peer, once in the time of a rest', async () => {
      const w = await followed()
      for (let n = 0; n < 3; n++)
        expect(await present(w.grant, OTHER)).toEqual({ outcome: 'refused', reason: 'delegation_broken' })
      const { nodes, mirrors } = await shown(w)
      expect(nodes).toEqual([])
      expect(mirrors).toMatchObject([{ address: `/p2p/${peerIdOf(OTHER)}`, strikes: 1, reason: 'delegation_broken' }])
    })

    it('cannot fill the database with strikes, however many of them lie', async () => {
      const w = await followed()
      for (let seed = 1; seed <= 80; seed++) await present(w.grant, person(seed + 100 === 201 ? 250 : seed + 100))
      expect((await shown(w)).mirrors).toHaveLength(64)
    })

    it.each([
      ['another command', { cmd: '/mip/log/append' }, 'delegation_wrong_command'],
      ['more than 90 days', { exp: Date.UTC(2026, 0, 1) + 91 * 24 * HOUR_MS }, 'delegation_too_long'],
      ['another hand', { iss: person(20).did }, 'bad_signature'],
    ] as const)('are refused with %s', async (_, fields, reason) => {
      const w = await followed()
      const isForged = 'iss' in fields
      const { nowMs } = here.edge.clock
      const times = { nbf: nowMs - HOUR_MS, exp: nowMs + HOUR_MS }
      const shownRight = isForged
        ? await new Delegations().add(OTHER, NODE, {
            sub: w.publisher.did,
            cmd: '/mip/serve',
            ...times,
            iss: w.publisher.did,
          })
        : await right(w.publisher, fields)
      expect(await present(shownRight, NODE)).toEqual({ outcome: 'refused', reason })
      expect((await shown(w)).mirrors).toMatchObject([{ reason }])
    })

    it('say nothing, without blame, late, early, with an unknown root or for somebody who is not followed', async () => {
      const w = await followed()
      const { nowMs } = here.edge.clock
      const late = await right(w.publisher, { nbf: nowMs - 3 * HOUR_MS, exp: nowMs - HOUR_MS })
      expect(await present(late, NODE)).toEqual({ outcome: 'unknown', reason: 'delegation_expired' })
      const early = await right(w.publisher, { nbf: nowMs + HOUR_MS })
      expect(await present(early, NODE)).toEqual({ outcome: 'unknown', reason: 'delegation_early' })
      const stranger = await new Delegations().add(OTHER, NODE, {
        sub: w.publisher.did,
        cmd: '/mip/serve',
        nbf: nowMs - HOUR_MS,
        exp: nowMs + HOUR_MS,
      })
      expect(await present(stranger, NODE)).toEqual({ outcome: 'unknown', reason: 'unknown_key' })
      const unheard = await new Delegations().add(OTHER, NODE, {
        sub: OTHER.did,
        cmd: '/mip/serve',
        nbf: nowMs - HOUR_MS,
        exp: nowMs + HOUR_MS,
      })
      expect(await present(unheard, NODE)).toEqual({ outcome: 'unknown', reason: null })
      expect(await present(unheard, OTHER)).toEqual({ outcome: 'refused', reason: 'delegation_broken' })
      expect(await shown(w)).toMatchObject({ nodes: [], mirrors: [] })
    })

    it('count no longer once their right is revoked, has ended, or another root has taken over', async () => {
      const w = await followed()
      const { root } = w.publisher
      await present(w.grant, NODE)
      const main = w.publisher.log('main')
      const sum = { delegation: w.grant.address, lastSeq: 0, log: null }
      await main.add(root, { op: 'org.revoke-key', sum })
      await here.pull(w.admin, w.subscriptionId)
      expect((await shown(w)).nodes).toEqual([])
      expect(await present(w.grant, NODE)).toEqual({ outcome: 'refused', reason: 'key_revoked' })
      const again = await right(w.publisher, { nonce: 'BAECAwQFBgcICQoLDA0ODw' })
      expect(await present(again, NODE)).toMatchObject({ outcome: 'counted' })
      expect((await shown(w)).nodes).toHaveLength(1)
      here.edge.clock.nowMs += 25 * HOUR_MS
      expect((await shown(w)).nodes).toEqual([])
      const renewed = await right(w.publisher, { nonce: 'CAECAwQFBgcICQoLDA0ODw' })
      expect(await present(renewed, NODE)).toMatchObject({ outcome: 'counted' })
      const seed = root.seed[0] ?? 0
      const next = person((seed + 60) % 256)
      await main.add(root, { op: 'org.rotate', sum: { root: next.did, next: OTHER.hash } })
      await here.pull(w.admin, w.subscriptionId)
      expect((await shown(w)).nodes).toEqual([])
      expect(await present(renewed, NODE)).toEqual({ outcome: 'unknown', reason: 'unknown_key' })
    })

    it('are not known by what they say over HTTP', async () => {
      const w = await followed()
      const source = here.edge.components.edge.mipSource
      const { bytes, signature } = w.grant
      const options = { caller: { transport: 'http', address: '9.9.9.9' } as const, signal }
      expect(await source.presented([bytes, signature], options)).toEqual({ outcome: 'unknown', reason: null })
      expect((await shown(w)).nodes).toEqual([])
    })
  })

  describe(`the right to serve on ${host}`, () => {
    let opened: Awaited<ReturnType<OpenDatabase>>
    let edge: LocalEdge
    beforeAll(async () => {
      opened = await openDatabase()
      const signer = new PeerKeySigner(new Uint8Array(32).fill(44), portableEd25519)
      edge = await openLocalEdge({
        databases: new Map([['default', opened.database]]),
        blobs: new MemoryBlobStore(),
        // Other dice than the first edge, with which it may share the database.
        seed: 7,
        mip: { signer },
      })
    })
    afterAll(async () => {
      await edge.close()
      await opened.close()
    })

    it('is issued by the root, presented in every hello, and gone when the root takes it back', async () => {
      const { admin } = await newTenant(edge)
      const now = () => edge.clock.nowMs
      const root = await initOrganisation(admin, { now })
      const hello = () => {
        edge.clock.nowMs += 2000
        const caller = { transport: 'libp2p', peerId: peerIdOf(OTHER) } as const
        return edge.components.edge.mipSource.hello(null, { caller, signal })
      }
      expect((await hello()).delegation).toBeUndefined()
      const { nodeKey } = await admin.ok('getMipIdentity', {})
      const grant = await root.grantTo(nodeKey, { cmd: '/mip/serve' })
      const entry = root.after(await signDelegate(root.end, grant, root.signer()))
      const body = { entries: [wireText(entry)], delegations: [wireText(grant)] }
      const { delegations } = await admin.ok('appendMipEntries', { body })
      expect(delegations.map(({ command, key }) => [command, key]).at(-1)).toEqual(['/mip/serve', nodeKey])
      const [bytes, signature] = (await hello()).delegation ?? []
      expect(tryDelegation(toWire({ bytes: bytes!, signature: signature! }))).toMatchObject({ address: grant.address })
      const sum = { delegation: grant.address, lastSeq: 0, log: null }
      const revoke = root.after(await signAsRoot(root.end, { op: 'org.revoke-key', sum }, root.signer()))
      const shown = await admin.ok('appendMipEntries', { body: { entries: [wireText(revoke)] } })
      expect(shown.delegations.at(-1)).toMatchObject({ address: grant.address, revoked: true })
      expect((await hello()).delegation).toBeUndefined()
    })
  })
}
