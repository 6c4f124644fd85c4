import * as limits from '../../schemas/limits.ts'
import { SCOPES } from '../../schemas/vocabulary.ts'

export const JSON_TYPE = { 'content-type': 'application/json' }
const soon = () => Date.now() + limits.CLOCK_SKEW_MS_MAX + 60_000

/** A request that is wrong in one way, and what its refusal says. */
export interface WrongRequest {
  /** Method and path; default: POST /v1/cubes. */
  to?: string
  body?: unknown
  /** Bytes that are no JSON of ours. */
  raw?: BodyInit
  headers?: Record<string, string>
  status?: number
  code?: string
  field?: string | RegExp
}

const cube = (more: object): WrongRequest['body'] => ({ content: 'x', ...more })
export const many = <T>(count: number, one: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => one(n))

/** Wrong as a whole. */
export const BODIES: Record<string, WrongRequest> = {
  'no body': { field: 'content' },
  'an empty body with a type': { raw: '', headers: JSON_TYPE, field: 'content' },
  'a form': {
    raw: 'content=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupported_media_type',
    field: 'Content-Type',
  },
  'plain text': {
    raw: '{"content":"x"}',
    headers: { 'content-type': 'text/plain' },
    status: 415,
    code: 'unsupported_media_type',
    field: 'Content-Type',
  },
  'a type that only begins like JSON': {
    raw: '{"content":"x"}',
    headers: { 'content-type': 'application/jsonx' },
    status: 415,
    code: 'unsupported_media_type',
    field: 'Content-Type',
  },
  'broken JSON': { raw: '{"content":"x"', headers: JSON_TYPE, code: 'invalid_json', field: 'body' },
  'two values': { raw: '{"content":"x"} {}', headers: JSON_TYPE, code: 'invalid_json', field: 'body' },
  'a NUL byte': { raw: '{"content":"x"}\0', headers: JSON_TYPE, code: 'invalid_json', field: 'body' },
  'broken UTF-8': {
    raw: new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]),
    headers: JSON_TYPE,
    code: 'invalid_encoding',
    field: 'body',
  },
  'UTF-16': {
    raw: new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
    headers: JSON_TYPE,
    code: 'invalid_encoding',
    field: 'body',
  },
  'an encoded surrogate': {
    raw: new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]),
    headers: JSON_TYPE,
    code: 'invalid_encoding',
    field: 'body',
  },
  'a list': { body: [{ content: 'x' }], field: 'body' },
  'a string': { body: 'content', field: 'body' },
  'a number': { body: 7, field: 'body' },
  null: { body: null, field: 'content' },
  'nesting without end': { raw: '['.repeat(200_000), headers: JSON_TYPE, code: 'invalid_json', field: 'body' },
  'deep nesting': {
    raw: `{"content":"x","metadata":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`,
    headers: JSON_TYPE,
    field: /^metadata/,
  },
}

