/**
 * Goal: an operation that fails at any call to a store leaves all of itself or nothing, and its retry has one effect.
 * Method: the n-th call fails, for every n until the operation no longer reaches it (SQLite's anomaly tests), once before and once after the
 * call takes effect. A checker outside the system looks at the rows.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import type { Database } from '../../worker/ports/database.ts'
import type { Embedder } from '../../worker/ports/embedder.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { Caller, newTenant, type Tenant } from '../support/edge.ts'
import { FailingBlobStore, FailingDatabase, Fault } from '../support/failing.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { tempDir } from '../support/temp-dir.ts'

const CALLS_MAX = 80
const LARGE_TEXT = 'A long memory of the harbour. '.repeat(1200)
/** After this long a claim whose request died may be taken over. */
const CLAIM_MS = 61_000

const embedder: Embedder = {
  model: 'test/embedder',
  dimensions: 4,
  embed: async (texts) =>
    texts.map((text) =>
      Float32Array.from([text.length % 7, 1, 2, 3], (x, _, all = [text.length % 7, 1, 2, 3]) => x / Math.hypot(...all)),
    ),
}

let edge: LocalEdge
let database: Database
const fault = new Fault()
const blobs = new MemoryBlobStore()
let archive: ArrayBuffer
let holder: Tenant
let close: () => Promise<void>

beforeAll(async () => {
  const home = await tempDir()
  const opened = await openLibsql('default', `file:${join(home.path, 'memos.db')}`)
  database = opened.database
  edge = await openLocalEdge({
    databases: new Map([['default', new FailingDatabase(database, fault)]]),
    blobs: new FailingBlobStore(blobs, fault),
    embedder,
  })
  holder = await newTenant(edge)
  await rememberedCube(holder)
  archive = await (await holder.admin.raw('GET', '/v1/export?namespace=default')).arrayBuffer()
  close = async () => {
    await edge.close()
    await opened.close()
    await home.remove()
  }
})
afterAll(() => close())

interface Operation<Made> {
  /** What stands before. */
  prepare(tenant: Tenant): Promise<Made>
  /** The operation, under its Idempotency-Key where it takes one. */
  act(tenant: Tenant, made: Made, key: Record<string, string>): Promise<Response | undefined>
  /** What the operation changes, as its caller sees it. */
  look(tenant: Tenant, made: Made): Promise<unknown>
  /** Whether a retry must lead to the very state of a run without faults. */
  isRepeatable: boolean
  /** Whether it is made of steps that each stand for themselves. */
  isGradual?: boolean
}

const remember = (tenant: Tenant, texts: string[], headers = {}) =>
  tenant.admin.send('remember', {
    body: {
      session: 'first talk',
      messages: texts.map((content, at) => ({
        role: at % 2 ? ('assistant' as const) : ('user' as const),
        content,
        speaker: 'Ana',
      })),
    },
    headers,
  })

const contents = async ({ id }: Tenant) =>
  (
    await database.all({
      sql: `select c.revision, c.state, c.content_bytes, c.position from cubes c join namespaces n on n.id = c.namespace_id where n.org_id = ? order by c.seq`,
      params: [id],
    })
  ).map((row) => row.join(' '))

const rememberedCube = async (tenant: Tenant) => {
  await (await remember(tenant, ['The boat is blue', LARGE_TEXT, 'It has two masts'])).text()
  const { items } = await tenant.admin.ok('listCubes', { query: {} })
  return items[1]?.cubeId ?? ''
}

const countOf = async (table: 'namespaces' | 'principals', orgId: string) =>
  Number((await database.all({ sql: `select count(*) from ${table} where org_id = ?`, params: [orgId] }))[0]?.[0])

const auditedOf = async (orgId: string, operation: string) => {
  const sql = "select count(*) from audit_log where org_id = ? and operation = ? and outcome = 'ok'"
  return Number((await database.all({ sql, params: [orgId, operation] }))[0]?.[0])
}

const setGrants = ({ admin }: Tenant, id: string) =>
  admin.send('setGrants', {
    params: { name: 'team' },
    body: { grants: [{ subject: { kind: 'user', id }, access: 'write' }] },
  })

