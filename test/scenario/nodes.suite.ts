import { bytesToHex } from '@noble/hashes/utils.js'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { NodeOperations } from '../../gpu-node/core/agent/node-operations.ts'
import type { NodeSocket } from '../../gpu-node/core/agent/node-socket.ts'
import { publicKeyOfSeed, signPortable } from '../../protocol/core/ed25519-rule.ts'
import { didOfKey } from '../../protocol/core/keys.ts'
import { nodeProofBytes } from '../../protocol/core/node-proof.ts'
import { NODE_EVENTS_WAITING_MAX } from '../../schemas/limits-nodes.ts'
import { NODE_CONNECT_PATH } from '../../schemas/node-message.ts'
import { NodeTaskRows, queuedNodeTasks, reclaimNodeTasks } from '../../worker/infrastructure/nodes/node-task-rows.ts'
import { MemVault } from '../../worker/infrastructure/vault/mem-vault.ts'
import { NodeTaskDesk } from '../../worker/operation/nodes/node-task-desk.ts'
import {
  capabilities,
  eventsOf,
  joinToken,
  MODEL,
  type NodeWorld,
  newSeed,
  ORG,
  type RunningAgent,
  runtime,
  startAgent,
  taskOf,
} from '../support/node-world.ts'

interface Said {
  type: string
  nonce?: string
  lease?: string
  code?: string
}

/** A node that says whatever it likes. */
function rawNode(world: NodeWorld) {
  const heard: Said[] = []
  const wakes = new Set<() => void>()
  const put = (said: Said) => {
    heard.push(said)
    for (const wake of wakes) wake()
  }
  const socket: NodeSocket = world.openSocket(`${world.edge.replace('http', 'ws')}${NODE_CONNECT_PATH}`)
  socket.addEventListener('message', ({ data }) => put(JSON.parse(String(data))))
  socket.addEventListener('close', () => put({ type: 'closed' }))
  const next = async (type: string): Promise<Said> => {
    for (;;) {
      const at = heard.findIndex((said) => said.type === type)
      if (at >= 0) return heard.splice(at, 1)[0] as Said
      await new Promise<void>((resolve) => wakes.add(resolve))
    }
  }
  const say = (message: object) => socket.send(JSON.stringify(message))
  const proof = (seed: Uint8Array, nonce: string, host = new URL(world.edge).host) => ({
    ...{ type: 'register', v: 1, publicKey: didOfKey(publicKeyOfSeed(seed)) },
    signature: bytesToHex(signPortable(nodeProofBytes(host, nonce), seed)),
    capabilities: capabilities(),
  })
  const register = async (seed: Uint8Array, token?: string) => {
    const { nonce = '' } = await next('challenge')
    say({ ...proof(seed, nonce), ...(token !== undefined && { joinToken: token }) })
  }
  return { socket, next, say, proof, register, heard }
}

const done = { scores: [0.5, 0.25] }
/** Says one word and goes on until it is stopped. */
const stuck: NodeOperations['rerank'] = (_, { token, signal }) =>
  new Promise((_resolve, reject) => {
    token('begun')
    signal.addEventListener('abort', () => reject(new Error('stopped')))
  })
const DIGEST_OF_OTHER = '0'.repeat(64)

/**
 * Goal: whatever a node does or fails to do, whoever asked gets an answer or a failure with a code, and nobody is believed who did not prove who he is.
 * Method: the agent that real nodes run, and sockets that say what no agent would, against the hub of the host over real WebSockets.
 */
