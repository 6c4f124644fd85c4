import { packTar, type TarHeader, unpackTar } from 'modern-tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemosError } from '../../schemas/errors.ts'
import { ARCHIVE_BATCH_ITEMS_MAX, CONTENT_INLINE_BYTES_MAX } from '../../schemas/limits.ts'
import { sealPart } from '../../worker/infrastructure/archive/archive-part.ts'
import { seededRandom, startSeed } from '../conformance/seeded-random.ts'
import { openDeployment, type Place, streamOf } from './archive-fixture.ts'

const LONG_TEXT = `A long diary about herons. ${'The heron stood still by the water. '.repeat(1500)}`
const EMPTY = { created: 0, updated: 0, unchanged: 0, skipped: [] }

let here: Awaited<ReturnType<typeof openDeployment>>
let there: Awaited<ReturnType<typeof openDeployment>>
let source: Place
let ids: string[]
let archive: Uint8Array

beforeAll(async () => {
  here = await openDeployment()
  there = await openDeployment()
  source = await here.place('garden')
  ids = await source.remember([
    {
      content: 'Alice grows saffron on the balcony.',
      title: 'Balcony',
      tags: ['plants'],
      priority: 'high',
      metadata: { zone: 'south', area: 3 },
      speaker: 'Alice',
      role: 'user',
      session: 'spring',
      saidAt: '2026-03-05T09:30:00Z',
    },
    { content: 'The watering can leaks.', session: 'spring', sensitivity: 'personal' },
    { content: 'A turn that will be gone.', session: 'spring' },
    {
      content: 'The gate code is under the flower pot.',
      session: 'spring',
      sensitivity: 'secret',
      expiresAt: '2030-01-01T00:00:00Z',
    },
    { content: LONG_TEXT, semanticType: 'event', origin: { kind: 'inference', ref: 'diary-7' } },
  ])
  await source.revise(ids[0] ?? '', 'She harvests it in October.')
  await source.revise(ids[0] ?? '', 'The bulbs came from Navelli.')
  await source.forget(ids[2] ?? '')
  const grants = [{ subject: { kind: 'user', id: 'bob' }, access: 'read' }] as const
  await source.session.vault.apply([await source.session.permissions.replaceGrants(source.row, grants)])
  archive = await source.export()
})

afterAll(async () => {
  await here.close()
  await there.close()
})

const entriesOf = async (bytes: Uint8Array) =>
  (await unpackTar(bytes)).map(({ header, data }) => ({ name: header.name, text: new TextDecoder().decode(data) }))

const refusal = async (work: Promise<unknown>): Promise<MemosError> => {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof MemosError)) throw new Error(`expected a MemosError, got ${String(error)}`)
  return error
}