/** Runs an operation with a fault at every call; `when` says on which side of the call. */
async function failEverywhere<Made>(operation: Operation<Made>, when: 'before' | 'after'): Promise<void> {
  const plain = await newTenant(edge)
  const madePlain = await operation.prepare(plain)
  const before = await operation.look(plain, madePlain)
  expect((await operation.act(plain, madePlain, { 'idempotency-key': 'plain' }))?.status ?? 200).toBeLessThan(300)
  const after = await operation.look(plain, madePlain)
  expect(after).not.toEqual(before)

  for (let atCall = 1; atCall <= CALLS_MAX; atCall++) {
    const tenant = await newTenant(edge)
    const made = await operation.prepare(tenant)
    const key = { 'idempotency-key': `at-${atCall}` }
    await edge.settle()
    fault.arm(atCall, when)
    const response = await operation.act(tenant, made, key)
    await response?.text()
    await edge.settle()
    fault.disarm()
    const where = `call ${atCall}, ${when}: ${fault.fired}`
    expect(await faultsOf(database, blobs, tenant.id), where).toEqual([])
    const left = await operation.look(tenant, made)
    if (response?.ok) expect(left, where).toEqual(after)
    else if (!operation.isGradual) expect([before, after], where).toContainEqual(left)
    if (operation.isRepeatable) {
      edge.clock.nowMs += CLAIM_MS
      const again = await operation.act(tenant, made, key)
      const text = await again?.text()
      expect(again?.status ?? 200, `${where}: ${text}`).toBeLessThan(500)
      expect(await operation.look(tenant, made), where).toEqual(after)
      expect(await faultsOf(database, blobs, tenant.id), where).toEqual([])
    }
    if (fault.fired === null) return
  }
  throw new Error(`more than ${CALLS_MAX} calls: raise CALLS_MAX`)
}

