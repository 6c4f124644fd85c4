import { expect, it } from 'vitest'
import { CONTENT_INLINE_BYTES_MAX } from '../../schemas/limits.ts'
import { type Caller, describeEdge, type OpenEdge, problemOf } from '../support/edge.ts'

const LONG_TEXT = `${'The ferry to the island left at dawn ⛴. '.repeat(1500)}The last word is ambergris.`
const NONE = { created: 0, updated: 0, unchanged: 0, skipped: [] }
/** An odd size, so that no reader can rely on where the pieces are cut. */
const PIECE_BYTES = 4093

const MEMORIES = [
  { content: 'Alice grows saffron on the balcony.', title: 'Balcony', tags: ['plants'], speaker: 'Alice' },
  { content: 'The watering can leaks.', session: 'spring', metadata: { zone: 'south', area: 3 } },
  { content: 'The gate code is under the flower pot.', session: 'spring', sensitivity: 'secret' as const },
  { content: LONG_TEXT, semanticType: 'event', origin: { kind: 'inference' as const, ref: 'diary-7' } },
]

async function exportOf(caller: Caller, namespace: string, redact?: string): Promise<Uint8Array> {
  const response = await caller.send('exportNamespace', {
    query: { namespace, ...(redact === undefined ? {} : { redact }) },
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/x-tar')
  return new Uint8Array(await response.arrayBuffer())
}

const sendImport = (caller: Caller, namespace: string, body: BodyInit, format = 'memos') =>
  caller.raw('POST', `/v1/import?namespace=${namespace}&format=${format}`, { body })

async function importInto(caller: Caller, namespace: string, body: BodyInit, format = 'memos'): Promise<unknown> {
  const response = await sendImport(caller, namespace, body, format)
  const text = await response.text()
  expect(response.status, text.slice(0, 600)).toBe(200)
  return JSON.parse(text)
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, at + PIECE_BYTES))
      at += PIECE_BYTES
    },
  })
}

const blobOf = (bytes: Uint8Array): Blob => new Blob([bytes as Uint8Array<ArrayBuffer>])

/** Every cube without its use counters: reading moves them, and archives leave them out. */
const listed = async (caller: Caller, namespace: string) => {
  const { items } = await caller.ok('listCubes', { query: { namespace, limit: 200 } })
  const cubes = await Promise.all(items.map(({ cubeId }) => caller.ok('getCube', { params: { cubeId } })))
  // Whatever was looked at in between is activated.
  return cubes.map(({ behavioural: { state }, ...cube }) => ({
    ...cube,
    state: ['activated', 'merged'].includes(state) ? 'generated' : state,
  }))
}

const firstFound = async (caller: Caller, namespace: string, query: string) =>
  (await caller.ok('search', { body: { query, namespaces: [namespace] } })).results[0]?.cube.content

const openShared = (caller: Caller, name: string) => caller.ok('createNamespace', { body: { name, layer: 'shared' } })

/** A namespace with the memories above, one of them revised. */
async function garden(caller: Caller): Promise<string[]> {
  await openShared(caller, 'garden')
  const cubes = MEMORIES.map((memory) => ({ ...memory, namespace: 'garden' }))
  const made = await caller.ok('createCubes', { body: { cubes } })
  const ids = made.cubes.map(({ cubeId }) => cubeId)
  const params = { cubeId: ids[0] ?? '' }
  await caller.ok('updateCube', { params, body: { mode: 'append', content: 'The bulbs came from Navelli.' } })
  return ids
}

/**
 * Goal: memory leaves and comes back whole, and comes in from other systems, on either host.
 * Method: export, erase, import and compare what the API answers before and after; damaged files must leave nothing behind.
 */