/** Wrong in one field. */
export const FIELDS: Record<string, WrongRequest> = {
  'an unknown field': { body: cube({ colour: 'red' }), field: 'colour' },
  'a field of another case': { body: { Content: 'x' }, field: 'content' },
  'no content': { body: {}, field: 'content' },
  'blank content': { body: { content: ' \n\t ' }, field: 'content' },
  'null content': { body: { content: null }, field: 'content' },
  'content that is a number': { body: { content: 7 }, field: 'content' },
  'content that is an object': { body: { content: { toString: 'x' } }, field: 'content' },
  'a lone surrogate in content': { raw: '{"content":"a\\ud800b"}', headers: JSON_TYPE, field: 'content' },
  'a lone surrogate in a title': { raw: '{"content":"x","title":"\\udc00"}', headers: JSON_TYPE, field: 'title' },
  'a lone surrogate in a tag': { raw: '{"content":"x","tags":["\\ud83d"]}', headers: JSON_TYPE, field: 'tags.0' },
  'a lone surrogate in metadata': {
    raw: '{"content":"x","metadata":{"a":"\\ud83d"}}',
    headers: JSON_TYPE,
    field: 'metadata.a',
  },
  'a lone surrogate in a speaker': { raw: '{"content":"x","speaker":"\\ud83d"}', headers: JSON_TYPE, field: 'speaker' },
  'a lone surrogate in an origin': {
    raw: '{"content":"x","origin":{"ref":"\\ud83d"}}',
    headers: JSON_TYPE,
    field: 'origin.ref',
  },
  'a control character in a session': { body: cube({ session: 'a\u0000b' }), field: 'session' },
  'NUL in a title': { body: cube({ title: 'a\u0000b' }), field: 'title' },
  'NUL in an origin': { body: cube({ origin: { ref: 'a\u0000b' } }), field: 'origin.ref' },
  'a line break in a tag': { body: cube({ tags: ['a\nb'] }), field: 'tags.0' },
  'an empty tag': { body: cube({ tags: [''] }), field: 'tags.0' },
  'tags as a string': { body: cube({ tags: 'a' }), field: 'tags' },
  'tags as an object': { body: cube({ tags: { 0: 'a', length: 1 } }), field: 'tags' },
  'nested metadata': { body: cube({ metadata: { a: { b: 1 } } }), field: 'metadata.a' },
  'null in metadata': { body: cube({ metadata: { a: null } }), field: 'metadata.a' },
  'metadata as a list': { body: cube({ metadata: ['a'] }), field: 'metadata' },
  'a metadata key with a dot': { body: cube({ metadata: { 'a.b': 1 } }), field: /^metadata/ },
  'a metadata key with a quote': { body: cube({ metadata: { "a'": 1 } }), field: /^metadata/ },
  'an endless number in metadata': {
    raw: '{"content":"x","metadata":{"a":1e999}}',
    headers: JSON_TYPE,
    field: 'metadata.a',
  },
  'an unknown role': { body: cube({ role: 'god' }), field: 'role' },
  'an unknown priority': { body: cube({ priority: 1 }), field: 'priority' },
  'an unknown sensitivity': { body: cube({ sensitivity: 'public' }), field: 'sensitivity' },
  'a semantic type in capitals': { body: cube({ semanticType: 'Fact' }), field: 'semanticType' },
  'no language': { body: cube({ language: 'klingon language' }), field: 'language' },
  'lineage that is no address': {
    body: cube({ lineage: [{ cid: 'abc', relation: 'derived' }] }),
    field: 'lineage.0.cid',
  },
  'a time without offset': { body: cube({ saidAt: '2026-01-01T00:00:00' }), field: 'saidAt' },
  'a time that is no time': { body: cube({ saidAt: 'now' }), field: 'saidAt' },
  'a day that does not exist': { body: cube({ saidAt: '2026-02-30T00:00:00Z' }), field: 'saidAt' },
  'a huge time': { body: cube({ saidAt: 1e17 }), field: 'saidAt' },
  'a broken millisecond': { body: cube({ saidAt: 1.5 }), field: 'saidAt' },
  'an expiry in the past': { body: cube({ expiresAt: Date.now() - 1000 }), field: 'expiresAt' },
  'a name of a namespace with a slash': { body: cube({ namespace: 'a/b' }), field: 'namespace' },
  'namespace and user': { body: cube({ namespace: 'a', userId: 'b' }), field: 'userId' },
  'a prototype': { raw: '{"content":"x","__proto__":{"admin":true}}', headers: JSON_TYPE, field: '__proto__' },
  'a prototype in metadata': {
    raw: '{"content":"x","metadata":{"__proto__":{"admin":true}}}',
    headers: JSON_TYPE,
    field: '__proto__',
  },
  'an escaped prototype': { raw: '{"content":"x","\\u005f_proto__":{}}', headers: JSON_TYPE, field: '__proto__' },
  'a constructor': { raw: '{"content":"x","constructor":{"prototype":{}}}', headers: JSON_TYPE, field: 'constructor' },
  'text and messages': {
    to: 'POST /v1/memories',
    body: { text: 'x', messages: [{ content: 'y' }] },
    field: 'messages',
  },
  'neither text nor messages': { to: 'POST /v1/memories', body: {}, field: 'messages' },
  'no messages': { to: 'POST /v1/memories', body: { messages: [] }, field: 'messages' },
  'a wrong message among good ones': {
    to: 'POST /v1/memories',
    body: { messages: [{ content: 'a' }, { content: '' }] },
    field: 'messages.1.content',
  },
  'an unknown field of a message': {
    to: 'POST /v1/memories',
    body: { messages: [{ content: 'a', name: 'x' }] },
    field: 'messages.0.name',
  },
  'a wrong cube among good ones': {
    to: 'POST /v1/cubes/batch',
    body: { cubes: [{ content: 'a' }, { content: 'b', tags: 1 }] },
    field: 'cubes.1.tags',
  },
  'an empty search': { to: 'POST /v1/search', body: { query: '  ' }, field: 'query' },
  'a lone surrogate in a query': {
    to: 'POST /v1/search',
    raw: '{"query":"\\ud800"}',
    headers: JSON_TYPE,
    field: 'query',
  },
  'an unknown mode': { to: 'POST /v1/search', body: { query: 'x', mode: 'magic' }, field: 'mode' },
  'half a result': { to: 'POST /v1/search', body: { query: 'x', limit: 1.5 }, field: 'limit' },
  'no results': { to: 'POST /v1/search', body: { query: 'x', limit: 0 }, field: 'limit' },
  'a limit as a string': { to: 'POST /v1/search', body: { query: 'x', limit: '5' }, field: 'limit' },
  'a negative diversity': { to: 'POST /v1/search', body: { query: 'x', diversity: -0.1 }, field: 'diversity' },
  'an empty vector': { to: 'POST /v1/search', body: { query: 'x', vector: [] }, field: 'vector' },
  'no namespaces': { to: 'POST /v1/search', body: { query: 'x', namespaces: [] }, field: 'namespaces' },
  'a tiny budget': { to: 'POST /v1/context', body: { query: 'x', tokens: 1 }, field: 'tokens' },
  'an unknown query parameter': { to: 'GET /v1/cubes?colour=red', field: 'colour' },
  'a page size of zero': { to: 'GET /v1/cubes?limit=0', field: 'limit' },
  'a page size that is no number': { to: 'GET /v1/cubes?limit=ten', field: 'limit' },
  'an endless page size': { to: 'GET /v1/cubes?limit=1e999', field: 'limit' },
  'a flag that is none': { to: 'GET /v1/cubes?includeArchived=perhaps', field: 'includeArchived' },
  'a cube id that is none': { to: 'GET /v1/cubes/abc', field: 'cubeId' },
  'a cube id in small letters': { to: 'GET /v1/cubes/01arz3ndektsv4rrffq69g5fav', field: 'cubeId' },
  'broken percent encoding': { to: 'GET /v1/cubes/%E0%A4%A', field: 'cubeId' },
  'an encoded slash': { to: 'GET /v1/namespaces/..%2f..%2fetc', field: 'name' },
  'an unknown task state': { to: 'GET /v1/tasks?state=asleep', field: 'state' },
  'a log without an end': { to: 'GET /v1/log?from=eternity', field: 'from' },
  'private memory without an owner': {
    to: 'POST /v1/namespaces',
    body: { name: 'n', layer: 'private' },
    field: 'owner',
  },
  'an update of nothing': { to: 'PATCH /v1/cubes/01ARZ3NDEKTSV4RRFFQ69G5FAV', body: {}, field: 'body' },
  'an update with a mode alone': {
    to: 'PATCH /v1/cubes/01ARZ3NDEKTSV4RRFFQ69G5FAV',
    body: { mode: 'append' },
    field: 'body',
  },
  'revision zero': {
    to: 'PATCH /v1/cubes/01ARZ3NDEKTSV4RRFFQ69G5FAV',
    body: { content: 'x', expectedRevision: 0 },
    field: 'expectedRevision',
  },
  'a key without scopes': { to: 'POST /v1/keys', body: { name: 'k', scopes: [] }, field: 'scopes' },
  'an unknown scope': { to: 'POST /v1/keys', body: { name: 'k', scopes: ['everything'] }, field: 'scopes.0' },
}

