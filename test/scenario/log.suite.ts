import { expect, it } from 'vitest'
import type { Route } from '../../schemas/route.ts'
import { ROUTES, type RouteName } from '../../schemas/routes/all.ts'
import { Caller, describeEdge, type OpenEdge } from '../support/edge.ts'
import { type LogStep, operatingSteps } from './log-steps.ts'
import { publishingSteps } from './mip-log-steps.ts'

type LogQuery = Record<string, string | number>

/** Entries oldest first. Reads and refusals are written a moment after their answer, hence the polling of callers. */
async function entries(caller: Caller, query: LogQuery = {}) {
  return (await caller.ok('queryLog', { query: { limit: 200, ...query } as never })).items.toReversed()
}

/** They decide about memory of a publisher, and there is none here: mip-subscribe.suite.ts looks at their entries. */
const NEED_PUBLISHER: ReadonlySet<string> = new Set(['approveQuarantined', 'rejectQuarantined'])
/** Routes that change something when they succeed. */
const CHANGES = (Object.entries(ROUTES) as [RouteName, Route][])
  .filter(([, { method, scope }]) => method !== 'get' && scope !== 'memory:read')
  .map(([name]) => name)
  .filter((name) => !NEED_PUBLISHER.has(name))

/**
 * Goal: the organisation can see who did what to which memory, and how much it uses; nobody sees memory in the log.
 * Method: one of each operation, then the log by every filter.
 */
