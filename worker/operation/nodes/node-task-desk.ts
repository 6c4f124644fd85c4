import { bytesToHex } from '@noble/hashes/utils.js'
import { MemosError } from '../../../schemas/errors.ts'
import {
  NODE_LEASE_MS,
  NODE_TASK_BYTES_MAX,
  NODE_TASK_LEASES_MAX,
  NODE_TASKS_OPEN_MAX,
} from '../../../schemas/limits-nodes.ts'
import type { NodeErrorCode } from '../../../schemas/node-error.ts'
import { NODE_TASKS, type NodeTaskInput, type NodeTaskKind } from '../../../schemas/node-task.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { MemVault, OrgVault } from '../../infrastructure/vault/mem-vault.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import type { ConnectedNode, NodeHub } from '../../ports/node-hub.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { NodeTaskEnd, NodeTaskRow } from '../../ports/writes/nodes.ts'

/** What the task itself is to blame for: no node would do it. */
const FINAL: ReadonlySet<NodeErrorCode> = new Set(['invalid_input', 'context_overflow', 'cancelled'])

export interface NodeTaskDeskComponents {
  vault: MemVault
  hub: NodeHub
  runtime: Runtime
  logger: Logger
  /** Durable tasks by their rows, and those of a database that wait. */
  byKey(vault: OrgVault, key: string): Promise<NodeTaskRow | null>
}

export interface NewNodeTask<K extends NodeTaskKind> {
  kind: K
  input: NodeTaskInput<K>
  priority?: number
  idempotencyKey?: string
}

/**
 * Durable work for nodes. A task is leased in the database before a node hears of it, and its end counts only under the same lease: whatever
 * dies in between, the lease ends and the task is given anew, and no task is answered twice.
 */
export class NodeTaskDesk {
  readonly #components: NodeTaskDeskComponents

  constructor(components: NodeTaskDeskComponents) {
    this.#components = components
  }

  /** Puts a task into the queue; the one that has the same key already, where there is one. @throws MemosError invalid_request, quota_exceeded */
  async submit<K extends NodeTaskKind>(orgId: string, request: NewNodeTask<K>): Promise<string> {
    const { vault, runtime, byKey } = this.#components
    const { kind, priority = 0, idempotencyKey = null } = request
    const read = NODE_TASKS[kind].input.safeParse(request.input)
    if (!read.success || JSON.stringify(read.data).length > NODE_TASK_BYTES_MAX)
      throw new MemosError('invalid_request', { field: 'input', expected: `the input of ${kind}` })
    const nowMs = runtime.nowMs()
    const place = await vault.of(orgId, nowMs, 'write')
    const known = idempotencyKey === null ? null : await byKey(place, idempotencyKey)
    if (known !== null) return known.id
    const id = ulid(nowMs, runtime.randomBytes)
    const task: NodeTaskRow = {
      ...{ id, orgId, kind, model: read.data.model, input: read.data, priority, idempotencyKey, state: 'queued' },
      ...{ nodeId: null, lease: null, leaseUntilMs: null, attempts: 0, result: null, error: null },
      ...{ createdAtMs: nowMs, updatedAtMs: nowMs },
    }
    try {
      await place.apply([{ kind: 'insert_node_task', task, openMax: NODE_TASKS_OPEN_MAX }])
    } catch (error) {
      if (error instanceof GuardError)
        throw new MemosError('quota_exceeded', { detail: 'Too many tasks wait for a node.' }, { cause: error })
      const other = error instanceof UniqueError && idempotencyKey !== null ? await byKey(place, idempotencyKey) : null
      if (other === null) throw error
      return other.id
    }
    return id
  }

  /** Gives waiting tasks to nodes that have room, and resolves when those have ended. */
  async run(waiting: readonly NodeTaskRow[], signal: AbortSignal): Promise<void> {
    const room = new Map<string, number>()
    const given: Promise<void>[] = []
    for (const task of waiting) {
      if (signal.aborted) break
      const nodes = await this.#components.hub.nodes(task.orgId)
      const node = nodes.find((one) => isFit(one, task) && (room.get(one.nodeId) ?? one.concurrency - one.running) > 0)
      if (node === undefined) continue
      room.set(node.nodeId, (room.get(node.nodeId) ?? node.concurrency - node.running) - 1)
      given.push(this.#runOn(node.nodeId, task, signal))
    }
    await Promise.all(given)
  }

  async #runOn(nodeId: string, task: NodeTaskRow, signal: AbortSignal): Promise<void> {
    const { vault, runtime, logger } = this.#components
    try {
      const atMs = runtime.nowMs()
      const place = await vault.of(task.orgId, atMs, 'write')
      const lease = bytesToHex(runtime.randomBytes(16))
      const leaseUntilMs = atMs + NODE_LEASE_MS
      await place.apply([{ kind: 'lease_node_task', taskId: task.id, nodeId, lease, leaseUntilMs, atMs }])
      const end = await this.#outcome(nodeId, { task, place, lease, leaseUntilMs }, signal)
      if (end === null) return
      await place.apply([{ kind: 'end_node_task', taskId: task.id, lease, end, atMs: runtime.nowMs() }])
    } catch (error) {
      // Taken by another look, cancelled, or out of reach: whatever lease is left ends by itself.
      if (!(error instanceof GuardError))
        logger.warn('node_task_unfinished', { taskId: task.id, error: error instanceof Error ? error.name : 'unknown' })
    }
  }

  /** How a lease ends; null when it is no longer ours. */
  async #outcome(
    nodeId: string,
    held: { task: NodeTaskRow; place: OrgVault; lease: string; leaseUntilMs: number },
    signal: AbortSignal,
  ): Promise<NodeTaskEnd | null> {
    const { hub, runtime } = this.#components
    const { task, place, lease } = held
    const { id: taskId, orgId, kind, input } = task
    let { leaseUntilMs } = held
    for await (const event of hub.run(nodeId, { taskId, orgId, kind, input, leaseUntilMs }, signal)) {
      if (event.kind === 'done') return { state: 'done', result: event.output as Record<string, unknown> }
      if (event.kind === 'failed') {
        if (signal.aborted) return { state: 'queued', error: 'node_lost' }
        const isLast = FINAL.has(event.code) || task.attempts + 1 >= NODE_TASK_LEASES_MAX
        return { state: isLast ? 'failed' : 'queued', error: event.code }
      }
      const atMs = runtime.nowMs()
      // Half of a lease is time enough to write once more.
      if (leaseUntilMs - atMs > NODE_LEASE_MS / 2) continue
      leaseUntilMs = atMs + NODE_LEASE_MS
      await place.apply([{ kind: 'renew_node_task', taskId, lease, leaseUntilMs, atMs }])
    }
    return { state: 'queued', error: 'node_lost' }
  }
}

const isFit = ({ models }: ConnectedNode, { model, kind }: NodeTaskRow): boolean =>
  models.some(({ fingerprint, operations }) => fingerprint === model && operations.includes(kind))