/** One more than a limit allows; made when needed, for they are large or depend on the time. */
export const LIMITS: Record<string, () => WrongRequest> = {
  'scopes of a key': () => ({
    to: 'POST /v1/keys',
    body: { name: 'k', scopes: many(SCOPES.length + 1, () => 'memory:read') },
    field: 'scopes',
  }),
  'a tag to list by': () => ({ to: `GET /v1/cubes?tag=${'x'.repeat(limits.TAG_LENGTH_MAX + 1)}`, field: 'tag' }),
  'a session to list by': () => ({
    to: `GET /v1/cubes?session=${'x'.repeat(limits.NAME_LENGTH_MAX + 1)}`,
    field: 'session',
  }),
  'a cube id to ask the log for': () => ({
    to: `GET /v1/log?cubeId=${'x'.repeat(limits.NAME_LENGTH_MAX + 1)}`,
    field: 'cubeId',
  }),
  'bytes of content': () => ({ body: { content: `${'é'.repeat(limits.CONTENT_BYTES_MAX / 2)}x` }, field: 'content' }),
  'a title': () => ({ body: cube({ title: 'x'.repeat(limits.TITLE_LENGTH_MAX + 1) }), field: 'title' }),
  tags: () => ({ body: cube({ tags: many(limits.TAGS_MAX + 1, (n) => `t${n}`) }), field: 'tags' }),
  'a tag': () => ({ body: cube({ tags: ['x'.repeat(limits.TAG_LENGTH_MAX + 1)] }), field: 'tags.0' }),
  'keys of metadata': () => ({
    body: cube({ metadata: Object.fromEntries(many(limits.METADATA_KEYS_MAX + 1, (n) => [`k${n}`, n])) }),
    field: 'metadata',
  }),
  'a value of metadata': () => ({ body: cube({ metadata: { a: 'x'.repeat(1025) } }), field: 'metadata.a' }),
  'bytes of metadata': () => ({
    body: cube({ metadata: Object.fromEntries(many(5, (n) => [`k${n}`, 'x'.repeat(1000)])) }),
    field: 'metadata',
  }),
  'a key of metadata': () => ({ body: cube({ metadata: { ['k'.repeat(65)]: 1 } }), field: /^metadata/ }),
  'a session': () => ({ body: cube({ session: 'x'.repeat(limits.NAME_LENGTH_MAX + 1) }), field: 'session' }),
  'a user': () => ({ body: cube({ userId: 'x'.repeat(limits.NAME_LENGTH_MAX + 1) }), field: 'userId' }),
  lineage: () => ({
    body: cube({ lineage: many(limits.LINEAGE_MAX + 1, () => ({ cid: 'x', relation: 'derived' })) }),
    field: /^lineage/,
  }),
  'dimensions of an embedding': () => ({
    body: cube({ embedding: { model: 'm', values: many(limits.VECTOR_DIMENSIONS_MAX + 1, () => 1) } }),
    field: 'embedding.values',
  }),
  'clock skew': () => ({ body: cube({ saidAt: soon() }), field: 'saidAt' }),
  'clock skew of one message': () => ({
    to: 'POST /v1/memories',
    body: { messages: [{ content: 'a' }, { content: 'b', saidAt: soon() }] },
    field: 'messages.1.saidAt',
  }),
  'clock skew of all messages': () => ({
    to: 'POST /v1/memories',
    body: { saidAt: soon(), messages: [{ content: 'a' }, { content: 'b' }] },
    field: 'saidAt',
  }),
  messages: () => ({
    to: 'POST /v1/memories',
    body: { messages: many(limits.BATCH_ITEMS_MAX + 1, () => ({ content: 'x' })) },
    field: 'messages',
  }),
  'ten thousand cubes': () => ({
    to: 'POST /v1/cubes/batch',
    body: { cubes: many(10_000, () => ({ content: 'x' })) },
    field: 'cubes',
  }),
  'a query': () => ({
    to: 'POST /v1/search',
    body: { query: 'x'.repeat(limits.QUERY_LENGTH_MAX + 1) },
    field: 'query',
  }),
  results: () => ({
    to: 'POST /v1/search',
    body: { query: 'x', limit: limits.SEARCH_RESULTS_MAX + 1 },
    field: 'limit',
  }),
  'namespaces of a search': () => ({
    to: 'POST /v1/search',
    body: { query: 'x', namespaces: many(limits.SEARCH_NAMESPACES_MAX + 1, (n) => `n${n}`) },
    field: 'namespaces',
  }),
  tokens: () => ({
    to: 'POST /v1/context',
    body: { query: 'x', tokens: limits.CONTEXT_TOKENS_MAX + 1 },
    field: 'tokens',
  }),
  'a page': () => ({ to: `GET /v1/cubes?limit=${limits.PAGE_ITEMS_MAX + 1}`, field: 'limit' }),
  'a cursor': () => ({ to: `GET /v1/cubes?cursor=${'x'.repeat(513)}`, field: 'cursor' }),
  'days of a key': () => ({
    to: 'POST /v1/keys',
    body: { name: 'k', expiresInDays: limits.KEY_DAYS_MAX + 1 },
    field: 'expiresInDays',
  }),
  'a rate': () => ({
    to: 'POST /v1/keys',
    body: { name: 'k', ratePerMinute: limits.RATE_PER_MINUTE_MAX + 1 },
    field: 'ratePerMinute',
  }),
  'bytes of a body': () => ({
    raw: `{"content":"${'x'.repeat(limits.REQUEST_BODY_BYTES_MAX)}"}`,
    headers: JSON_TYPE,
    status: 413,
    code: 'payload_too_large',
    field: 'body',
  }),
  'bytes of a streamed body': () => ({
    raw: endless(),
    headers: JSON_TYPE,
    status: 413,
    code: 'payload_too_large',
    field: 'body',
  }),
}

/** A body without a declared length, a little longer than is allowed. */
function endless(): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(1024 * 1024).fill(0x20)
  let left = limits.REQUEST_BODY_BYTES_MAX / chunk.length + 1
  return new ReadableStream({
    pull(controller) {
      left -= 1
      if (left < 0) controller.close()
      else controller.enqueue(chunk)
    },
  })
}
