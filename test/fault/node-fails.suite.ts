import { bytesToHex } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { portableEd25519, publicKeyOfSeed, signPortable } from '../../protocol/core/ed25519-rule.ts'
import { didOfKey } from '../../protocol/core/keys.ts'
import { nodeProofBytes } from '../../protocol/core/node-proof.ts'
import { NODE_LEASE_MS } from '../../schemas/limits-nodes.ts'
import { NodeDirectory } from '../../worker/infrastructure/nodes/node-directory.ts'
import { NodeGatekeeper } from '../../worker/infrastructure/nodes/node-gatekeeper.ts'
import { NodeTaskRows, queuedNodeTasks, reclaimNodeTasks } from '../../worker/infrastructure/nodes/node-task-rows.ts'
import { MemVault, type OrgVault } from '../../worker/infrastructure/vault/mem-vault.ts'
import { NodeTaskDesk } from '../../worker/operation/nodes/node-task-desk.ts'
import type { Database } from '../../worker/ports/database.ts'
import type { ConnectedNode, NodeHub } from '../../worker/ports/node-hub.ts'
import type { Principal } from '../../worker/ports/principal.ts'
import { FailingDatabase, Fault } from '../support/failing.ts'
import { capabilities, MODEL, newSeed } from '../support/node-world.ts'

/** A database of its own, with the tables of an edge. */
export type OpenRows = () => Promise<{ database: Database; close(): Promise<void> }>

const CALLS_MAX = 60
const WHEN = ['before', 'after'] as const
const DONE = { scores: [1] }

const node: ConnectedNode = {
  ...{ nodeId: 'n', name: 'n', runtime: 'test', provider: 'cpu', concurrency: 4, running: 0 },
  ...{ residentKeys: [], lastSeenMs: 0, models: capabilities().models },
}
const hub: NodeHub = {
  nodes: async () => [node],
  async *run() {
    yield { kind: 'accepted' }
    yield { kind: 'done', output: DONE }
  },
  connect: () => Promise.reject(new Error('no sockets here')),
  session: async () => null,
  disconnect: async () => {},
}

/**
 * Goal: a call that fails leaves nothing half-written: a token is used up exactly when its node exists, and a task whose lease nobody ends comes back.
 * Method: each call of the database fails once, before it took effect and after; then the rows are looked at, and the work is done to its end.
 */
export function nodeFails(host: string, open: OpenRows): void {
  describe(`nodes and their tasks on a failing ${host}`, () => {
    const world = async (database: Database) => {
      await database.all({
        sql: `insert or ignore into organisations (id, name, database, state, created_at_ms) values ('default', 'default', 'default', 'active', 0)`,
        params: [],
      })
      let nowMs = 1_000_000
      const fault = new Fault()
      const runtime = {
        nowMs: () => nowMs,
        randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
        defer: () => {},
      }
      const failing = new FailingDatabase(database, fault)
      const vault = () => new MemVault({ databases: new Map([['default', failing]]) })
      const pass = (ms: number) => {
        nowMs += ms
      }
      return { fault, runtime, failing, vault, pass }
    }

    it.each(WHEN)('a task is queued, leased under a lease that ends, or over, when a call fails %s', async (when) => {
      const { database, close } = await open()
      const { fault, runtime, failing, vault, pass } = await world(database)
      const byKey = (place: OrgVault, key: string) => new NodeTaskRows(place).byKey(key)
      const never = new AbortController().signal
      const rows = () =>
        database.all({
          sql: 'select id, state, lease is null, lease_until_ms is null, result from node_tasks',
          params: [],
        })
      let fired = true
      for (let call = 1; fired; call++) {
        expect(call).toBeLessThan(CALLS_MAX)
        await database.all({ sql: 'delete from node_tasks', params: [] })
        const logger = { info() {}, warn() {}, error() {} }
        const desk = new NodeTaskDesk({ vault: vault(), hub, runtime, logger, byKey })
        const input = { model: MODEL, query: 'q', texts: ['t'] }
        const work = async () => {
          await desk.submit('default', { kind: 'rerank', input, idempotencyKey: 'key' })
          await reclaimNodeTasks(failing, runtime.nowMs())
          await desk.run(await queuedNodeTasks(failing, 10), never)
        }
        fault.arm(call, when)
        await work().catch(() => undefined)
        fired = fault.fired !== null
        fault.disarm()
        const found = await rows()
        expect(found.length).toBeLessThan(2)
        for (const [, state, isFree, hasNoEnd, result] of found) {
          expect([state === 'leased' ? 0 : 1, state === 'leased' ? 0 : 1]).toEqual([isFree, hasNoEnd])
          expect(result === null).toBe(state !== 'done')
        }
        pass(NODE_LEASE_MS)
        await work()
        expect((await rows()).map(([, state, isFree]) => [state, isFree])).toEqual([['done', 1]])
      }
      await close()
    })

    it.each(WHEN)('a token is used up exactly when its node exists, when a call fails %s', async (when) => {
      const { database, close } = await open()
      const { fault, runtime, vault } = await world(database)
      let fired = true
      for (let call = 1; fired; call++) {
        expect(call).toBeLessThan(CALLS_MAX)
        const by = { orgId: 'default', root: false } as Principal
        const { secret } = await new NodeDirectory({ vault: vault(), runtime }).createToken(by, {
          name: 'n',
          lifeMs: 60_000,
        })
        const seed = newSeed()
        const publicKey = didOfKey(publicKeyOfSeed(seed))
        const nonce = '5'.repeat(64)
        const signature = bytesToHex(signPortable(nodeProofBytes('edge', nonce), seed))
        const gate = new NodeGatekeeper({ vault: vault(), ed25519: portableEd25519, runtime })
        const join = () =>
          gate.admit(
            { type: 'register', v: 1, publicKey, joinToken: secret, signature, capabilities: capabilities() },
            { origin: 'edge', nonce },
          )
        fault.arm(call, when)
        await join().catch(() => undefined)
        fired = fault.fired !== null
        fault.disarm()
        const [row] = await database.all({
          sql: `select (select count(*) from nodes where public_key = ?), (select count(*) from node_tokens t where t.used_by = (select id from nodes where public_key = ?)),
            (select count(*) from node_organisations o where o.node_id = (select id from nodes where public_key = ?))`,
          params: [publicKey, publicKey, publicKey],
        })
        expect([
          [0, 0, 0],
          [1, 1, 1],
        ]).toContainEqual(row)
        expect(await join()).toMatchObject({ organisations: ['default'] })
      }
      await close()
    })
  })
}