const OPERATIONS: Record<string, Operation<string>> = {
  'remembering five messages, one of them long': {
    prepare: async () => '',
    act: (tenant, _, key) => remember(tenant, ['one boat', 'two boats', LARGE_TEXT, 'four boats', 'five'], key),
    look: contents,
    isRepeatable: true,
  },
  'creating one cube': {
    prepare: async () => '',
    act: (tenant, _, headers) => tenant.admin.send('createCube', { body: { content: LARGE_TEXT }, headers }),
    look: contents,
    isRepeatable: true,
  },
  'creating a batch of cubes': {
    prepare: rememberedCube,
    act: (tenant, _, headers) =>
      tenant.admin.send('createCubes', { body: { cubes: [{ content: 'a mast' }, { content: LARGE_TEXT }] }, headers }),
    look: contents,
    isRepeatable: true,
  },
  'updating a cube': {
    prepare: rememberedCube,
    act: (tenant, cubeId) =>
      tenant.admin.send('updateCube', {
        params: { cubeId },
        body: { mode: 'overwrite', content: `${LARGE_TEXT} And of the sea.`, expectedRevision: 1 } as never,
      }),
    look: contents,
    isRepeatable: true,
  },
  'deleting a cube': {
    prepare: rememberedCube,
    act: (tenant, cubeId) => tenant.admin.send('deleteCube', { params: { cubeId } }),
    look: contents,
    isRepeatable: true,
  },
  'importing an archive': {
    // A cube is in one place of a database at a time: the one that held it before makes room.
    prepare: async (tenant) => {
      await holder.admin.ok('deleteNamespace', { params: { name: 'default' } })
      holder = tenant
      await tenant.admin.ok('remember', { body: { text: 'something of its own' } })
      return ''
    },
    act: (tenant) =>
      tenant.admin.raw('POST', '/v1/import?namespace=default', {
        body: archive,
        headers: { 'content-type': 'application/octet-stream' },
      }),
    look: contents,
    isRepeatable: true,
    isGradual: true,
  },
  'deleting a namespace': {
    prepare: rememberedCube,
    act: (tenant) => tenant.admin.send('deleteNamespace', { params: { name: 'default' } }),
    look: contents,
    isRepeatable: true,
  },
  'creating a namespace': {
    prepare: async () => '',
    act: (tenant, _, headers) =>
      tenant.admin.send('createNamespace', { body: { name: 'second', layer: 'shared' }, headers }),
    look: async ({ id }) => [await countOf('namespaces', id), await auditedOf(id, 'createNamespace')],
    isRepeatable: false,
  },
  'replacing grants': {
    prepare: async (tenant) => {
      await tenant.admin.ok('createNamespace', { body: { name: 'team', layer: 'shared' } })
      await setGrants(tenant, 'ana')
      return ''
    },
    act: (tenant) => setGrants(tenant, 'bob'),
    look: async ({ id, admin }) => {
      const { grants } = await admin.ok('getGrants', { params: { name: 'team' } })
      // A retry is another change: what counts is that the last one is in the log, once or twice.
      return [grants, (await auditedOf(id, 'setGrants')) > 1]
    },
    isRepeatable: true,
  },
  'deleting a user': {
    prepare: async (tenant) => {
      await tenant.admin.ok('createUser', { body: { id: 'ana' } })
      await tenant.admin.ok('createNamespace', { body: { name: 'team', layer: 'shared' } })
      await setGrants(tenant, 'ana')
      await tenant.admin.ok('remember', { body: { text: 'The boat is hers.', userId: 'ana' } })
      await tenant.admin.newKey({ subject: { kind: 'user', id: 'ana' } })
      return ''
    },
    act: (tenant) => tenant.admin.send('deleteUser', { params: { id: 'ana' } }),
    look: async ({ id, admin }) => [
      await countOf('principals', id),
      (await admin.ok('getGrants', { params: { name: 'team' } })).grants,
      await admin.ok('listNamespaces', { query: {} }).then(({ items }) => items.map(({ name }) => name)),
      await database.all({
        sql: 'select count(*) from api_keys where org_id = ? and subject_id is not null and revoked_at_ms is null',
        params: [id],
      }),
      (await auditedOf(id, 'deleteUser')) > 0,
    ],
    isRepeatable: true,
    isGradual: true,
  },
  'creating an organisation': {
    prepare: async () => `made ${crypto.randomUUID()}`,
    act: (_, name) => new Caller(edge, edge.rootKey).send('createOrganisation', { body: { name } }),
    look: async (_, name) =>
      await database.all({
        sql: 'select count(*), (select count(*) from api_keys k where k.org_id = o.id) from organisations o where o.name = ? group by o.id',
        params: [name],
      }),
    isRepeatable: false,
  },
  'creating a key': {
    prepare: async () => '',
    act: (tenant, _, headers) => tenant.admin.send('createKey', { body: { name: 'second' }, headers }),
    look: async ({ id }) =>
      (await database.all({ sql: 'select name from api_keys where org_id = ? order by id', params: [id] })).length,
    isRepeatable: false,
  },
  'rotating a key': {
    prepare: async (tenant) => (await tenant.admin.newKey({ name: 'second' })).keyId,
    act: (tenant, id) => tenant.admin.send('rotateKey', { params: { id }, body: { graceMs: 60_000 } }),
    look: async (_, id) => {
      const [row] = await database.all({
        sql: 'select previous_hash is null, hash = previous_hash from api_keys where id = ?',
        params: [id],
      })
      return row
    },
    isRepeatable: false,
  },
  'embedding what was written': {
    prepare: rememberedCube,
    act: async () => {
      await edge.runTasks().catch(() => 0)
      return undefined
    },
    look: async ({ id }) =>
      await database.all({
        sql: `select v.state, v.built_seq >= n.next_seq - 1, (select count(*) from embeddings e where e.namespace_id = n.id) from namespaces n
          left join vector_spaces v on v.namespace_id = n.id where n.org_id = ?`,
        params: [id],
      }),
    isRepeatable: true,
    isGradual: true,
  },
}

describe.each(['before', 'after'] as const)('a store that fails %s a call takes effect', (when) => {
  for (const [name, operation] of Object.entries(OPERATIONS)) it(name, () => failEverywhere(operation, when), 120_000)

  it('revoking a key: a key that the database calls revoked opens nothing', async () => {
    for (let atCall = 1; ; atCall++) {
      const tenant = await newTenant(edge)
      const second = await tenant.admin.newKey({ name: 'second' })
      await second.ok('listNamespaces', { query: {} })
      await edge.settle()
      fault.arm(atCall, when)
      const response = await tenant.admin.send('revokeKey', { params: { id: second.keyId } })
      await edge.settle()
      fault.disarm()
      const [[revokedAtMs] = []] = await database.all({
        sql: 'select revoked_at_ms from api_keys where id = ?',
        params: [second.keyId],
      })
      if (response.ok) expect(revokedAtMs).not.toBeNull()
      const seen = await new Caller(edge, second.secret).send('listNamespaces', { query: {} })
      expect(seen.status, `call ${atCall}: ${fault.fired}`).toBe(revokedAtMs === null ? 200 : 401)
      if (fault.fired === null) return
    }
  })
})
