import { beforeAll, expect, it } from 'vitest'
import type { Filter } from '../../schemas/filter.ts'
import { FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, FILTER_VALUES_MAX } from '../../schemas/limits.ts'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'

const CUBES = [
  {
    content: 'pear one',
    tags: ['fruit', "it's"],
    metadata: { year: 2024, kind: 'a', ripe: true },
    saidAt: '2024-05-01T00:00:00Z',
    session: 's1',
  },
  {
    content: 'pear two',
    tags: ['fruit', '50%'],
    metadata: { year: 2025, kind: 'b"c' },
    saidAt: '2025-05-01T00:00:00Z',
    speaker: 'Ana',
  },
  {
    content: 'pear three',
    tags: [],
    metadata: { year: 2026, ripe: false },
    saidAt: '2026-05-01T00:00:00Z',
    priority: 'high',
    title: "Robert'); drop table cubes;--",
  },
] as const

const nested = (depth: number, leaf: Filter): Filter => (depth <= 1 ? leaf : { not: nested(depth - 1, leaf) })
const condition = (n: number): Filter => ({ field: 'metadata.year', op: 'ne', value: n })

/**
 * Goal: a filter means what it says, whatever its values contain, and none is too much for the database.
 * Method: three cubes and every operator; then depth, width and values at and beyond their limits; queries full of operators of SQL and FTS.
 */