describe('the archive of a namespace', () => {
  it('brings back records, revisions, blobs, sessions and grants in another deployment', async () => {
    const target = await there.place('copy')
    expect(await target.import(archive)).toEqual({ ...EMPTY, created: 4 })
    expect(await target.contents()).toEqual(await source.contents())
    expect(await target.session.namespaces.grants(target.row.id)).toEqual([
      { subject: { kind: 'user', id: 'bob' }, access: 'read' },
    ])
    expect(LONG_TEXT.length).toBeGreaterThan(CONTENT_INLINE_BYTES_MAX)
    expect((await there.blobs.list(`cubes/${target.orgId}/`)).length).toBe(1)
    expect((await target.found('saffron from Navelli'))[0]).toContain('Navelli')
    expect((await target.found('diary about herons'))[0]).toBe(LONG_TEXT)
    expect(await sameParts(await target.export(), archive)).toBe(true)
    const next = await target.remember([{ content: 'A new turn.', session: 'spring' }])
    const places = (await target.contents()).filter((one) => one.session === 'spring').map((one) => one.record.position)
    expect(next.length).toBe(1)
    expect(places).toEqual([0, 1, 3, 4])
    for (const id of [...ids.filter((one) => one !== ids[2]), ...next]) await target.forget(id)
  })

  it('is the same bytes every time, and ends with the checksums of its entries', async () => {
    expect(await source.export()).toEqual(archive)
    const names = (await entriesOf(archive)).map((entry) => entry.name.replace(/baf[a-z2-7]+/, 'CID'))
    expect(names).toEqual(['manifest.json', 'cubes-000001.jsonl', 'blobs/CID', 'grants.json', 'checksums.json'])
  })

  it('changes nothing when it is imported again, and brings newer revisions only', async () => {
    const target = await there.place('again')
    const [first = ''] = await source.remember([{ content: 'The shed was painted green.' }])
    const before = await source.export()
    await target.import(before)
    expect(await target.import(before)).toEqual({ ...EMPTY, unchanged: 5 })
    await source.revise(first, 'Then blue.')
    expect(await target.import(await source.export())).toEqual({ ...EMPTY, updated: 1, unchanged: 4 })
    expect(await target.contents()).toEqual(await source.contents())
    expect((await target.found('shed blue'))[0]).toBe('The shed was painted green.\nThen blue.')
    expect(await target.import(before)).toEqual({ ...EMPTY, unchanged: 5 })
    await target.revise(first, 'Then grey, here only.')
    await source.revise(first, 'Then red, there only.')
    expect(await target.import(await source.export())).toEqual({
      ...EMPTY,
      unchanged: 4,
      skipped: [{ line: 5, reason: 'another_history' }],
    })
    await source.forget(first)
    for (const { record } of await target.contents()) await target.forget(record.cubeId)
  })

  it('leaves out secret cubes and grants without the scopes for them', async () => {
    const plain = await here.place('elsewhere', { orgId: source.orgId, scopes: ['memory:read', 'memory:write'] })
    const archives = Object.assign(plain, { row: source.row })
    const entries = await entriesOf(await archives.export())
    expect(entries.map((entry) => entry.name)).not.toContain('grants.json')
    expect(entries[1]?.text).not.toContain(ids[3])
  })

  it('does not widen access for a key that may not administrate', async () => {
    const plain = await there.place('guest', { scopes: ['memory:read', 'memory:write'] })
    expect(await plain.import(archive)).toEqual({
      ...EMPTY,
      created: 4,
      skipped: [{ line: 0, reason: 'grants_not_permitted' }],
    })
    expect(await plain.session.namespaces.grants(plain.row.id)).toEqual([])
    // The secret cube is there, and out of sight for its own importer.
    expect(await plain.import(archive)).toEqual({
      ...EMPTY,
      unchanged: 3,
      skipped: [
        { line: 3, reason: 'id_in_use' },
        { line: 0, reason: 'grants_not_permitted' },
      ],
    })
  })

  it('tells of a cube in another organisation or namespace only that its id is in use', async () => {
    const stranger = await here.place('stranger')
    const sibling = await here.place('sibling', { orgId: source.orgId })
    const all = [1, 2, 3, 4].map((line) => ({ line, reason: 'id_in_use' }))
    const before = await source.contents()
    expect(await stranger.import(archive)).toEqual({ ...EMPTY, skipped: all })
    expect(await sibling.import(archive)).toEqual({ ...EMPTY, skipped: all })
    expect(await source.contents()).toEqual(before)
    expect(await here.blobs.list(`cubes/${stranger.orgId}/`)).toEqual([])
  })
})

describe('a cube with more history than an archive line holds', () => {
  it('goes out with its newest revisions, which import and are followed by newer ones', async () => {
    const other = await openDeployment()
    const target = await other.place('copy')
    const origin = await here.place('wordy')
    const [id = ''] = await origin.remember([{ content: 'start' }])
    for (let round = 0; round < 105; round++) await origin.revise(id, `${round} ${'word '.repeat(6000)}`, 'overwrite')
    expect(await target.import(await origin.export())).toEqual({ ...EMPTY, created: 1 })
    await origin.revise(id, 'the end', 'overwrite')
    expect(await target.import(await origin.export())).toEqual({ ...EMPTY, updated: 1 })
    const [[copy], [whole]] = [await target.contents(), await origin.contents()]
    expect(copy?.record).toEqual(whole?.record)
    expect(copy?.revisions.length).toBeGreaterThan(90)
    expect(copy?.revisions).toEqual(whole?.revisions.slice(0, copy?.revisions.length))
    expect(whole?.revisions.length).toBe(107)
    await other.close()
  })
})