export function log(open: OpenEdge) {
  describeEdge('audit log and usage', open, (tenant, edge) => {
    it('has an entry for every write, read, search and refusal', async () => {
      const { admin } = await tenant()
      const key = await admin.newKey({ scopes: ['memory:read', 'memory:write'] })
      const { cubeId } = await key.ok('createCube', { body: { content: 'The aardvark is asleep.' } })
      const params = { cubeId }
      await key.ok('getCube', { params })
      await key.ok('updateCube', { params, body: { content: 'The aardvark is awake.' } })
      await key.ok('search', { body: { query: 'aardvark' } })
      await key.ok('context', { body: { query: 'aardvark' } })
      await key.ok('listCubes', {})
      await key.ok('listRevisions', { params })
      await key.ok('getProvenance', { params })
      await key.refused('createUser', { body: { id: 'x' } })
      await key.refused('getCube', { params: { cubeId: '01ARZ3NDEKTSV4RRFFQ69G5FAV' } })
      await key.refused('createCube', { body: { content: '' } })
      await key.ok('deleteCube', { params })
      await expect.poll(async () => (await entries(admin, { caller: key.keyId })).length).toBe(12)
      const seen = await entries(admin, { caller: key.keyId })
      expect(new Set(seen.map(({ operation, outcome }) => `${operation} ${outcome}`))).toEqual(
        new Set([
          'createCube ok',
          'getCube ok',
          'updateCube ok',
          'search ok',
          'context ok',
          'listCubes ok',
          'listRevisions ok',
          'getProvenance ok',
          'createUser forbidden',
          'getCube not_found',
          'createCube invalid_request',
          'deleteCube ok',
        ]),
      )
      for (const operation of ['createCube', 'getCube', 'updateCube', 'deleteCube', 'search', 'context'])
        expect(seen.find((entry) => entry.operation === operation && entry.outcome === 'ok')).toMatchObject({
          cubeIds: [cubeId],
          cubeCount: 1,
          caller: key.keyId,
        })
      const text = JSON.stringify(await edge().rows('select * from audit_log where caller = ?', key.keyId))
      expect(text).not.toMatch(/aardvark|asleep|awake/i)
    })

    it('has an entry for what is read of entities, facts and decisions', async () => {
      const { admin } = await tenant()
      const key = await admin.newKey({ scopes: ['memory:read', 'memory:write'] })
      const { cubeId } = await key.ok('createCube', { body: { content: 'Ana lives in Oslo.' } })
      const name = { params: { name: 'default' } }
      const { id } = await key.ok('stateFact', { body: { cubeId, subject: 'Ana', predicate: 'likes', object: 'tea' } })
      const reads: LogStep[] = [
        ['listEntities', name],
        ['listPredictedTags', { params: { cubeId } }],
        ['listFacts', {}],
        ['getFact', { params: { id } }],
        ['listTransitions', { params: { cubeId } }],
        ['getSchedule', name],
        ['listDecisions', {}],
      ]
      for (const [route, input] of reads) await key.ok(route, input as never)
      await key.refused('getEntity', { params: { ...name.params, key: 'nobody' } })
      const operations = async () =>
        (await entries(admin, { caller: key.keyId })).map(({ operation, outcome }) => `${operation} ${outcome}`).sort()
      await expect
        .poll(operations)
        .toEqual(
          ['createCube ok', 'stateFact ok', 'getEntity not_found', ...reads.map(([route]) => `${route} ok`)].sort(),
        )
    })

    it('has an entry for every change, by the name of its route', async () => {
      const { admin, id: orgId } = await tenant()
      const root = new Caller(edge(), edge().rootKey)
      const key = await admin.newKey({})
      const cube = await admin.ok('createCube', { body: { content: 'x' } })
      const [taskId = ''] = (
        await edge().rows(
          `insert into tasks (id, org_id, kind, state, input, progress, attempts, created_at_ms, updated_at_ms)
           values (?, ?, 'planted', 'queued', '{}', 0, 0, 0, 0) returning id`,
          `0000000000${cube.cubeId.slice(10)}`,
          orgId,
        )
      ).flat() as string[]
      const granted = await admin.ok('createPermission', {
        body: { subject: { kind: 'org' }, namespace: 'default', access: 'read' },
      })
      const archive = await (await admin.raw('GET', '/v1/export?namespace=default')).arrayBuffer()
      const stated = { cubeId: cube.cubeId, subject: 'Ana', predicate: 'likes', object: 'tea' }
      const fact = { params: { id: (await admin.ok('stateFact', { body: stated })).id } }
      const cubeId = { params: { cubeId: cube.cubeId } }
      const n = { params: { name: 'n' } }
      const organisation = { params: { id: orgId } }
      const other = await admin.ok('createCube', { body: { content: 'Melanie Smith, called Mel, met Ana in Porto.' } })
      await admin.ok('createBranch', { params: { name: 'default' }, body: { name: 'spare' } })
      const [effectId = ''] = (
        await edge().rows(
          `insert into outbox (id, org_id, kind, payload, idempotency_key, state, attempts, next_at_ms, created_at_ms)
           values (?, ?, 'publish', '{}', 'planted', 'failed', 12, 0, 0) returning id`,
          `1111111111${cube.cubeId.slice(10)}`,
          orgId,
        )
      ).flat() as string[]
      for (const key of ['mel', 'zoe']) {
        const here = `(select id from namespaces where org_id = ? and name = 'default')`
        await edge().rows(
          `insert into entities (namespace_id, key, name, kind, created_at_ms) values (${here}, ?, ?, 'person', 0)`,
          orgId,
          key,
          key,
        )
        await edge().rows(
          `insert into mentions (namespace_id, key, seq, count) select namespace_id, ?, seq, 1 from cubes where cube_id = ?`,
          key,
          other.cubeId,
        )
      }
      const steps: LogStep[] = [
        ['remember', { body: { text: 'x' } }],
        ['planMemories', { body: { text: 'x' } }],
        ['createCube', { body: { content: 'x' } }],
        ['createCubes', { body: { cubes: [{ content: 'x' }] } }],
        ['updateCube', { ...cubeId, body: { content: 'y' } }],
        ['stateFact', { body: { ...stated, object: 'figs' } }],
        ['undoFact', { ...fact, body: {} }],
        ['retractFact', fact],
        ...(await publishingSteps(admin, cube.cubeId)),
        ...operatingSteps(cube.cubeId, { effectId, cubeId: other.cubeId }),
        ['deleteCube', cubeId],
        ['createNamespace', { body: { name: 'n', layer: 'shared' } }],
        ['updateNamespace', { ...n, body: { settings: {} } }],
        ['setGrants', { ...n, body: { grants: [] } }],
        ['createPermission', { body: { subject: { kind: 'org' }, namespace: 'n', access: 'read' } }],
        ['deletePermission', { params: { id: granted.id } }],
        ['setRole', { ...n, body: { template: { namespaces: [] } } }],
        ['setRoleMembers', { ...n, body: { members: [] } }],
        ['deleteRole', n],
        ['runSchedule', { ...n, body: {} }],
        ['deleteNamespace', n],
        ['createUser', { body: { id: 'ana' } }],
        ['deleteUser', { params: { id: 'ana' } }],
        ['createAgent', { body: { id: 'bot' } }],
        ['deleteAgent', { params: { id: 'bot' } }],
        ['createKey', { body: { name: 'k' } }],
        ['rotateKey', { params: { id: key.keyId }, body: {} }],
        ['revokeKey', { params: { id: key.keyId } }],
        ['cancelTask', { params: { id: taskId } }],
        ['createNodeToken', { body: { name: 'box' } }],
        ['revokeNode', { params: { id: 'nobody' } }],
        ['cancelNodeTask', { params: { id: 'nothing' } }],
        ['createOrganisation', { body: { name: `made ${crypto.randomUUID()}` } }],
        // There is one database: nowhere to go. What is logged of a move that begins is seen where there are two.
        ['moveOrganisation', { ...organisation, body: { database: 'default' } }],
        ['abortMove', organisation],
      ]
      expect(new Set([...steps.map(([name]) => name), 'importArchive', 'importMipArchive'])).toEqual(new Set(CHANGES))
      const isRoots = (name: RouteName) => ROUTES[name].path.startsWith('/v1/organisations')
      const run = crypto.randomUUID()
      const traced = (name: string) => ({ 'x-request-id': `${name}-${run}` })
      const answers = new Map<string, Record<string, unknown>>()
      for (const [name, step] of steps) {
        const input = typeof step === 'function' ? step(answers) : step
        const answer = await (isRoots(name) ? root : admin).send(name, { ...input, headers: traced(name) } as never)
        const text = await answer.text()
        answers.set(name, text === '' ? {} : JSON.parse(text))
      }
      const imported = await admin.raw('POST', '/v1/import?namespace=default', {
        body: archive,
        headers: { 'content-type': 'application/octet-stream', ...traced('importArchive') },
      })
      expect(imported.status).toBe(200)
      // What an archive of a log brings is seen where there is a publisher; here it is refused, and that is logged.
      const refused = await admin.raw('POST', '/v1/mip/archives', {
        body: new Uint8Array([0]),
        headers: { 'content-type': 'application/vnd.ipld.car', ...traced('importMipArchive') },
      })
      expect(refused.status).toBe(400)
      const outcomeOf: Partial<Record<RouteName, string>> = {
        moveOrganisation: 'invalid_request',
        importMipArchive: 'invalid_archive',
        revokeNode: 'not_found',
        cancelNodeTask: 'not_found',
      }
      for (const operation of CHANGES) {
        const caller = isRoots(operation) ? root : admin
        const outcomes = async () =>
          (await entries(caller, { operation }))
            .filter(({ requestId }) => requestId === `${operation}-${run}`)
            .map(({ outcome }) => outcome)
        await expect.poll(outcomes, { message: operation, timeout: 5000 }).toEqual([outcomeOf[operation] ?? 'ok'])
      }
    })

    it('is exported line by line, and is checked against its hash chain', async () => {
      const { admin, id: orgId } = await tenant()
      for (const content of ['one', 'two', 'three']) await admin.ok('createCube', { body: { content } })
      await admin.refused('createCube', { body: { content: '' } })
      const before = await admin.ok('verifyLog', {})
      expect(before).toMatchObject({ ok: true, checked: 0, head: null })
      const lines = async (query: string) => {
        const text = await (await admin.raw('GET', `/v1/log/export${query}`)).text()
        return text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line))
      }
      await expect.poll(async () => (await lines('?outcome=invalid_request')).length).toBe(1)
      const exported = await lines('?operation=createCube&outcome=ok')
      expect(exported.map(({ operation, outcome }) => [operation, outcome])).toEqual(
        Array(3).fill(['createCube', 'ok']),
      )
      expect(await lines('?memoryType=plaintext')).toHaveLength(3)
      expect(await lines('?memoryType=parametric')).toEqual([])
      const narrowed = await admin.newKey({ scopes: ['log:read'], namespaces: ['default'] })
      expect((await narrowed.refused('verifyLog', {})).code).toBe('forbidden')
      expect(await edge().rows('select count(*) from audit_heads where org_id = ?', orgId)).toEqual([[0]])
    })

    it('is asked by time, caller, operation, cube and page', async () => {
      const { admin } = await tenant()
      const key = await admin.newKey({})
      const { cubeId } = await key.ok('createCube', { body: { content: 'one' } })
      await key.ok('createCube', { body: { content: 'two' } })
      await admin.ok('createCube', { body: { content: 'three' } })
      await key.ok('getCube', { params: { cubeId } })
      await expect
        .poll(async () => (await entries(admin, { cubeId })).map(({ operation }) => operation))
        .toEqual(['createCube', 'getCube'])
      expect(await entries(admin, { operation: 'createCube' })).toHaveLength(3)
      expect(await entries(admin, { operation: 'createCube', caller: key.keyId })).toHaveLength(2)
      const [first] = await entries(admin, { cubeId })
      const at = first?.at ?? ''
      expect((await entries(admin, { from: at, to: at })).map(({ requestId }) => requestId)).toContain(first?.requestId)
      expect(await entries(admin, { to: new Date(Date.parse(at) - 1).toISOString(), operation: 'createCube' })).toEqual(
        [],
      )
      expect(await entries(admin, { from: '2999-01-01T00:00:00Z' })).toEqual([])
      const page = await admin.ok('queryLog', { query: { operation: 'createCube', limit: 2 } })
      const rest = await admin.ok('queryLog', {
        query: { operation: 'createCube', limit: 2, cursor: page.nextCursor ?? '' },
      })
      const all = [...page.items, ...rest.items]
      expect(all.toReversed()).toEqual(await entries(admin, { operation: 'createCube' }))
      expect(new Set(all.map(({ requestId }) => requestId)).size).toBe(3)
      const other = await admin.refused('queryLog', { query: { operation: 'getCube', cursor: page.nextCursor ?? '' } })
      expect(other).toMatchObject({ status: 400, code: 'invalid_cursor', field: 'cursor' })
    })

    it('carries the request id that the caller was given', async () => {
      const { admin } = await tenant()
      const response = await admin.send('createCube', {
        body: { content: 'traced' },
        headers: { 'x-request-id': 'trace-77' },
      })
      expect(response.headers.get('x-request-id')).toBe('trace-77')
      expect((await entries(admin, { operation: 'createCube' }))[0]).toMatchObject({ requestId: 'trace-77' })
    })

    it('counts cubes, bytes and requests', async () => {
      const { admin } = await tenant()
      expect(await admin.ok('getUsage', {})).toMatchObject({ cubes: 0, bytes: 0, cubesMax: null })
      const { cubeId } = await admin.ok('createCube', { body: { content: 'żółw' } })
      await admin.ok('createCube', { body: { content: 'ab' } })
      expect(await admin.ok('getUsage', {})).toMatchObject({ cubes: 2, bytes: 9 })
      await admin.ok('updateCube', { params: { cubeId }, body: { content: 'x' } })
      await admin.ok('search', { body: { query: 'ab' } })
      await admin.ok('getCube', { params: { cubeId } })
      await expect
        .poll(async () => (await admin.ok('getUsage', {})).days)
        .toEqual([{ day: new Date().toISOString().slice(0, 10), reads: 1, writes: 3, searches: 1 }])
      await admin.ok('deleteCube', { params: { cubeId } })
      expect(await admin.ok('getUsage', {})).toMatchObject({ cubes: 1, bytes: 2 })
    })

    it('counts writes of the day', async () => {
      const { admin } = await tenant()
      for (let n = 0; n < 3; n++) await admin.ok('remember', { body: { text: `note ${n}` } })
      await expect.poll(async () => (await admin.ok('getUsage', {})).days[0]?.writes).toBe(3)
    })
  })
}