export function filters(open: OpenEdge) {
  describeEdge('filters and hostile queries', open, (tenant) => {
    let admin: Caller
    beforeAll(async () => {
      admin = (await tenant()).admin
      for (const cube of CUBES) await admin.ok('createCube', { body: { ...cube, tags: [...cube.tags] } })
    })
    const found = async (filter: Filter, query = 'pear') => {
      const { results } = await admin.ok('search', { body: { query, filter } })
      return results.map(({ cube }) => cube.content?.split(' ')[1]).toSorted()
    }

    it.each<[string, Filter, string[]]>([
      ['eq on metadata', { field: 'metadata.kind', op: 'eq', value: 'a' }, ['one']],
      ['a default operator', { field: 'metadata.year', value: 2025 } as Filter, ['two']],
      ['ne, absent values included', { field: 'metadata.kind', op: 'ne', value: 'a' }, ['three', 'two']],
      [
        'gt and lte',
        {
          and: [
            { field: 'metadata.year', op: 'gt', value: 2024 },
            { field: 'metadata.year', op: 'lte', value: 2025 },
          ],
        },
        ['two'],
      ],
      ['a tag', { field: 'tags', op: 'contains', value: 'fruit' }, ['one', 'two']],
      ['a tag with an apostrophe', { field: 'tags', op: 'eq', value: "it's" }, ['one']],
      ['a tag with a wildcard', { field: 'tags', op: 'in', value: ['50%'] }, ['two']],
      ['no wildcard of LIKE', { field: 'tags', op: 'contains', value: '%' }, []],
      ['a value with a quote', { field: 'metadata.kind', op: 'eq', value: 'b"c' }, ['two']],
      ['no tags', { field: 'tags', op: 'exists', value: false }, ['three']],
      ['absent metadata', { field: 'metadata.ripe', op: 'exists', value: false }, ['two']],
      ['true', { field: 'metadata.ripe', op: 'eq', value: true }, ['one']],
      ['false', { field: 'metadata.ripe', op: 'eq', value: false }, ['three']],
      ['times', { field: 'saidAt', op: 'gte', value: '2025-05-01T00:00:00Z' }, ['three', 'two']],
      ['times in milliseconds', { field: 'saidAt', op: 'lt', value: Date.parse('2025-01-01') }, ['one']],
      ['a session', { field: 'session', op: 'eq', value: 's1' }, ['one']],
      ['a speaker', { field: 'speaker', op: 'in', value: ['Ana', 'Bob'] }, ['two']],
      ['nin, absent values included', { field: 'speaker', op: 'nin', value: ['Ana'] }, ['one', 'three']],
      ['text that contains', { field: 'title', op: 'contains', value: "'); DROP TABLE" }, ['three']],
      ['a priority', { field: 'priority', op: 'eq', value: 'high' }, ['three']],
      [
        'or',
        {
          or: [
            { field: 'metadata.kind', op: 'eq', value: 'a' },
            { field: 'priority', op: 'eq', value: 'high' },
          ],
        },
        ['one', 'three'],
      ],
      ['not', { not: { field: 'tags', op: 'contains', value: 'fruit' } }, ['three']],
      ['not of an absent value', { not: { field: 'metadata.kind', op: 'eq', value: 'a' } }, ['three', 'two']],
      [
        'and, or and not together',
        {
          and: [
            { field: 'tags', op: 'contains', value: 'fruit' },
            {
              not: {
                or: [
                  { field: 'metadata.year', op: 'lt', value: 2025 },
                  { field: 'metadata.year', op: 'gt', value: 2026 },
                ],
              },
            },
          ],
        },
        ['two'],
      ],
      ['SQL in a value', { field: 'metadata.kind', op: 'eq', value: "a' or 1=1 --" }, []],
      ['an empty list', { field: 'speaker', op: 'in', value: [] }, []],
      ['a type', { field: 'memoryType', op: 'eq', value: 'plaintext' }, ['one', 'three', 'two']],
    ])('understands %s', async (_, filter, expected) => {
      expect(await found(filter)).toEqual(expected)
    })

    it.each<[string, unknown]>([
      ['an unknown field', { field: 'content', op: 'eq', value: 'x' }],
      ['a name that every object has', { field: 'constructor', op: 'eq', value: 'x' }],
      ['another one', { field: '__proto__', op: 'exists' }],
      ['SQL as a metadata key', { field: "metadata.a' or 1=1 --", op: 'eq', value: 1 }],
      ['an unknown operator', { field: 'tags', op: 'like', value: 'x' }],
      ['in without a list', { field: 'speaker', op: 'in', value: 'Ana' }],
      ['eq with a list', { field: 'speaker', op: 'eq', value: ['Ana'] }],
      ['eq without a value', { field: 'speaker', op: 'eq' }],
      ['gt on tags', { field: 'tags', op: 'gt', value: 'x' }],
      ['no time', { field: 'saidAt', op: 'gt', value: 'yesterday' }],
      ['an object as value', { field: 'speaker', op: 'eq', value: { $ne: null } }],
      ['and beside or', { and: [condition(1)], or: [condition(2)] }],
      ['an empty and', { and: [] }],
      ['a list', [condition(1)]],
      ['null', null],
      [
        'too many values',
        { field: 'metadata.year', op: 'in', value: Array.from({ length: FILTER_VALUES_MAX + 1 }, (_, n) => n) },
      ],
    ])('refuses %s', async (_, filter) => {
      const problem = await admin.refused('search', { body: { query: 'pear', filter: filter as Filter } })
      expect(problem).toMatchObject({ status: 400, code: 'invalid_request', field: expect.stringMatching(/^filter/) })
    })

    it('takes a filter of every depth up to the limit and refuses deeper ones without falling over', async () => {
      for (let depth = 1; depth <= FILTER_DEPTH_MAX; depth++)
        expect(await found(nested(depth, { field: 'metadata.kind', op: 'eq', value: 'a' }))).toEqual(
          depth % 2 === 1 ? ['one'] : ['three', 'two'],
        )
      const headers = { 'content-type': 'application/json' }
      for (const depth of [FILTER_DEPTH_MAX + 1, 50, 20_000]) {
        const filter = `${'{"not":'.repeat(depth - 1)}{"field":"tags","op":"exists"}${'}'.repeat(depth - 1)}`
        const response = await admin.raw('POST', '/v1/search', { body: `{"query":"pear","filter":${filter}}`, headers })
        expect(response.status).toBe(400)
        expect(await response.json()).toMatchObject({ code: 'invalid_request', field: 'filter' })
      }
    })

    it.each(['and', 'or'] as const)(
      'takes as many conditions under %s as the limit says, and not one more',
      async (word) => {
        const many = (count: number) => ({ [word]: Array.from({ length: count }, (_, n) => condition(n)) }) as Filter
        expect(await found(many(FILTER_CONDITIONS_MAX))).toEqual(['one', 'three', 'two'])
        expect(
          await admin.refused('search', { body: { query: 'pear', filter: many(FILTER_CONDITIONS_MAX + 1) } }),
        ).toMatchObject({ field: 'filter' })
      },
    )

    it('takes the widest filter there is from the most narrowed key, in words, vectors and context', async () => {
      const { admin: other } = await tenant()
      const subject = { kind: 'user', id: 'u1' } as const
      const key = await other.newKey({ subject, namespaces: ['user:u1'] })
      await key.ok('createCube', {
        body: { content: 'pear in the common bowl', embedding: { model: 'm', values: [1, 0] }, session: 's' },
      })
      await key.ok('createCube', {
        body: { content: 'common pear', embedding: { model: 'm', values: [0, 1] }, session: 't' },
      })
      const kinds: Filter[] = [
        { field: 'tags', op: 'nin', value: ['x', 'y'] },
        { field: 'session', op: 'ne', value: 'z' },
        { not: { field: 'title', op: 'contains', value: 'z' } },
        { field: 'saidAt', op: 'gt', value: 0 },
      ]
      const wide: Filter = {
        and: Array.from({ length: FILTER_CONDITIONS_MAX }, (_, n) => kinds[n % kinds.length] as Filter),
      }
      const query = 'the common pear in a bowl of some kind that is quite long and has very many words'
      for (const more of [{}, { vector: [1, 0] }, { vector: [1, 0], mode: 'vector' as const }]) {
        const { results } = await key.ok('search', { body: { query, filter: wide, ...more } })
        expect(results.length).toBeGreaterThan(0)
      }
      expect((await key.ok('context', { body: { query, filter: wide } })).citations).toHaveLength(2)
    })

    it.each([
      '"',
      '*',
      'pear*',
      '"pear',
      'pear"',
      'NEAR(pear one)',
      'pear NEAR/3 one',
      '-pear',
      'pear -one',
      "'; drop table cubes; --",
      'pear AND OR NOT',
      'content:pear',
      '(pear',
      '^pear',
      '{pear}',
      'pear + one',
      '\\pear\\',
      'pear%',
      'pear_',
      '#{pear}',
      '{{pear}}',
      'pear\u0000one',
      'pear\ud83d\ude00',
      '\u202epear',
      '??? !!!',
      '.',
      '/*',
      '0x',
      '1e999',
      'null',
      '@@assistant',
      '@ana',
    ])('answers the query %j', async (query) => {
      const { results } = await admin.ok('search', { body: { query } })
      if (/\bpear\b/.test(query) && !/[*]/.test(query)) expect(results.length, query).toBeGreaterThan(0)
      await admin.ok('context', { body: { query } })
      expect((await admin.ok('getUsage', {})).cubes).toBe(3)
    })

    it('takes list filters with syntax of SQL in them as plain text', async () => {
      for (const tag of ["'", '"', '%', '_', "' or '1'='1", '\\', ';'])
        expect((await admin.ok('listCubes', { query: { tag, session: tag } })).items).toEqual([])
      expect((await admin.ok('listCubes', { query: { tag: "it's" } })).items).toHaveLength(1)
    })
  })
}
