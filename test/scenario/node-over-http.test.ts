import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NodeAgent } from '../../gpu-node/core/agent/node-agent.ts'
import { nodeAgentHost } from '../../gpu-node/entry/node/agent-host.ts'
import { cidOf } from '../../protocol/core/cid.ts'
import { NODE_BLOB_PIECE_BYTES } from '../../schemas/limits-nodes.ts'
import { Caller, type EdgeUnderTest } from '../support/edge.ts'
import { openNodeEdge } from '../support/edge-node.ts'
import { capabilities, MODEL } from '../support/node-world.ts'
import { tempDir } from '../support/temp-dir.ts'

/**
 * Goal: what an operator does with nodes works over the API, and a node has the blobs of its tasks and no others.
 * Method: a whole edge on Node, an agent with a key file, durable tasks that the upkeep gives to it.
 */
describe('a GPU node at a whole edge', () => {
  let edge: EdgeUnderTest
  let home: Awaited<ReturnType<typeof tempDir>>
  let root: Caller
  beforeAll(async () => {
    edge = await openNodeEdge({ MEMOS_UPKEEP_SECONDS: '0.1' })
    home = await tempDir()
    root = new Caller(edge, edge.rootKey)
  })
  afterAll(async () => {
    await edge.close()
    await home.remove()
  })

  const submit = (id: string, query: string) =>
    edge.rows(
      `insert into node_tasks (id, org_id, kind, model, input, priority, state, attempts, created_at_ms, updated_at_ms)
        values (?, 'default', 'rerank', ?, ?, 0, 'queued', 0, 0, 0) returning id`,
      id,
      MODEL,
      JSON.stringify({ model: MODEL, query, texts: ['t'] }),
    )
  const ended = (id: string) =>
    expect.poll(() => edge.rows('select state, error from node_tasks where id = ?', id), { timeout: 10_000 })

  it('joins, puts and gets blobs of its tasks, is listed, and is cut off when it is revoked', async () => {
    const keyFile = join(home.path, 'key', 'node.key')
    const { token } = await root.ok('createNodeToken', { body: { name: 'rack-1' } })
    const large = crypto.getRandomValues(new Uint8Array(65_536))
    const bytes = new Uint8Array(NODE_BLOB_PIECE_BYTES + large.length)
    bytes.set(large, NODE_BLOB_PIECE_BYTES)
    const cid = cidOf(bytes, 'raw')
    const refused: string[] = []
    const states: { kind: string; code?: string }[] = []
    const agent = new NodeAgent({
      host: nodeAgentHost(keyFile),
      edge: edge.url ?? '',
      joinToken: token,
      capabilities: capabilities(),
      operations: {
        rerank: async ({ query }, { blobs }) => {
          if (query === 'put') expect(await blobs.put(bytes)).toEqual({ cid, bytes: bytes.length })
          else if (query === cid) expect(cidOf(await blobs.get(cid), 'raw')).toBe(cid)
          else await blobs.get(cid).catch((error: { code: string }) => refused.push(error.code))
          return { scores: [1] }
        },
      },
      resident: () => ({ bytes: 0, keys: [] }),
      onState: (state) => states.push(state),
    })
    agent.start()
    await submit('a', 'put')
    await ended('a').toEqual([['done', null]])
    await submit('b', cid)
    await ended('b').toEqual([['done', null]])
    await submit('c', 'a task that names no blob')
    await ended('c').toEqual([['done', null]])
    expect(refused).toEqual(['invalid_input'])
    expect(statSync(keyFile).mode & 0o777).toBe(0o600)
    expect(readFileSync(keyFile, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
    const { items } = await root.ok('listNodes', {})
    expect(items).toMatchObject([{ name: 'rack-1', state: 'connected', models: [{ name: 'tiny' }] }])
    expect((await root.ok('listNodeTasks', {})).items.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
    await root.ok('revokeNode', { params: { id: items[0]?.id ?? '' } })
    await expect.poll(() => states.at(-1)).toMatchObject({ kind: 'refused', code: 'revoked' })
    expect((await root.ok('listNodes', {})).items).toMatchObject([{ state: 'revoked' }])
    await agent.stop()
  })

  it('cancels a task that waits, once', async () => {
    await submit('d', 'nobody takes it')
    expect(await root.ok('cancelNodeTask', { params: { id: 'd' } })).toMatchObject({ state: 'cancelled' })
    await root.refused('cancelNodeTask', { params: { id: 'd' } })
  })

  it('gives no blob without the session of a node', async () => {
    const path = `/v1/nodes/blobs/${cidOf(new Uint8Array(1), 'raw')}`
    expect((await edge.fetch(path)).status).toBe(401)
    expect((await edge.fetch(path, { headers: { authorization: `Node ${'0'.repeat(64)}` } })).status).toBe(401)
    expect((await edge.fetch('/v1/nodes/connect')).status).toBe(426)
  })
})