export function portability(open: OpenEdge) {
  describeEdge('portability', open, (tenant) => {
    it('brings back an erased namespace from its archive: revisions, long texts, secrets, search', async () => {
      const { admin } = await tenant()
      const ids = await garden(admin)
      const before = await listed(admin, 'garden')
      const archive = await exportOf(admin, 'garden')
      expect(await exportOf(admin, 'garden')).toEqual(archive)
      await admin.ok('deleteNamespace', { params: { name: 'garden' } })
      expect(await admin.refused('getCube', { params: { cubeId: ids[0] ?? '' } })).toMatchObject({ code: 'not_found' })
      await openShared(admin, 'garden')
      expect(await importInto(admin, 'garden', streamOf(archive))).toEqual({ ...NONE, created: MEMORIES.length })
      expect(await listed(admin, 'garden')).toEqual(before)
      const { items } = await admin.ok('listRevisions', { params: { cubeId: ids[0] ?? '' } })
      expect(items.map(({ number }) => number)).toEqual([2, 1])
      expect(await firstFound(admin, 'garden', 'saffron Navelli')).toContain('Navelli')
      expect(await firstFound(admin, 'garden', 'watering can')).toBe('The watering can leaks.')
      expect(await firstFound(admin, 'garden', 'gate code')).toContain('flower pot')
      expect(await firstFound(admin, 'garden', 'ambergris')).toBe(LONG_TEXT)
      expect(LONG_TEXT.length).toBeGreaterThan(CONTENT_INLINE_BYTES_MAX)
    })

    it('changes nothing when an archive is imported again, and tells other places only that the ids are in use', async () => {
      const [{ admin }, stranger] = [await tenant(), await tenant()]
      await garden(admin)
      const archive = await exportOf(admin, 'garden')
      const before = await listed(admin, 'garden')
      for (const body of [streamOf(archive), blobOf(archive)])
        expect(await importInto(admin, 'garden', body)).toEqual({ ...NONE, unchanged: MEMORIES.length })
      expect(await listed(admin, 'garden')).toEqual(before)
      await openShared(stranger.admin, 'garden')
      const skipped = MEMORIES.map((_, at) => ({ line: at + 1, reason: 'id_in_use' }))
      expect(await importInto(stranger.admin, 'garden', streamOf(archive))).toEqual({ ...NONE, skipped })
      expect(await listed(stranger.admin, 'garden')).toEqual([])
    })

    it('carries more cubes than one part of an archive holds', async () => {
      const { admin } = await tenant()
      await openShared(admin, 'many')
      const cubes = Array.from({ length: 600 }, (_, n) => ({ content: `Fact number ${n}`, namespace: 'many' }))
      await admin.ok('createCubes', { body: { cubes } })
      const archive = await exportOf(admin, 'many')
      await admin.ok('deleteNamespace', { params: { name: 'many' } })
      await openShared(admin, 'many')
      expect(await importInto(admin, 'many', streamOf(archive))).toEqual({ ...NONE, created: cubes.length })
      expect((await admin.ok('getUsage', {})).cubes).toBe(cubes.length)
      expect(await firstFound(admin, 'many', 'fact 599')).toBe('Fact number 599')
    })

    it('takes in files of mem0 and MemOS, again without change', async () => {
      const { admin } = await tenant()
      await openShared(admin, 'other')
      const mem0 = JSON.stringify({
        results: [
          { id: 'm1', memory: 'Prefers trains to planes', run_id: 'r1', categories: ['travel'] },
          { id: 'm2', memory: '' },
        ],
      })
      const textual = JSON.stringify([
        { id: 'a1', memory: 'Kai is allergic to walnuts.', metadata: { key: 'Walnuts', session_id: 'intake' } },
        { id: 'a2', memory: LONG_TEXT, metadata: {} },
      ])
      const skipped = [{ line: 2, reason: 'no_text' }]
      expect(await importInto(admin, 'other', mem0, 'mem0')).toEqual({ ...NONE, created: 1, skipped })
      expect(await importInto(admin, 'other', mem0, 'mem0')).toEqual({ ...NONE, unchanged: 1, skipped })
      expect(await importInto(admin, 'other', textual, 'memos-textual')).toEqual({ ...NONE, created: 2 })
      expect(await importInto(admin, 'other', textual, 'memos-textual')).toEqual({ ...NONE, unchanged: 2 })
      expect(await firstFound(admin, 'other', 'trains or planes')).toBe('Prefers trains to planes')
      expect(await firstFound(admin, 'other', 'walnut allergy')).toBe('Kai is allergic to walnuts.')
      expect(await firstFound(admin, 'other', 'ambergris')).toBe(LONG_TEXT.trim())
    })

    it('refuses what is no archive, or not a whole one, and writes nothing', async () => {
      const { admin } = await tenant()
      await garden(admin)
      const archive = await exportOf(admin, 'garden')
      await admin.ok('deleteNamespace', { params: { name: 'garden' } })
      await openShared(admin, 'garden')
      const damaged = archive.slice()
      const middle = archive.length >> 1
      damaged[middle] = (damaged[middle] ?? 0) ^ 1
      const bodies: [string, BodyInit, string?][] = [
        ['text', 'not a tar archive'],
        ['zeros', blobOf(new Uint8Array(2048))],
        ['an archive cut in its first part', blobOf(archive.slice(0, 3000))],
        ['an archive with another bit', streamOf(damaged)],
        ['JSON of another shape', '{"memory":"x"}', 'mem0'],
        ['half of a JSON list', '[{"id":"a1","memory":"half', 'memos-textual'],
        ['a pickle', blobOf(Uint8Array.of(0x80, 4, 0x95, 0, 1)), 'memos-textual'],
      ]
      for (const [what, body, format] of bodies) {
        const problem = await problemOf(await sendImport(admin, 'garden', body, format))
        expect(problem, what).toMatchObject({ status: 400, code: 'invalid_archive' })
        expect(await listed(admin, 'garden'), what).toEqual([])
      }
      expect((await admin.ok('getUsage', {})).cubes).toBe(0)
      expect(await importInto(admin, 'garden', streamOf(archive))).toEqual({ ...NONE, created: MEMORIES.length })
    })

    it('exports a redacted copy that holds nothing of what it blanks', async () => {
      const { admin } = await tenant()
      for (const name of ['people', 'copies']) await openShared(admin, name)
      const content = 'Write to ada@example.org or call +44 20 7946 0958.'
      const body = { content, speaker: 'Ada', metadata: { zone: 'north' }, namespace: 'people' }
      const { cubeId, cid } = await admin.ok('createCube', { body })
      const archive = await exportOf(admin, 'people', 'patterns,speaker,metadata.zone')
      const text = new TextDecoder('latin1').decode(archive)
      for (const secret of ['ada@example.org', '7946 0958', 'north']) expect(text).not.toContain(secret)
      expect(await importInto(admin, 'copies', streamOf(archive))).toEqual({ ...NONE, created: 1 })
      const [copy] = await listed(admin, 'copies')
      expect(copy).toMatchObject({ content: 'Write to [email] or call [phone].', metadata: {} })
      const provenance = await admin.ok('getProvenance', { params: { cubeId: copy?.cubeId ?? '' } })
      expect(provenance.lineage).toMatchObject([{ cid, relation: 'derived' }])
      expect(copy?.cubeId).not.toBe(cubeId)
      expect(await admin.refused('exportNamespace', { query: { namespace: 'people', redact: 'all' } })).toMatchObject({
        code: 'invalid_request',
        field: 'redact',
      })
    })

    it('leaves out secret memory and refuses to write for keys without the scopes', async () => {
      const { admin } = await tenant()
      await garden(admin)
      const reader = await admin.newKey({ scopes: ['memory:read'] })
      const archive = await exportOf(reader, 'garden')
      expect(new TextDecoder('latin1').decode(archive)).toContain('"cubes":3')
      const problem = await problemOf(await sendImport(reader, 'garden', streamOf(archive)))
      expect(problem).toMatchObject({ status: 403, code: 'forbidden' })
    })
  })
}
