import { expect, it } from 'vitest'
import { cidOf } from '../../protocol/core/cid.ts'
import { decodeMipCbor } from '../../protocol/core/mip-cbor.ts'
import { verifyRevision } from '../../protocol/core/revision.ts'
import { signAsRoot, signDelegate, signRotation } from '../../protocol/core/root-entries.ts'
import { decodeHello, decodeSigned } from '../../protocol/core/wire-codec.ts'
import type { Cid } from '../../schemas/cid.ts'
import { MIP_CBOR_TYPE } from '../../schemas/mip-http.ts'
import { type Caller, describeEdge, type OpenEdge, problemOf } from '../support/edge.ts'
import { TestFollower } from '../support/mip-follower.ts'
import { initOrganisation, TestRoot, wireText } from '../support/mip-root.ts'

const LONG_TEXT = 'The harbour master keeps a long log of every ship. '.repeat(1000)
const DAY_MS = 86_400_000

const remember = async (admin: Caller, contents: readonly string[], more: object = {}) => {
  const ids: string[] = []
  for (let at = 0; at < contents.length; at += 100) {
    const cubes = contents.slice(at, at + 100).map((content) => ({ content, tags: ['port'], ...more }))
    ids.push(...(await admin.ok('createCubes', { body: { cubes } })).cubes.map(({ cubeId }) => cubeId))
  }
  return ids
}

/**
 * Goal: what an organisation publishes can be read and verified by anybody, and by rules alone; what it did not publish cannot even be told from
 * what does not exist.
 * Method: its root signs outside of the edge, a stranger reads the HTTP twin and applies the rules of protocol/core to the bytes.
 */