describe('an interrupted or damaged import', () => {
  it('keeps whole parts and goes on from there', async () => {
    const many = await here.place('many')
    const padding = 'and so on '.repeat(250)
    for (let at = 0; at < 1200; at += 400) {
      await many.remember(
        Array.from({ length: 400 }, (_, i) => ({ content: `Fact ${at + i} ${padding}`, session: `s${i % 7}` })),
      )
    }
    const bytes = await many.export()
    const sizes = (await entriesOf(bytes))
      .filter(({ name }) => PART.test(name))
      .map(({ text }) => text.split('\n').length - 2)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(ARCHIVE_BATCH_ITEMS_MAX)
    const other = await openDeployment()
    const target = await other.place('resumed')
    const error = await refusal(target.import(streamOf(bytes.slice(0, -20_000))))
    expect(error.code).toBe('invalid_archive')
    const kept = (await target.contents()).length
    const wholeParts = sizes.map((_, at) => sizes.slice(0, at).reduce((sum, size) => sum + size, 0))
    expect(kept).toBeGreaterThan(0)
    expect(wholeParts).toContain(kept)
    expect(await target.import(bytes)).toEqual({ ...EMPTY, created: 1200 - kept, unchanged: kept })
    expect(await target.contents()).toEqual(await many.contents())
    await other.close()
  })

  it('refuses an archive that is too much for the quota, and leaves no blobs behind', async () => {
    const other = await openDeployment()
    const small = await other.place('small', { cubesMax: 3 })
    expect((await refusal(small.import(archive))).code).toBe('quota_exceeded')
    expect(await small.contents()).toEqual([])
    expect(await other.blobs.list('cubes/')).toEqual([])
    await other.close()
  })

  const seed = startSeed()
  it(`refuses a part or a blob in which any one byte differs (SEED=${seed})`, async () => {
    const other = await openDeployment()
    const target = await other.place('damaged')
    const random = seededRandom(seed)
    const spans = await spansOf(archive, /^(?:cubes-|blobs\/)/)
    for (let round = 0; round < 150; round++) {
      const [from, to] = spans[round % spans.length] ?? [0, 0]
      const at = from + random(to - from)
      const damaged = archive.slice()
      damaged[at] = (damaged[at] ?? 0) ^ (1 + random(255))
      const error = await refusal(target.import(damaged))
      expect(error.code, `byte ${at}`).toBe('invalid_archive')
      expect(await target.contents(), `byte ${at}`).toEqual([])
    }
    expect(await other.blobs.list('cubes/')).toEqual([])
    await other.close()
  })

  it('names entry and line of what is wrong', async () => {
    const other = await openDeployment()
    const target = await other.place('strict')
    expect((await refusal(target.import(new TextEncoder().encode('not a tar archive')))).code).toBe('invalid_archive')
    expect((await refusal(target.import(new Uint8Array()))).code).toBe('invalid_archive')
    const short = (await unpackTar(archive)).slice(0, -1)
    expect((await refusal(target.import(await packTar(short)))).facts.field).toBe('checksums.json')
    const swapped = (await unpackTar(archive)).map((entry) => (PART.test(entry.header.name) ? withLine(entry) : entry))
    const error = await refusal(target.import(await packTar(swapped)))
    expect(error.facts.field).toBe('cubes-000001.jsonl line 2 record priority')
    expect((await target.contents()).length).toBe(4)
    await other.close()
  })
})

