import { expect, it } from 'vitest'
import { type Caller, describeEdge, type OpenEdge, problemOf } from '../support/edge.ts'

const keyed = (key: string) => ({ 'idempotency-key': key })

async function cubesOf(caller: Caller): Promise<number> {
  return (await caller.ok('getUsage', {})).cubes
}

/**
 * Goal: a client that does not know whether its request arrived may send it again.
 * Method: the same request twice, one after the other and at once; another body, another caller, another operation under one key.
 */
export function idempotency(open: OpenEdge) {
  describeEdge('idempotency keys', open, (tenant) => {
    it.each(['remember', 'createCube', 'createCubes'] as const)(
      'gives one answer and one effect for %s',
      async (name) => {
        const { admin } = await tenant()
        const body = {
          remember: { text: 'once' },
          createCube: { content: 'once' },
          createCubes: { cubes: [{ content: 'once' }] },
        }[name]
        const send = () => admin.send(name, { body: body as never, headers: keyed('k-1') })
        const first = await send()
        expect(first.status).toBe(201)
        expect(first.headers.get('idempotent-replayed')).toBeNull()
        const again = await send()
        expect(again.headers.get('idempotent-replayed')).toBe('true')
        expect(again.status).toBe(201)
        expect(await again.json()).toEqual(await first.json())
        expect(await cubesOf(admin)).toBe(1)
      },
    )

    it('has one effect when a request arrives many times at once', async () => {
      const { admin } = await tenant()
      const body = { text: 'sent by an impatient client' }
      const responses = await Promise.all(
        Array.from({ length: 8 }, () => admin.send('remember', { body, headers: keyed('burst') })),
      )
      for (const response of responses.filter(({ status }) => status !== 201)) {
        expect(response.headers.get('retry-after')).toBe('1')
        expect(await problemOf(response)).toMatchObject({ status: 409, code: 'idempotency_in_progress' })
      }
      const made = responses.filter(({ status }) => status === 201)
      expect(made.length).toBeGreaterThan(0)
      const answers = new Set(await Promise.all(made.map((response) => response.text())))
      answers.add(await (await admin.send('remember', { body, headers: keyed('burst') })).text())
      expect(answers.size).toBe(1)
      expect(await cubesOf(admin)).toBe(1)
    })

    it('refuses the key for another body or another operation', async () => {
      const { admin } = await tenant()
      await admin.ok('remember', { body: { text: 'one' }, headers: keyed('k') })
      const other = await admin.refused('remember', { body: { text: 'two' }, headers: keyed('k') })
      expect(other).toMatchObject({ status: 409, code: 'idempotency_conflict', field: 'Idempotency-Key' })
      const elsewhere = await admin.refused('createUser', { body: { id: 'one' }, headers: keyed('k') })
      expect(elsewhere).toMatchObject({ code: 'idempotency_conflict' })
      expect(await cubesOf(admin)).toBe(1)
    })

    it('lets a refused request be repaired under the same key', async () => {
      const { admin } = await tenant()
      const bad = { text: 'later', namespace: 'nowhere' }
      expect(await admin.refused('remember', { body: bad, headers: keyed('fix') })).toMatchObject({ code: 'not_found' })
      await admin.ok('remember', { body: { text: 'later' }, headers: keyed('fix') })
      expect(await cubesOf(admin)).toBe(1)
    })

    it('never repeats the secret of a new key', async () => {
      const { admin } = await tenant()
      const body = { name: 'shown once' }
      const { secret } = await admin.ok('createKey', { body, headers: keyed('new-key') })
      const again = await admin.send('createKey', { body, headers: keyed('new-key') })
      const text = await again.clone().text()
      expect(text).not.toContain(secret)
      expect(await problemOf(again)).toMatchObject({ status: 409, code: 'already_exists' })
      const { items } = await admin.ok('listKeys', {})
      expect(items.filter(({ name }) => name === 'shown once')).toHaveLength(1)
    })

    it('keeps the keys of callers and of organisations apart', async () => {
      const { admin } = await tenant()
      const { admin: stranger } = await tenant()
      const alice = await admin.newKey({ subject: { kind: 'user', id: 'alice' } })
      const bob = await admin.newKey({ subject: { kind: 'user', id: 'bob' } })
      const receipts = new Set<string>()
      for (const caller of [admin, stranger, alice, bob]) {
        const { cubes } = await caller.ok('remember', { body: { text: 'mine' }, headers: keyed('same-key') })
        receipts.add(cubes[0]?.cubeId ?? '')
      }
      expect(receipts.size).toBe(4)
    })

    it('answers a repeated search from the memory of now: a deleted cube does not come back', async () => {
      const { admin } = await tenant()
      const { cubes } = await admin.ok('remember', { body: { text: 'The falcon nests on the tower.' } })
      const search = () => admin.ok('search', { body: { query: 'falcon' }, headers: keyed('search') })
      expect((await search()).results).toHaveLength(1)
      await admin.ok('deleteCube', { params: { cubeId: cubes[0]?.cubeId ?? '' } })
      expect((await search()).results).toEqual([])
    })

    it('runs each upload, whatever key it comes with', async () => {
      const { admin } = await tenant()
      const other = await tenant()
      const archives: ArrayBuffer[] = []
      for (const name of ['first', 'second']) {
        await other.admin.ok('createNamespace', { body: { name, layer: 'shared' } })
        await other.admin.ok('remember', { body: { text: `from the ${name} archive`, namespace: name } })
        archives.push(await (await other.admin.raw('GET', `/v1/export?namespace=${name}`)).arrayBuffer())
        await other.admin.ok('deleteNamespace', { params: { name } })
      }
      const reports = []
      for (const body of [...archives, ...archives]) {
        const response = await admin.raw('POST', '/v1/import?namespace=default', {
          body,
          headers: { 'content-type': 'application/octet-stream', ...keyed('upload') },
        })
        expect(response.headers.get('idempotent-replayed')).toBeNull()
        reports.push(await response.json())
      }
      expect(reports).toMatchObject([{ created: 1 }, { created: 1 }, { created: 0 }, { created: 0 }])
      expect(await cubesOf(admin)).toBe(2)
    })

    it('does not repeat a created cube to a caller who may not read it any more', async () => {
      const { admin } = await tenant()
      const create = () => admin.send('createCube', { body: { content: 'gone soon' }, headers: keyed('gone') })
      const { cubeId } = (await (await create()).json()) as { cubeId: string }
      await admin.ok('deleteCube', { params: { cubeId } })
      expect(await problemOf(await create())).toMatchObject({ status: 404, code: 'not_found' })
      expect(await cubesOf(admin)).toBe(0)
    })

    it.each(['', 'with space', 'ü'.normalize('NFC'), 'x'.repeat(129)])('refuses the key %j', async (key) => {
      const { admin } = await tenant()
      if (/[^\0-\xff]/.test(key)) return
      const response = await admin.send('remember', { body: { text: 'x' }, headers: keyed(key) }).catch(() => null)
      // An empty header value may be dropped on the way; then the request is an ordinary one.
      if (response === null || (key === '' && response.status === 201)) return
      expect(await problemOf(response)).toMatchObject({ status: 400, field: 'Idempotency-Key' })
    })
  })
}