export function nodesSuite(host: string, open: () => Promise<NodeWorld>): void {
  describe(`GPU nodes on ${host}`, () => {
    let world: NodeWorld
    let agents: RunningAgent[] = []
    beforeAll(async () => {
      world = await open()
    })
    afterEach(async () => {
      for (const { agent } of agents) await agent.stop()
      agents = []
      // The next test must not meet the nodes of this one.
      await expect.poll(() => world.hub.nodes(ORG), { timeout: 20_000 }).toEqual([])
    })
    afterAll(() => world.close())

    const join = async (operations: NodeOperations, seed = newSeed()) => {
      const running = startAgent(world, { seed, token: await joinToken(world), operations })
      agents.push(running)
      const { nodeId } = await running.state('registered')
      return { ...running, nodeId, seed }
    }
    const never = new AbortController().signal
    const run = (nodeId: string, task = taskOf('t'), signal = never) => eventsOf(world.hub.run(nodeId, task, signal))
    const joinRaw = async () => {
      const raw = rawNode(world)
      await raw.register(newSeed(), await joinToken(world))
      const { nodeId = '' } = (await raw.next('registered')) as { nodeId?: string }
      return { ...raw, nodeId }
    }

    it('joins once with a token, and comes back by its key alone', async () => {
      const token = await joinToken(world)
      const seed = newSeed()
      const first = startAgent(world, { seed, token })
      const { nodeId } = await first.state('registered')
      expect(await world.hub.nodes(ORG)).toMatchObject([
        { nodeId, name: 'node', concurrency: 2, models: [{ fingerprint: MODEL }] },
      ])
      expect(await world.hub.nodes('another')).toEqual([])
      await first.agent.stop()
      const again = startAgent(world, { seed })
      agents.push(again)
      expect(await again.state('registered')).toMatchObject({ nodeId })
      const other = startAgent(world, { token })
      agents.push(other)
      expect(await other.state('refused')).toEqual({ kind: 'refused', code: 'token_used' })
    })

    it.each([
      ['unknown_node', undefined],
      ['token_unknown', `node_01ARZ3NDEKTSV4RRFFQ69G5FAV_${'0'.repeat(64)}`],
      ['token_unknown', 'nonsense'],
    ])('refuses with %s', async (code, token) => {
      const stranger = startAgent(world, { ...(token !== undefined && { token }) })
      agents.push(stranger)
      expect(await stranger.state('refused')).toEqual({ kind: 'refused', code })
    })

    it('refuses a token whose time is over, and a node that was revoked', async () => {
      const late = startAgent(world, { token: await joinToken(world, -1) })
      agents.push(late)
      expect(await late.state('refused')).toMatchObject({ code: 'token_expired' })
      const { nodeId, agent, seed } = await join({})
      await world.database.all({ sql: 'update nodes set revoked_at_ms = 1 where id = ?', params: [nodeId] })
      await agent.stop()
      const back = startAgent(world, { seed })
      agents.push(back)
      expect(await back.state('refused')).toMatchObject({ code: 'revoked' })
    })

    it('refuses a registration that was made for another nonce, another edge, or is said twice', async () => {
      const seed = newSeed()
      const token = await joinToken(world)
      const first = rawNode(world)
      const { nonce = '' } = await first.next('challenge')
      const registration = { ...first.proof(seed, nonce), joinToken: token }
      first.say(registration)
      await first.next('registered')
      first.say(registration)
      expect(await first.next('refused')).toMatchObject({ code: 'nonce_used' })
      const replay = rawNode(world)
      await replay.next('challenge')
      replay.say(registration)
      expect(await replay.next('refused')).toMatchObject({ code: 'wrong_signature' })
      const elsewhere = rawNode(world)
      const challenge = await elsewhere.next('challenge')
      elsewhere.say(elsewhere.proof(seed, challenge.nonce ?? '', 'other.example'))
      expect(await elsewhere.next('refused')).toMatchObject({ code: 'wrong_signature' })
      const rude = rawNode(world)
      await rude.next('challenge')
      rude.say({ type: 'heartbeat', running: 0, residentBytes: 0, resident: [] })
      expect(await rude.next('refused')).toMatchObject({ code: 'invalid_message' })
    })

    it('streams what a node says in order, and ends with its output', async () => {
      const { nodeId } = await join({
        rerank: async (_, task) => {
          task.progress(1, 2)
          for (const piece of ['a', 'b', 'c']) task.token(piece)
          return done
        },
      })
      expect(await run(nodeId)).toEqual([
        { kind: 'accepted' },
        { kind: 'progress', done: 1, total: 2 },
        ...['a', 'b', 'c'].map((text) => ({ kind: 'token', text })),
        { kind: 'done', output: done },
      ])
      expect(await world.hub.nodes(ORG)).toMatchObject([{ running: 0 }])
    })

    it('reports failures by their code', async () => {
      const { nodeId } = await join({ rerank: () => Promise.reject(new Error('broken')) })
      expect((await run(nodeId)).at(-1)).toMatchObject({ kind: 'failed', code: 'internal' })
      const embed = { ...taskOf('t'), kind: 'embed' as const, input: { model: MODEL, texts: ['x'] } }
      expect((await run(nodeId, embed)).at(-1)).toMatchObject({ code: 'unknown_operation' })
      expect((await run(nodeId, { ...taskOf('t'), input: {} })).at(-1)).toMatchObject({ code: 'invalid_input' })
      expect(await run('nobody')).toMatchObject([{ kind: 'failed', code: 'node_lost' }])
      expect(await run(nodeId, { ...taskOf('t'), orgId: 'another' })).toMatchObject([{ code: 'node_lost' }])
    })

    it('cancels at the node when nobody waits any more', async () => {
      const stopped = Promise.withResolvers<void>()
      const { nodeId } = await join({
        rerank: (_, task) =>
          new Promise((_resolve, reject) => {
            task.token('begun')
            task.signal.addEventListener('abort', () => {
              stopped.resolve()
              reject(new Error('stopped'))
            })
          }),
      })
      const stop = new AbortController()
      const events = []
      for await (const event of world.hub.run(nodeId, taskOf('t'), stop.signal)) {
        events.push(event.kind)
        if (event.kind === 'token') stop.abort()
      }
      expect(events).toEqual(['accepted', 'token', 'failed'])
      await stopped.promise
      for await (const event of world.hub.run(nodeId, taskOf('u'), never)) if (event.kind === 'token') break
      expect(await world.hub.nodes(ORG)).toMatchObject([{ running: 0 }])
    })

    it('ends a stream whose node is lost in the middle of it', async () => {
      const { nodeId, sockets } = await join({ rerank: stuck })
      const events = []
      for await (const event of world.hub.run(nodeId, taskOf('t'), never)) {
        events.push(event)
        if (event.kind === 'token') sockets[0]?.close()
      }
      expect(events.at(-1)).toMatchObject({ kind: 'failed', code: 'node_lost' })
    })

    it('believes no output without its digest, none of another shape, and no text with a gap', async () => {
      const node = await joinRaw()
      const outcome = async (answer: (lease: string) => object[]) => {
        const events = run(node.nodeId)
        const { lease = '' } = await node.next('task')
        for (const message of answer(lease)) node.say({ taskId: 't', lease, ...message })
        return (await events).at(-1)
      }
      const output = JSON.stringify(done)
      const mismatch = { kind: 'failed', code: 'result_mismatch' }
      expect(await outcome(() => [{ type: 'done', output, sha256: DIGEST_OF_OTHER, tokens: 0 }])).toMatchObject(
        mismatch,
      )
      const digest = bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('{}'))))
      expect(await outcome(() => [{ type: 'done', output: '{}', sha256: digest, tokens: 0 }])).toMatchObject(mismatch)
      expect(await outcome(() => [{ type: 'token', seq: 1, text: 'b' }])).toMatchObject(mismatch)
      const right = bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(output))))
      expect(await outcome(() => [{ type: 'done', output, sha256: right, tokens: 1 }])).toMatchObject(mismatch)
      node.socket.close()
    })

    it('ignores what comes twice, late, or of another lease', async () => {
      const node = await joinRaw()
      const output = JSON.stringify(done)
      const sha256 = bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(output))))
      const events = run(node.nodeId)
      const { lease = '' } = await node.next('task')
      const about = { taskId: 't', lease }
      node.say({ type: 'token', taskId: 't', lease: 'f'.repeat(32), seq: 0, text: 'foreign' })
      expect(await node.next('cancel')).toMatchObject({ lease: 'f'.repeat(32) })
      for (const seq of [0, 0, 1, 0, 1]) node.say({ type: 'token', ...about, seq, text: `${seq}` })
      for (let twice = 0; twice < 2; twice++) node.say({ type: 'done', ...about, output, sha256, tokens: 2 })
      expect(await events).toEqual([
        { kind: 'token', text: '0' },
        { kind: 'token', text: '1' },
        { kind: 'done', output: done },
      ])
      node.socket.close()
    })

    it('gives up a lease that ends, and tells the node', async () => {
      const node = await joinRaw()
      const events = run(node.nodeId, { ...taskOf('t'), leaseUntilMs: Date.now() - 1 })
      const { lease = '' } = await node.next('task')
      node.say({ type: 'token', taskId: 't', lease, seq: 0, text: 'late' })
      expect(await events).toMatchObject([{ kind: 'failed', code: 'node_lost' }])
      expect(await node.next('cancel')).toMatchObject({ lease })
      node.socket.close()
    })

    it('cuts off a task whose reader is too slow, and the node goes on with others', async () => {
      const node = await joinRaw()
      const slow = world.hub.run(node.nodeId, taskOf('t'), never)[Symbol.asyncIterator]()
      const first = slow.next()
      const { lease = '' } = await node.next('task')
      // More than any buffer on the way holds besides.
      const text = 'x'.repeat(64)
      for (let seq = 0; seq < NODE_EVENTS_WAITING_MAX * 2; seq++)
        node.say({ type: 'token', taskId: 't', lease, seq, text })
      expect(await node.next('cancel')).toMatchObject({ lease })
      await first
      const rest = []
      for (let next = await slow.next(); !next.done; next = await slow.next()) rest.push(next.value)
      expect(rest.at(-1)).toMatchObject({ kind: 'failed', code: 'timeout' })
      expect(await world.hub.nodes(ORG)).toMatchObject([{ running: 0 }])
      node.socket.close()
    })

    const desk = () => {
      const vault = new MemVault({ databases: new Map([['default', world.database]]) })
      const logger = { info() {}, warn() {}, error() {} }
      const byKey = (place: Awaited<ReturnType<MemVault['of']>>, key: string) => new NodeTaskRows(place).byKey(key)
      return { vault, desk: new NodeTaskDesk({ vault, hub: world.hub, runtime, logger, byKey }) }
    }
    const input = { model: MODEL, query: 'q', texts: ['one', 'two'] }
    const stateOf = async (id: string) => new NodeTaskRows(await desk().vault.of(ORG, Date.now())).get(id)

    it('does durable tasks once for each key, and again when a node is lost', async () => {
      const lost = await join({ rerank: stuck })
      const { desk: tasks } = desk()
      const id = await tasks.submit(ORG, { kind: 'rerank', input, idempotencyKey: 'one' })
      expect(await tasks.submit(ORG, { kind: 'rerank', input, idempotencyKey: 'one' })).toBe(id)
      const first = tasks.run(await queuedNodeTasks(world.database, 10), never)
      await expect.poll(async () => (await stateOf(id)).state).toBe('leased')
      await lost.agent.stop()
      await first
      expect(await stateOf(id)).toMatchObject({ state: 'queued', error: 'node_lost', lease: null, attempts: 1 })
      await join({ rerank: async () => done })
      await tasks.run(await queuedNodeTasks(world.database, 10), never)
      expect(await stateOf(id)).toMatchObject({ state: 'done', result: done, error: null, lease: null, attempts: 2 })
    })

    it('comes back to durable tasks whose edge died in the middle of them, and ignores its answer', async () => {
      const { desk: tasks, vault } = desk()
      const id = await tasks.submit(ORG, { kind: 'rerank', input })
      const place = await vault.of(ORG, Date.now(), 'write')
      const lease = { taskId: id, nodeId: 'n', lease: 'dead', leaseUntilMs: 1, atMs: 1 }
      await place.apply([{ kind: 'lease_node_task', ...lease }])
      await join({ rerank: async () => done })
      expect(await queuedNodeTasks(world.database, 10)).toEqual([])
      await reclaimNodeTasks(world.database, Date.now())
      await tasks.run(await queuedNodeTasks(world.database, 10), never)
      expect(await stateOf(id)).toMatchObject({ state: 'done', attempts: 2 })
      const end = { state: 'done' as const, result: { scores: [9] } }
      await expect(place.apply([{ kind: 'end_node_task', taskId: id, lease: 'dead', end, atMs: 2 }])).rejects.toThrow()
      expect(await stateOf(id)).toMatchObject({ result: done })
    })
  })
}
