import { expect, it } from 'vitest'
import type { Fact } from '../../schemas/facts.ts'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'

const MARCH = '2026-03-01T00:00:00.000Z'
const MAY = '2026-05-01T00:00:00.000Z'
const JUNE = '2026-06-01T00:00:00.000Z'
/** A fact id that nothing has. */
const NO_FACT = '0'.repeat(32)

async function evidence(caller: Caller, content: string, more: object = {}): Promise<string> {
  return (await caller.ok('createCube', { body: { content, ...more } })).cubeId
}

const lives = (cubeId: string, object: string, validFrom: string, more: object = {}) => ({
  body: { cubeId, subject: 'Ana', predicate: 'lives_in', object, validFrom, ...more },
})

const told = (facts: readonly Fact[]) => facts.map(({ object, validFrom, validTo }) => [object, validFrom, validTo])

/**
 * Goal: statements have a time in the world and a time of knowing; a later one ends an earlier one, reversibly; nobody learns of a fact whose
 * evidence is out of reach.
 * Method: the routes of facts, in and out of order, with keys that may read different cubes.
 */
export function facts(open: OpenEdge) {
  describeEdge('facts', open, (tenant) => {
    it('ends an earlier statement where a later one begins, whatever the order in which they arrive', async () => {
      const { admin } = await tenant()
      const cubeId = await evidence(admin, 'Ana moves a lot.')
      const oslo = await admin.ok('stateFact', lives(cubeId, 'Oslo', MARCH))
      await admin.ok('stateFact', lives(cubeId, 'Paris', JUNE))
      const rome = await admin.ok('stateFact', lives(cubeId, 'Rome', MAY))
      const { items } = await admin.ok('listFacts', { query: { subject: 'ANA', predicate: 'lives_in' } })
      expect(told(items)).toEqual([
        ['Paris', JUNE, null],
        ['Rome', MAY, JUNE],
        ['Oslo', MARCH, MAY],
      ])
      const detail = await admin.ok('getFact', { params: { id: oslo.id } })
      expect(detail.supersededBy).toBe(rome.id)
      expect(detail.links.filter(({ undoneAt }) => undoneAt === null)).toMatchObject([
        { relation: 'superseded_by', factId: rome.id, previousTo: null },
      ])
    })

    it('answers what held at a time, and what was known of it at another', async () => {
      const { admin } = await tenant()
      const cubeId = await evidence(admin, 'Ana moves a lot.')
      const first = await admin.ok('stateFact', lives(cubeId, 'Oslo', MARCH))
      await expect
        .poll(async () => (await admin.ok('stateFact', lives(cubeId, 'Rome', MAY))).recordedAt)
        .not.toBe(first.recordedAt)
      const at = async (query: object) =>
        told((await admin.ok('listFacts', { query: { subject: 'ana', ...query } })).items)
      expect(await at({ validAt: '2026-04-01T00:00:00Z' })).toEqual([['Oslo', MARCH, MAY]])
      expect(await at({ validAt: '2026-05-15T00:00:00Z' })).toEqual([['Rome', MAY, null]])
      expect(await at({ validAt: '2026-05-15T00:00:00Z', knownAt: first.recordedAt })).toEqual([['Oslo', MARCH, null]])
      expect(await at({ validAt: '2026-01-01T00:00:00Z' })).toEqual([])
      expect(await at({ knownAt: '2020-01-01T00:00:00Z' })).toEqual([])
    })

    it('links contradictions and ends neither, confirms what is said again, closes what is over', async () => {
      const { admin } = await tenant()
      const [one, two] = [await evidence(admin, 'one'), await evidence(admin, 'two')]
      const oslo = await admin.ok('stateFact', lives(one, 'Oslo', MARCH))
      const rome = await admin.ok('stateFact', lives(two, 'Rome', MARCH))
      expect(rome).toMatchObject({ validTo: null, links: [{ relation: 'contradicts', factId: oslo.id }] })
      expect((await admin.ok('stateFact', lives(two, 'Rome', MARCH))).id).toBe(rome.id)
      const again = await admin.ok('stateFact', lives(one, 'Rome', MAY))
      expect(again).toMatchObject({ validTo: null, links: [{ relation: 'supersedes', factId: oslo.id }] })
      expect((await admin.ok('getFact', { params: { id: rome.id } })).validTo).toBeNull()
      await admin.ok('stateFact', lives(one, 'Rome', JUNE, { ended: true }))
      expect((await admin.ok('getFact', { params: { id: rome.id } })).validTo).toBe(JUNE)
    })

    it('undoes a supersession and retracts a statement, twice without harm', async () => {
      const { admin } = await tenant()
      const cubeId = await evidence(admin, 'Ana moves a lot.')
      const oslo = await admin.ok('stateFact', lives(cubeId, 'Oslo', MARCH, { validTo: JUNE }))
      const rome = await admin.ok('stateFact', lives(cubeId, 'Rome', MAY))
      const params = { id: rome.id }
      for (let times = 0; times < 2; times++) {
        const undone = await admin.ok('undoFact', { params, body: {} })
        expect(undone.links).toMatchObject([{ relation: 'supersedes', previousTo: JUNE, undoneAt: expect.any(String) }])
        expect((await admin.ok('getFact', { params: { id: oslo.id } })).validTo).toBe(JUNE)
      }
      await admin.ok('stateFact', lives(cubeId, 'Lima', '2026-04-01T00:00:00Z'))
      for (let times = 0; times < 2; times++) {
        const { retractedAt } = await admin.ok('retractFact', { params })
        expect(retractedAt).not.toBeNull()
      }
      const { items } = await admin.ok('listFacts', { query: { subject: 'ana' } })
      expect(told(items)).toEqual([
        ['Lima', '2026-04-01T00:00:00.000Z', null],
        ['Oslo', MARCH, '2026-04-01T00:00:00.000Z'],
      ])
    })

    it('shows no fact of a cube that may not be read, nor that one ended another', async () => {
      const { admin } = await tenant()
      const reader = await admin.newKey({ scopes: ['memory:read', 'memory:write'] })
      const open = await evidence(admin, 'Ana lives in Oslo.')
      const secret = await evidence(admin, 'Ana hides in Rome.', { sensitivity: 'secret' })
      const oslo = await admin.ok('stateFact', lives(open, 'Oslo', MARCH))
      const rome = await admin.ok('stateFact', lives(secret, 'Rome', MAY))
      const paris = await admin.ok('stateFact', lives(open, 'Paris', JUNE))
      const seen = async (caller: Caller) => told((await caller.ok('listFacts', { query: { subject: 'ana' } })).items)
      expect(await seen(admin)).toEqual([
        ['Paris', JUNE, null],
        ['Rome', MAY, JUNE],
        ['Oslo', MARCH, MAY],
      ])
      expect(await seen(reader)).toEqual([
        ['Paris', JUNE, null],
        ['Oslo', MARCH, JUNE],
      ])
      const ofReader = await reader.ok('getFact', { params: { id: oslo.id } })
      expect(ofReader).toMatchObject({ validTo: JUNE, supersededBy: paris.id })
      expect(JSON.stringify(ofReader)).not.toContain(rome.id)
      const absent = await reader.refused('getFact', { params: { id: NO_FACT } })
      for (const refused of [
        await reader.refused('getFact', { params: { id: rome.id } }),
        await reader.refused('retractFact', { params: { id: rome.id } }),
        await reader.refused('undoFact', { params: { id: rome.id }, body: {} }),
        await reader.refused('stateFact', lives(secret, 'Lima', JUNE)),
      ])
        expect(refused).toMatchObject({ status: 404, code: absent.code, title: absent.title })
    })

    it('keeps organisations and users apart', async () => {
      const [one, other] = [await tenant(), await tenant()]
      const cubeId = await evidence(one.admin, 'Ana lives in Oslo.', { userId: 'ana' })
      const fact = await one.admin.ok('stateFact', lives(cubeId, 'Oslo', MARCH))
      const own = await one.admin.newKey({ scopes: ['memory:read'], subject: { kind: 'user', id: 'ana' } })
      const stranger = await one.admin.newKey({
        scopes: ['memory:read', 'memory:write'],
        subject: { kind: 'user', id: 'bo' },
      })
      expect((await own.ok('listFacts', { query: {} })).items).toHaveLength(1)
      for (const caller of [stranger, other.admin]) {
        expect(await caller.refused('getFact', { params: { id: fact.id } })).toMatchObject({ status: 404 })
        expect(await caller.refused('retractFact', { params: { id: fact.id } })).toMatchObject({ status: 404 })
        expect(await caller.refused('stateFact', lives(cubeId, 'Rome', MAY))).toMatchObject({ status: 404 })
      }
      expect(await stranger.refused('listFacts', { query: { userId: 'ana' } })).toMatchObject({ status: 404 })
    })

    it('lists every fact once over pages, and refuses the cursor of another list', async () => {
      const { admin } = await tenant()
      const cubeId = await evidence(admin, 'Ana likes much.')
      for (let n = 0; n < 7; n++)
        await admin.ok('stateFact', {
          body: { cubeId, subject: 'Ana', predicate: 'likes', object: `thing ${n}`, validFrom: MARCH },
        })
      const found: string[] = []
      let cursor: string | undefined
      do {
        const page = await admin.ok('listFacts', { query: { limit: 3, ...(cursor === undefined ? {} : { cursor }) } })
        found.push(...page.items.map(({ object }) => object))
        cursor = page.nextCursor ?? undefined
        if (cursor !== undefined)
          expect(await admin.refused('listFacts', { query: { subject: 'bo', cursor } })).toMatchObject({
            code: 'invalid_cursor',
          })
      } while (cursor !== undefined)
      expect(found.toSorted()).toEqual(Array.from({ length: 7 }, (_, n) => `thing ${n}`))
    })

    it('erases facts with their evidence and lets hold again what they had ended', async () => {
      const { admin } = await tenant()
      const [one, two, three] = [
        await evidence(admin, 'one'),
        await evidence(admin, 'two'),
        await evidence(admin, 'three'),
      ]
      await admin.ok('stateFact', lives(one, 'Oslo', MARCH))
      const rome = await admin.ok('stateFact', lives(two, 'Rome', MAY))
      await admin.ok('stateFact', lives(three, 'Paris', JUNE))
      await admin.ok('deleteCube', { params: { cubeId: two } })
      const list = async () => told((await admin.ok('listFacts', { query: { subject: 'ana' } })).items)
      expect(await list()).toEqual([
        ['Paris', JUNE, null],
        ['Oslo', MARCH, JUNE],
      ])
      expect(await admin.refused('getFact', { params: { id: rome.id } })).toMatchObject({ status: 404 })
      await admin.ok('deleteCube', { params: { cubeId: three } })
      expect(await list()).toEqual([['Oslo', MARCH, null]])
    })

    it('refuses what is no statement, naming the field', async () => {
      const { admin } = await tenant()
      const cubeId = await evidence(admin, 'Ana.')
      const bad: [object, string][] = [
        [{ predicate: 'lives in' }, 'predicate'],
        [{ object: ' ' }, 'object'],
        [{ validTo: MARCH }, 'validTo'],
        [{ subject: '...' }, 'subject'],
        [{ confidence: 2 }, 'confidence'],
        [{ cubeId: 'x' }, 'cubeId'],
      ]
      for (const [more, field] of bad)
        expect(await admin.refused('stateFact', lives(cubeId, 'Oslo', MARCH, more))).toMatchObject({
          status: 400,
          field,
        })
    })

    it('leaves out of searches what is no longer valid, unless another time is asked for', async () => {
      const { admin } = await tenant()
      const old = await evidence(admin, 'The harbour office is in Oslo.', { validTo: '2020-01-01T00:00:00Z' })
      const now = await evidence(admin, 'The harbour office is in Rome.', { validFrom: '2020-01-01T00:00:00Z' })
      const found = async (more: object = {}) =>
        (await admin.ok('search', { body: { query: 'harbour office', ...more } })).results
          .map(({ cube }) => cube.cubeId)
          .toSorted()
      expect(await found()).toEqual([now])
      expect(await found({ validAt: '2019-06-01T00:00:00Z' })).toEqual([old])
      expect(await found({ includeInvalid: true })).toEqual([old, now].toSorted())
      const ended = { field: 'validTo', op: 'lt', value: '2021-01-01T00:00:00Z' }
      expect(await found({ includeInvalid: true, filter: ended })).toEqual([old])
      const { text } = await admin.ok('context', { body: { query: 'harbour office', validAt: '2019-06-01T00:00:00Z' } })
      expect(text).toContain('Oslo')
      expect(text).not.toContain('Rome')
      const cube = await admin.ok('updateCube', { params: { cubeId: now }, body: { validTo: '2021-01-01T00:00:00Z' } })
      expect(cube.descriptive).toMatchObject({
        validFrom: '2020-01-01T00:00:00.000Z',
        validTo: '2021-01-01T00:00:00.000Z',
      })
      expect(await found()).toEqual([])
      const open = await admin.ok('updateCube', { params: { cubeId: now }, body: { validTo: null } })
      expect(open.descriptive.validTo).toBeNull()
      expect(await found()).toEqual([now])
      const wrong = { params: { cubeId: now }, body: { validTo: '2019-01-01T00:00:00Z' } }
      expect(await admin.refused('updateCube', wrong)).toMatchObject({ status: 400, field: 'validTo' })
    })

    it('marks in a context what was superseded, by which entry, and the newest statement', async () => {
      const { admin } = await tenant()
      const one = await evidence(admin, 'Ana lives in Oslo near the harbour.', { saidAt: '2025-03-01T00:00:00Z' })
      const two = await evidence(admin, 'Ana lives in Rome near the harbour.', { saidAt: '2025-05-01T00:00:00Z' })
      await evidence(admin, 'The harbour was painted.', { saidAt: '2025-06-01T00:00:00Z' })
      await admin.ok('stateFact', lives(one, 'Oslo', '2025-03-01T00:00:00Z'))
      await admin.ok('stateFact', lives(two, 'Rome', '2025-05-01T00:00:00Z'))
      const { text } = await admin.ok('context', { body: { query: 'harbour' } })
      expect(text.split('\n').slice(1)).toEqual([
        '[1] 2025-03-01 (superseded by [2]): Ana lives in Oslo near the harbour.',
        '[2] 2025-05-01 (newest): Ana lives in Rome near the harbour.',
        '[3] 2025-06-01: The harbour was painted.',
      ])
    })
  })
}