export function mipPublish(open: OpenEdge) {
  describeEdge('publishing', open, (tenant, edge) => {
    const published = async () => {
      const { admin, id } = await tenant()
      const root = await initOrganisation(admin)
      return { admin, id, root, follower: new TestFollower(edge(), root.org) }
    }
    const publish = (admin: Caller, cubeIds: string[], more: object = {}) =>
      admin.ok('publishMemories', { body: { cubeIds, ...more } as never })

    it('is off the record until the root has signed: no identity, nothing served', async () => {
      const { admin } = await tenant()
      const [cubeId = ''] = await remember(admin, ['Nobody knows.'])
      const before = await admin.ok('getMipIdentity', {})
      expect(before).toMatchObject({ org: null, root: null, delegations: [], logs: [] })
      const refused = await admin.refused('publishMemories', { body: { cubeIds: [cubeId as never] } })
      expect(refused.code).toBe('no_identity')
      const root = await initOrganisation(admin)
      const identity = await admin.ok('getMipIdentity', {})
      expect(identity).toMatchObject({ org: root.org, root: root.org, publishingKey: before.publishingKey })
      expect(identity.logs).toMatchObject([{ log: 'main', epoch: 0, seq: 1, cid: root.end.cid, stopped: null }])
      expect(identity.delegations).toMatchObject([{ key: before.publishingKey, log: null, revoked: false }])
    })

    it('gives each organisation keys of its own', async () => {
      const [one, two] = await Promise.all([tenant(), tenant()])
      const keys = await Promise.all([one, two].map(({ admin }) => admin.ok('getMipIdentity', {})))
      expect(keys[0]?.publishingKey).not.toBe(keys[1]?.publishingKey)
      expect(keys[0]?.nodeKey).toBe(keys[1]?.nodeKey)
      expect(keys[0]?.peerId).toMatch(/^12D3KooW\w{44}$/)
    })

    it('serves bytes that a stranger verifies from genesis to the last cube', async () => {
      const { admin, root, follower } = await published()
      const ids = await remember(admin, ['The harbour opens at six.', LONG_TEXT])
      const made = await publish(admin, ids, { topics: ['ships'] })
      expect(made).toMatchObject({ org: root.org, log: 'memory', epoch: 0, seq: 1, nextCursor: null })
      expect(made.items.map(({ outcome, seq }) => [outcome, seq])).toEqual([
        ['published', 0],
        ['published', 1],
      ])
      const main = await follower.follow('main')
      expect(main.entries.map(({ entry }) => entry.op)).toEqual(['org.genesis', 'org.delegate'])
      const memory = await follower.follow('memory', main.state)
      expect(memory.head).not.toBeNull()
      expect(memory.entries.map(({ entry }) => entry.sum)).toMatchObject([
        { topics: ['ships', 'port'], cube: ids[0], rev: 1, kinds: ['text'], size: 25 },
        { topics: ['ships', 'port'], cube: ids[1], rev: 1, kinds: ['text'], size: LONG_TEXT.length },
      ])
      const [short, long] = await Promise.all(
        memory.entries.map(async ({ entry }) =>
          verifyRevision(entry.body as Cid, await follower.object(entry.body as Cid)),
        ),
      )
      expect(short?.renditions[0]).toMatchObject({ kind: 'text', text: 'The harbour opens at six.' })
      const text = long?.renditions[0]
      const cid = text?.kind === 'text' ? (text.blob?.cid ?? '') : ''
      expect(new TextDecoder().decode(await follower.bytes(`/blob/${cid}`))).toBe(LONG_TEXT)
      const head = decodeSigned(await follower.bytes(`/log/${root.org}/memory/head`))
      expect(head[1]).toHaveLength(64)
      const hello = decodeHello(await follower.bytes('/hello'))
      expect(hello.versions).toEqual([1])
    })

    it('answers parts of blobs, and says what never changes', async () => {
      const { admin, root, follower } = await published()
      const ids = await remember(admin, [LONG_TEXT, ...Array.from({ length: 64 }, (_, i) => `Ship number ${i}.`)])
      await publish(admin, ids)
      const cid = cidOf(new TextEncoder().encode(LONG_TEXT), 'raw')
      const part = await follower.get(`/blob/${cid}`, { headers: { range: 'bytes=4-10' } })
      expect([part.status, part.headers.get('content-range'), await textOf(part)]).toEqual([
        206,
        `bytes 4-10/${LONG_TEXT.length}`,
        'harbour',
      ])
      const end = await follower.get(`/blob/${cid}`, { headers: { range: 'bytes=-6' } })
      expect(await textOf(end)).toBe('ship. ')
      const beyond = await follower.get(`/blob/${cid}`, { headers: { range: `bytes=${LONG_TEXT.length}-` } })
      expect([beyond.status, await beyond.text()]).toEqual([416, ''])
      const full = `/log/${root.org}/memory?from=0&limit=64`
      const page = await follower.get(full)
      // A fork that is resolved for another branch may change it some day; what is named by its content stays for ever.
      expect(page.headers.get('cache-control')).toBe('public, max-age=60, must-revalidate')
      expect(part.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      const first = new Uint8Array(await page.arrayBuffer())
      const again = await follower.get(full, { headers: { 'if-none-match': page.headers.get('etag') ?? '' } })
      expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([304, 0])
      await publish(admin, await remember(admin, ['One more.']))
      expect(await follower.bytes(full)).toEqual(first)
      const tail = await follower.get(`/log/${root.org}/memory?from=64&limit=64`)
      expect(tail.headers.get('cache-control')).toBe('no-cache')
      await tail.arrayBuffer()
    })

    it('answers the same for what is hidden and what is not there', async () => {
      const { admin, root, follower } = await published()
      const [hidden = ''] = await remember(admin, ['Not published.'])
      const { descriptive: _, ...cube } = await admin.ok('getCube', { params: { cubeId: hidden } })
      const cid = (cube as { cid?: string }).cid ?? ''
      expect(cid).toMatch(/^bafy/)
      const stranger = new TestRoot().org
      const answers = []
      for (const path of [
        `/obj/${cid}`,
        `/obj/${cidOf(new Uint8Array(1), 'object')}`,
        '/obj/nothing',
        `/blob/${cidOf(new Uint8Array(1), 'raw')}`,
        `/log/${root.org}/memory`,
        `/log/${stranger}/main`,
        '/log/nobody/main',
        `/log/${stranger}/main/head`,
        `/tail/${stranger}/main`,
      ]) {
        const problem = await problemOf(await follower.get(path))
        answers.push({ ...problem, requestId: '' })
      }
      for (const answer of answers) expect(answer).toEqual(answers[0])
      expect(answers[0]).toMatchObject({ status: 404, code: 'not_found' })
    })

    it('speaks MIP-CBOR to who reads it, and refuses what the routes do not have', async () => {
      const { root, follower } = await published()
      const refused = await follower.get('/obj/nothing', { headers: { accept: MIP_CBOR_TYPE } })
      expect([refused.status, refused.headers.get('content-type')]).toEqual([404, MIP_CBOR_TYPE])
      expect(decodeMipCbor(new Uint8Array(await refused.arrayBuffer()))).toEqual({ error: 'not_served' })
      expect(await problemOf(await follower.get(`/log/${root.org}/main?from=-1`))).toMatchObject({
        code: 'invalid_request',
        field: 'from',
      })
      expect(await problemOf(await follower.get('/hello', { method: 'DELETE' }))).toMatchObject({
        code: 'method_not_allowed',
      })
      const junk = await follower.get('/proof', { method: 'POST', body: new Uint8Array([1, 2, 3]) })
      expect(decodeMipCbor(new Uint8Array(await junk.arrayBuffer()))).toEqual({ answer: 'refused' })
      const huge = await follower.get('/proof', { method: 'POST', body: new Uint8Array(70_000) })
      expect(await problemOf(huge)).toMatchObject({ code: 'payload_too_large' })
    })

    it('hears of a new entry while it waits for one', async () => {
      const { admin, root, follower } = await published()
      await publish(admin, await remember(admin, ['First.']))
      const tail = follower.bytes(`/tail/${root.org}/memory?from=1`)
      await publish(admin, await remember(admin, ['Second.']))
      const { entries } = (await decodePage(await tail)) as { entries: unknown[] }
      expect(entries).toHaveLength(1)
    })

    it('publishes a cube once for each revision, and many at a time', async () => {
      const { admin, follower } = await published()
      const ids = await remember(
        admin,
        Array.from({ length: 500 }, (_, i) => `Berth ${i} is free.`),
      )
      const made = await publish(admin, ids)
      expect(made.items.filter(({ outcome }) => outcome === 'published')).toHaveLength(500)
      expect(made.seq).toBe(499)
      const again = await publish(admin, ids.slice(0, 3))
      expect(again.items.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged', 'unchanged'])
      expect(again.seq).toBe(499)
      await admin.ok('updateCube', {
        params: { cubeId: ids[1] ?? '' },
        body: { mode: 'overwrite', content: 'Berth 1 is taken.' } as never,
      })
      const changed = await publish(admin, ids.slice(0, 3))
      expect(changed.items.map(({ outcome, seq }) => [outcome, seq])).toEqual([
        ['unchanged', null],
        ['published', 500],
        ['unchanged', null],
      ])
      const main = await follower.follow('main')
      const { entries } = await follower.follow('memory', main.state)
      expect(entries).toHaveLength(501)
      expect(entries.at(-1)?.entry.sum).toMatchObject({ cube: ids[1], rev: 2 })
    })

    it('publishes what a filter finds in a namespace', async () => {
      const { admin } = await published()
      await remember(admin, ['Pilots wait outside.'], { tags: ['pilots'] })
      await remember(admin, ['Anchors are heavy.'])
      const body = { namespace: 'default', filter: { field: 'tags', op: 'contains', value: 'pilots' }, log: 'pilots' }
      const made = await admin.ok('publishMemories', { body: body as never })
      expect(made).toMatchObject({ log: 'pilots', seq: 0, nextCursor: null })
      expect(made.items).toHaveLength(1)
    })

    it('keeps sensitive cubes back unless they are allowed by name, or goes without what makes them so', async () => {
      const { admin, follower } = await published()
      const ids = await remember(admin, ['Mail ana@example.com about the harbour.'])
      const stated = await remember(admin, ['The harbour master is ill.'], { sensitivity: 'personal' })
      const refused = await publish(admin, [...ids, ...stated])
      expect(refused.items.map(({ outcome, reason }) => [outcome, reason])).toEqual([
        ['refused', 'personal'],
        ['refused', 'personal'],
      ])
      expect(refused.seq).toBe(-1)
      const redacted = await publish(admin, [...ids, ...stated], { redact: true })
      expect(redacted.items.map(({ outcome, reason }) => [outcome, reason])).toEqual([
        ['published', undefined],
        ['refused', 'not_redactable'],
      ])
      const [copy] = redacted.items
      expect(copy?.publishedAs).not.toBe(ids[0])
      const revision = verifyRevision(copy?.cid as Cid, await follower.object(copy?.cid ?? ''))
      expect(JSON.stringify(revision)).not.toContain('ana@example.com')
      expect((await publish(admin, ids, { redact: true })).items[0]?.outcome).toBe('unchanged')
      const allowed = await publish(admin, stated, { allow: ['personal'] })
      expect(allowed.items[0]?.outcome).toBe('published')
    })

    it('serves what two cubes name until the last of them is gone', async () => {
      const { admin, follower } = await published()
      const text = LONG_TEXT.slice(100)
      const [one = '', two = '', three = ''] = await remember(admin, [text, text, text])
      await publish(admin, [one, two, three])
      const blob = `/blob/${cidOf(new TextEncoder().encode(text), 'raw')}`
      const status = async () => {
        const response = await follower.get(blob, { headers: { range: 'bytes=0-9' } })
        await response.arrayBuffer()
        return response.status
      }
      expect(await status()).toBe(206)
      await admin.ok('revokePublished', { body: { cubeIds: [one as never], reason: 'error' } })
      expect(await status()).toBe(206)
      await admin.ok('deleteCube', { params: { cubeId: two } })
      expect(await status()).toBe(206)
      await admin.ok('deleteCube', { params: { cubeId: three } })
      expect(await status()).toBe(404)
    })

    it('serves a redacted copy no longer than its original is there', async () => {
      const { admin, follower } = await published()
      const [cubeId = ''] = await remember(admin, ['Write to ana@example.com about the berth.'])
      const [copy] = (await publish(admin, [cubeId], { redact: true })).items
      expect(copy?.publishedAs).not.toBe(cubeId)
      await follower.object(copy?.cid ?? '')
      await admin.ok('deleteCube', { params: { cubeId } })
      expect((await follower.get(`/obj/${copy?.cid}`)).status).toBe(404)
    })

    it('revokes: the entry tells peers, and what it named is served no longer', async () => {
      const { admin, follower } = await published()
      const ids = await remember(admin, ['Tell everybody.', LONG_TEXT.slice(50)])
      const made = await publish(admin, ids)
      const cid = made.items[0]?.cid ?? ''
      const blob = cidOf(new TextEncoder().encode(LONG_TEXT.slice(50)), 'raw')
      await follower.object(cid)
      const revoked = await admin.ok('revokePublished', { body: { cubeIds: ids as never, reason: 'legal' } })
      expect(revoked).toMatchObject({ revoked: ids, unchanged: [], seq: 3 })
      for (const path of [`/obj/${cid}`, `/blob/${blob}`]) expect((await follower.get(path)).status).toBe(404)
      const main = await follower.follow('main')
      const { entries } = await follower.follow('memory', main.state)
      expect(entries.at(-1)?.entry).toMatchObject({
        op: 'cube.revoke',
        sum: { cube: ids[1], reason: 'legal', scope: 'cube' },
      })
      const again = await admin.ok('revokePublished', { body: { cubeIds: ids as never, reason: 'legal' } })
      expect(again).toMatchObject({ revoked: [], unchanged: ids, seq: 3 })
      expect((await publish(admin, ids)).items.map(({ reason }) => reason)).toEqual(['revoked', 'revoked'])
      const [other = ''] = await remember(admin, ['Never out.'])
      const unknown = await admin.refused('revokePublished', { body: { cubeIds: [other as never], reason: 'error' } })
      expect(unknown).toMatchObject({ code: 'not_found', field: 'cubeIds.0' })
    })

    it('serves nothing of a cube that was deleted', async () => {
      const { admin, follower } = await published()
      const ids = await remember(admin, ['Delete me.'])
      const { items } = await publish(admin, ids)
      await admin.ok('deleteCube', { params: { cubeId: ids[0] ?? '' } })
      expect((await follower.get(`/obj/${items[0]?.cid}`)).status).toBe(404)
    })

    it('takes what the root signs later: rotation, renewal, a revoked key', async () => {
      const { admin, root, follower } = await published()
      const { publishingKey, delegations } = await admin.ok('getMipIdentity', {})
      const after = crypto.getRandomValues(new Uint8Array(32))
      const rotation = root.after(await signRotation(root.end, root.nextSeed, after, root.signer()))
      const rotated = await admin.ok('appendMipEntries', { body: { entries: [wireText(rotation)], delegations: [] } })
      expect(rotated.root).not.toBe(root.org)
      expect(rotated.org).toBe(root.org)
      await publish(admin, await remember(admin, ['Under a new root.']))
      const sum = { delegation: delegations[0]?.address ?? '', lastSeq: 0, log: 'memory' }
      const revoke = root.after(await signAsRoot(root.end, { op: 'org.revoke-key', sum }, root.signer(root.nextSeed)))
      await admin.ok('appendMipEntries', { body: { entries: [wireText(revoke)] } })
      const cubeIds = (await remember(admin, ['Too late.'])) as never
      expect(await admin.refused('publishMemories', { body: { cubeIds } })).toMatchObject({
        code: 'mip_refused',
        reason: 'key_revoked',
      })
      const renewal = await root.grantTo(publishingKey)
      // The first root has handed over: what it still signs counts for nothing.
      const late = await signDelegate(root.end, renewal, root.signer())
      expect(
        await admin.refused('appendMipEntries', {
          body: { entries: [wireText(late)], delegations: [wireText(renewal)] },
        }),
      ).toMatchObject({ code: 'mip_refused', reason: 'unknown_key', field: 'entries.0' })
      const main = await follower.follow('main')
      expect(main.entries).toHaveLength(4)
      expect((await follower.follow('memory', main.state)).entries).toHaveLength(1)
    })

    it('refuses a delegation that has expired, or is for another log', async () => {
      const expired = await tenant()
      await initOrganisation(expired.admin, { nbf: Date.now() - 2 * DAY_MS, exp: Date.now() - DAY_MS })
      const narrow = await tenant()
      await initOrganisation(narrow.admin, { pol: { log: 'other' } })
      const reasons = []
      for (const { admin } of [expired, narrow]) {
        const cubeIds = (await remember(admin, ['Out?'])) as never
        reasons.push((await admin.refused('publishMemories', { body: { cubeIds } })).reason)
      }
      expect(reasons).toEqual(['delegation_expired', 'key_revoked'])
      const fits = await publish(narrow.admin, await remember(narrow.admin, ['Out.']), { log: 'other' })
      expect(fits.items[0]?.outcome).toBe('published')
    })

    it('refuses a first request that is forged, of another organisation, or no first request', async () => {
      const { admin } = await tenant()
      const { publishingKey } = await admin.ok('getMipIdentity', {})
      const root = new TestRoot()
      const { entries, delegations } = await root.first(publishingKey)
      const refused = (body: { entries: string[]; delegations?: string[] }) =>
        admin.refused('createMipIdentity', { body })
      const forged = `${entries[0]?.slice(0, -4)}AAAA`
      expect(await refused({ entries: [forged] })).toMatchObject({ code: 'mip_refused', reason: 'bad_signature' })
      expect(await refused({ entries })).toMatchObject({
        code: 'mip_refused',
        reason: 'delegation_missing',
        field: 'entries.1',
      })
      expect(await refused({ entries: entries.slice(1), delegations })).toMatchObject({
        code: 'invalid_request',
        field: 'entries.0',
      })
      expect(await refused({ entries: ['AAAA'] })).toMatchObject({ code: 'mip_refused', reason: 'not_canonical' })
      expect((await admin.ok('getMipIdentity', {})).org).toBeNull()
      await admin.ok('createMipIdentity', { body: { entries, delegations } })
      await admin.ok('createMipIdentity', { body: { entries, delegations } })
      const other = await new TestRoot().first(publishingKey)
      expect(await refused({ entries: other.entries, delegations: other.delegations })).toMatchObject({
        code: 'already_exists',
      })
      const thief = await tenant()
      expect(await thief.admin.refused('createMipIdentity', { body: { entries, delegations } })).toMatchObject({
        code: 'invalid_request',
        field: 'delegations',
      })
      const { publishingKey: second } = await thief.admin.ok('getMipIdentity', {})
      expect(await thief.admin.refused('createMipIdentity', { body: await bodyOf(root, second) })).toMatchObject({
        code: 'already_exists',
      })
    })

    it('lets nobody take the identity of an organisation elsewhere by sending its public entries', async () => {
      const elsewhere = new TestRoot()
      const { entries, delegations } = await elsewhere.first(new TestRoot().org)
      const { admin } = await tenant()
      for (const count of [1, 2])
        expect(
          await admin.refused('createMipIdentity', { body: { entries: entries.slice(0, count), delegations } }),
        ).toMatchObject({ code: 'invalid_request', field: 'delegations' })
      expect((await admin.ok('getMipIdentity', {})).org).toBeNull()
      expect((await edge().fetch(`/mip/v1/log/${elsewhere.org}/main`)).status).toBe(404)
      // The organisation itself can still come here.
      const own = await tenant()
      const { publishingKey } = await own.admin.ok('getMipIdentity', {})
      await own.admin.ok('createMipIdentity', { body: await bodyOf(elsewhere, publishingKey) })
    })

    it('is for keys with the scope that reach the whole organisation', async () => {
      const { admin } = await published()
      const plain = await admin.newKey({ scopes: ['memory:read', 'memory:write'] })
      expect((await plain.refused('getMipIdentity', {})).code).toBe('forbidden')
      const narrowed = await admin.newKey({ scopes: ['mip', 'memory:read'], namespaces: ['default'] })
      expect((await narrowed.refused('getMipIdentity', {})).code).toBe('forbidden')
    })
  })
}

/** Genesis again, and a delegation to another key. */
async function bodyOf(root: TestRoot, publishingKey: string) {
  root.end = { org: root.org, epoch: 0, seq: -1, cid: null }
  const { entries, delegations } = await root.first(publishingKey)
  return { entries, delegations }
}

const decodePage = async (bytes: Uint8Array) => decodeMipCbor(bytes, bytes.length)

const textOf = async (response: Response) => new TextDecoder().decode(await response.arrayBuffer())