describe('a redacted archive', () => {
  it('holds nothing of what it blanks, and imports beside the original', async () => {
    const original = await here.place('people')
    const [first = ''] = await original.remember([
      {
        content: 'Write to ada@example.org or call +44 20 7946 0958.',
        title: 'Ada',
        speaker: 'Ada',
        metadata: { phone: '020 7946 0958', zone: 'north' },
        tags: ['ada@example.org'],
      },
      { content: 'It rained on 2026-03-05.', speaker: 'Bo' },
    ])
    await original.revise(first, 'IBAN GB82 WEST 1234 5698 7654 32, card 4111 1111 1111 1111.')
    const bytes = await original.export('patterns,speaker,metadata.zone')
    expect(await original.export('speaker,patterns,metadata.zone')).toEqual(bytes)
    const copy = await here.place('copy-of-people', { orgId: original.orgId })
    expect(await copy.import(bytes)).toEqual({ ...EMPTY, created: 2 })
    const [ada, rain] = await copy.session.cubes.walk(copy.row.id, 10, 0)
    expect(ada?.content).toBe('Write to [email] or call [phone].\nIBAN [iban], card [card].')
    expect(ada?.cube).toMatchObject({
      title: 'Ada',
      speaker: null,
      tags: ['[email]'],
      metadata: { phone: '[phone]' },
      revision: 1,
    })
    expect(ada?.revision.lineage).toEqual([
      { cid: (await original.session.cubes.get(first)).cube.cid, relation: 'derived' },
    ])
    expect(ada?.cube.provenanceId).toBe(first)
    expect(rain?.content).toBe('It rained on 2026-03-05.')
    expect(JSON.stringify(rain?.revision)).not.toContain('Bo')
    const line = JSON.parse((await entriesOf(bytes))[1]?.text.split('\n')[0] ?? '')
    expect(line.redacted).toEqual(['content', 'metadata.phone', 'metadata.zone', 'speaker', 'tags'])
    expect(line.revisions.length).toBe(1)
  })

  it('can blank titles and whole texts, and refuses names that it does not know', async () => {
    const entries = await entriesOf(await source.export('content,title'))
    const copy = await there.place('blank')
    await copy.import(await source.export('content,title'))
    const cubes = await copy.session.cubes.walk(copy.row.id, 10, 0)
    expect(cubes.map((cube) => cube.content)).toEqual(cubes.map(() => '[redacted]'))
    expect(entries.some((entry) => entry.text.includes('saffron') || entry.text.includes('Balcony'))).toBe(false)
    expect(entries.some((entry) => entry.name.startsWith('blobs/'))).toBe(false)
    const error = await refusal(source.export('everything'))
    expect(error.facts.field).toBe('redact')
  })
})

const PART = /^cubes-/

/** The part with an unknown word in its second line, under a seal that fits. */
function withLine(entry: { header: TarHeader; data?: Uint8Array }) {
  const [first = '', second = '', ...rest] = new TextDecoder().decode(entry.data).split('\n').slice(0, -2)
  const data = sealPart(1, [first, second.replace('"priority":"mid"', '"priority":"urgent"'), ...rest])
  return { header: { ...entry.header, size: data.length }, data: new Uint8Array(data) }
}

/** Whether two archives hold the same cubes and blobs. */
async function sameParts(a: Uint8Array, b: Uint8Array): Promise<boolean> {
  const parts = async (bytes: Uint8Array) =>
    JSON.stringify((await entriesOf(bytes)).filter(({ name }) => /^(?:cubes-|blobs\/)/.test(name)))
  return (await parts(a)) === (await parts(b))
}

/** Where the bytes of entries lie in a ustar archive: headers are 512 bytes, bodies are padded to 512. */
async function spansOf(bytes: Uint8Array, names: RegExp): Promise<[from: number, to: number][]> {
  const spans: [number, number][] = []
  let at = 0
  for (const { header } of await unpackTar(bytes)) {
    at += 512
    if (names.test(header.name)) spans.push([at, at + header.size])
    at += Math.ceil(header.size / 512) * 512
  }
  return spans
}
