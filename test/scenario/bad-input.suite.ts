import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import * as limits from '../../schemas/limits.ts'
import { type Caller, describeEdge, type OpenEdge, problemOf } from '../support/edge.ts'
import { BODIES, FIELDS, JSON_TYPE, LIMITS, many, type WrongRequest } from './bad-input-cases.ts'

const DAY_MS = 86_400_000

/**
 * Goal: whatever is sent, the answer says what was wrong and where, and nothing was written.
 * Method: tables of requests, each wrong in one way; the organisation is counted before and after each.
 */
export function badInput(open: OpenEdge) {
  describeEdge('bad input', open, (tenant) => {
    let admin: Caller
    beforeAll(async () => {
      admin = (await tenant()).admin
      await admin.ok('remember', { body: { text: 'the only memory' } })
    })
    afterEach(async () => {
      expect(await admin.ok('getUsage', {})).toMatchObject({ cubes: 1, bytes: 15 })
      expect((await admin.ok('listNamespaces', {})).items).toHaveLength(1)
      expect((await admin.ok('listKeys', {})).items).toHaveLength(1)
    })

    const refuse = async ({
      to = 'POST /v1/cubes',
      body,
      raw,
      headers = JSON_TYPE,
      status = 400,
      code = 'invalid_request',
      field,
    }: WrongRequest) => {
      const [method = '', path = ''] = to.split(' ')
      const bytes = raw ?? (body === undefined ? undefined : JSON.stringify(body))
      const init = bytes === undefined ? {} : { body: bytes, headers }
      const problem = await problemOf(await admin.raw(method, path, init))
      expect(problem).toMatchObject({
        status,
        code,
        field: field instanceof RegExp ? expect.stringMatching(field) : field,
      })
      expect(problem.expected ?? code).toBeTruthy()
    }

    describe('of a body', () => {
      it.each(Object.entries(BODIES))('refuses %s', (_, wrong) => refuse(wrong))
    })
    describe('of a field', () => {
      it.each(Object.entries(FIELDS))('refuses %s', (_, wrong) => refuse(wrong))
    })
    describe('beyond a limit', () => {
      it.each(Object.entries(LIMITS))('refuses %s', (_, wrong) => refuse(wrong()))
    })

    it('lets no field reach the prototype of objects', async () => {
      const probe: Record<string, unknown> = {}
      for (const body of ['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}'])
        await admin.raw('POST', '/v1/cubes', { body, headers: JSON_TYPE })
      expect(probe.polluted).toBeUndefined()
    })
  })

  describeEdge('the widest input that is allowed', open, (tenant) => {
    it('is stored and given back', async () => {
      const { admin } = await tenant()
      const body = {
        content: 'é'.repeat(limits.CONTENT_INLINE_BYTES_MAX / 2),
        title: '\u{1f600}'.repeat(limits.TITLE_LENGTH_MAX / 2),
        tags: many(limits.TAGS_MAX, (n) => `${'é'.repeat(limits.TAG_LENGTH_MAX - 2)}${String(n).padStart(2, '0')}`),
        metadata: Object.fromEntries(many(limits.METADATA_KEYS_MAX, (n) => [`k${n}`, n])),
        session: 's'.repeat(limits.NAME_LENGTH_MAX),
        speaker: 'ß'.repeat(limits.NAME_LENGTH_MAX),
        userId: '\u4e2d'.repeat(limits.NAME_LENGTH_MAX),
        saidAt: Date.now() + limits.CLOCK_SKEW_MS_MAX - DAY_MS / 100,
        expiresAt: '9999-12-31T23:59:59Z',
      }
      const { cubeId } = await admin.ok('createCube', { body })
      const read = await admin.ok('getCube', { params: { cubeId } })
      expect(read).toMatchObject({
        content: body.content,
        metadata: body.metadata,
        descriptive: { title: body.title, tags: body.tags },
      })
    })

    it.each([0, 1])('content of the inline limit and %i more bytes is stored', async (more) => {
      const { admin } = await tenant()
      const content = 'x'.repeat(limits.CONTENT_INLINE_BYTES_MAX + more)
      const { cubeId } = await admin.ok('createCube', { body: { content } })
      expect((await admin.ok('getCube', { params: { cubeId } })).content).toBe(content)
    })

    it('content of the largest size is stored, found and deleted', async () => {
      const { admin } = await tenant()
      const content = `${'wort '.repeat(limits.CONTENT_BYTES_MAX / 5 - 5)}kaleidoskop`
      const { cubeId } = await admin.ok('createCube', { body: { content } })
      const { results } = await admin.ok('search', { body: { query: 'kaleidoskop' } })
      expect(results[0]?.cube.content).toBe(content)
      await admin.ok('deleteCube', { params: { cubeId } })
    })

    it('a query of the largest size is answered', async () => {
      const { admin } = await tenant()
      await admin.ok('remember', { body: { text: 'word99 of many' } })
      const query = many(1200, (n) => `word${n}`)
        .join(' ')
        .slice(0, limits.QUERY_LENGTH_MAX)
      expect((await admin.ok('search', { body: { query } })).results).toHaveLength(1)
    })

    it('text with every awkward character comes back as it was', async () => {
      const { admin } = await tenant()
      const content = `a\u0000b\u0001\u001f\u007f\u0085\u2028\u2029\ufeff\ufffd\uffff "quotes" 'single' \\ \`tick\` <b> &amp; %00 \${x} ; --`
      const { cubeId } = await admin.ok('createCube', {
        body: { content, title: 'o\'clock \n -- "x"', metadata: { a: '\'\u0000"' } },
      })
      const read = await admin.ok('getCube', { params: { cubeId } })
      expect(read.content).toBe(content)
      expect(read.metadata).toEqual({ a: '\'\u0000"' })
      expect(read.descriptive.title).toBe('o\'clock \n -- "x"')
    })
  })
}
