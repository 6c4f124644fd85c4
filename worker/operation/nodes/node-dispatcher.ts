import { MemosError } from '../../../schemas/errors.ts'
import { TASK_LEASE_MS } from '../../../schemas/limits.ts'
import { CHAT_MS_MAX, NODE_ATTEMPTS_MAX, NODE_QUEUE_MS_MAX, NODE_TASK_MS_MAX } from '../../../schemas/limits-nodes.ts'
import type { NodeErrorCode } from '../../../schemas/node-error.ts'
import { NODE_TASKS, type NodeTaskInput, type NodeTaskKind, type NodeTaskOutput } from '../../../schemas/node-task.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { TaskState } from '../../../schemas/vocabulary.ts'
import type { MemVault } from '../../infrastructure/vault/mem-vault.ts'
import type { Logger } from '../../ports/logger.ts'
import type { ConnectedNode, NodeHub } from '../../ports/node-hub.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { isWorthAnotherNode, nodeFailure } from './node-failure.ts'
import { type RoutingDecision, routeTask } from './node-router.ts'
import { type NodeSlots, noNodeFree } from './node-slots.ts'

/** Kind of the task rows of what nodes do, by operation: `node:generate`. No runner of background tasks takes them. */
export const nodeTaskKind = (kind: NodeTaskKind): string => `node:${kind}`

/** A task for whichever node fits. */
export interface NodeRequest<K extends NodeTaskKind> {
  orgId: string
  namespaceId: number | null
  kind: K
  input: NodeTaskInput<K>
  /** Fingerprint of the model. */
  model: string
  /** Keys of the KV caches and adapters that the input names. */
  residentKeys: readonly string[]
  /** Background work waits for no node: it never takes the place of somebody who waits. */
  isBackground?: boolean
  /** Whether the caller sees the answer as it comes: then no attempt follows one that has streamed. */
  isStreamed?: boolean
}

/** Where a task ran and how it came there. */
export interface Assignment {
  taskId: string
  node: ConnectedNode
  decision: RoutingDecision
  /** From 1. */
  attempt: number
  /** Time in the queue, all attempts together. */
  waitedMs: number
}

export type DispatchEvent<K extends NodeTaskKind> =
  | ({ kind: 'assigned' } & Assignment)
  | { kind: 'progress'; done: number; total: number | null }
  | { kind: 'token'; text: string }
  | ({ kind: 'done'; output: NodeTaskOutput<K> } & Assignment)

export interface NodeDispatcherComponents {
  hub: NodeHub
  slots: NodeSlots
  vault: MemVault
  runtime: Runtime
  logger: Logger
}

interface Place extends Assignment {
  release(): void
}

/** How one attempt ended. */
type Outcome<K extends NodeTaskKind> =
  | { isDone: true; output: NodeTaskOutput<K> }
  | { isDone: false; code: NodeErrorCode; hasStreamed: boolean }

/**
 * Stands between callers and the hub: keeps a row of each task, chooses a node, waits for room, gives the task to another node as long as the
 * caller has seen nothing, and ends every task in an output or an error with a code. Leaving the loop, or the signal, cancels at the node.
 */
export class NodeDispatcher {
  readonly #components: NodeDispatcherComponents

  constructor(components: NodeDispatcherComponents) {
    this.#components = components
  }

  /** Nodes that are connected and serve an organisation. */
  nodes(orgId: string): Promise<ConnectedNode[]> {
    return this.#components.hub.nodes(orgId)
  }

  /**
   * Runs a task. Exactly one `done` is the last event, or it throws.
   * @throws MemosError no_model_available, no_node_free, node_failed (with the node's code as `reason`), context_overflow, invalid_request,
   * deadline_exceeded
   */
  async *run<K extends NodeTaskKind>(
    request: NodeRequest<K>,
    signal: AbortSignal,
  ): AsyncGenerator<DispatchEvent<K>, void> {
    const { runtime } = this.#components
    const taskId = ulid(runtime.nowMs(), runtime.randomBytes)
    const until = AbortSignal.any([signal, AbortSignal.timeout(CHAT_MS_MAX)])
    await this.#begin(taskId, request)
    let end: { state: TaskState; error: string | null } = { state: 'cancelled', error: null }
    try {
      yield* this.#attempts(taskId, request, until)
      end = { state: 'succeeded', error: null }
    } catch (error) {
      const known = timely(error, until)
      end = { state: 'failed', error: known instanceof MemosError ? (known.facts.reason ?? known.code) : 'internal' }
      throw known
    } finally {
      await this.#end(taskId, request.orgId, end)
    }
  }

  /** The output of a task whose progress nobody watches. @throws MemosError as `run` */
  async output<K extends NodeTaskKind>(request: NodeRequest<K>, signal: AbortSignal): Promise<NodeTaskOutput<K>> {
    for await (const event of this.run(request, signal)) if (event.kind === 'done') return event.output
    throw new MemosError('node_failed', { reason: 'node_lost' })
  }

  async *#attempts<K extends NodeTaskKind>(
    taskId: string,
    request: NodeRequest<K>,
    signal: AbortSignal,
  ): AsyncGenerator<DispatchEvent<K>, void> {
    const { logger, runtime } = this.#components
    const failedOn = new Set<string>()
    let lastCode: NodeErrorCode | null = null
    for (let attempt = 1, waitedMs = 0; ; attempt++) {
      const fromMs = runtime.nowMs()
      const taken: Place = await this.#place(request, failedOn, lastCode, signal)
      const { release, ...place } = taken
      waitedMs += runtime.nowMs() - fromMs
      const assignment: Assignment = { ...place, taskId, attempt, waitedMs }
      let outcome: Outcome<K>
      try {
        yield { kind: 'assigned', ...assignment }
        outcome = yield* this.#attempt(taskId, request, place.node, signal)
      } finally {
        release()
      }
      if (outcome.isDone) return yield { kind: 'done', output: outcome.output, ...assignment }
      signal.throwIfAborted()
      const { code, hasStreamed }: { code: NodeErrorCode; hasStreamed: boolean } = outcome
      logger.warn('node_task_failed', { taskId, nodeId: place.node.nodeId, kind: request.kind, attempt, error: code })
      if (hasStreamed || attempt === NODE_ATTEMPTS_MAX || !isWorthAnotherNode(code))
        throw nodeFailure(code, hasStreamed)
      failedOn.add(place.node.nodeId)
      lastCode = code
    }
  }

  /** One attempt on one node. Whatever ends it early, the node is told to stop. */
  async *#attempt<K extends NodeTaskKind>(
    taskId: string,
    { orgId, kind, input, isStreamed = false }: NodeRequest<K>,
    { nodeId }: ConnectedNode,
    signal: AbortSignal,
  ): AsyncGenerator<DispatchEvent<K>, Outcome<K>> {
    const { hub, runtime } = this.#components
    const stop = new AbortController()
    const ended = AbortSignal.any([signal, stop.signal, AbortSignal.timeout(NODE_TASK_MS_MAX)])
    const task = { taskId, orgId, kind, input, leaseUntilMs: runtime.nowMs() + TASK_LEASE_MS }
    let hasStreamed = false
    try {
      for await (const event of hub.run(nodeId, task, ended)) {
        if (event.kind === 'failed') return { isDone: false, code: event.code, hasStreamed }
        if (event.kind === 'done') {
          const output = outputOf(kind, event.output)
          return output === null ? { isDone: false, code: 'result_mismatch', hasStreamed } : { isDone: true, output }
        }
        if (event.kind === 'progress') yield event
        // Whoever waits for the whole gets it from the output: another node may begin anew.
        if (event.kind === 'token' && isStreamed) {
          hasStreamed = true
          yield event
        }
      }
      return { isDone: false, code: ended.aborted ? 'timeout' : 'node_lost', hasStreamed }
    } finally {
      stop.abort()
    }
  }

  /** A place on the best node that has room; waits for one in turn. */
  async #place<K extends NodeTaskKind>(
    request: NodeRequest<K>,
    failedOn: ReadonlySet<string>,
    lastCode: NodeErrorCode | null,
    signal: AbortSignal,
  ): Promise<Place> {
    const { slots } = this.#components
    const queue = `${request.orgId} ${request.model}`
    const attempt = () => this.#tryPlace(request, failedOn, lastCode)
    if (request.isBackground === true) {
      const place = slots.waiting(queue) === 0 ? await attempt() : null
      if (place === null) throw noNodeFree(slots.waiting(queue))
      return place
    }
    const patience = AbortSignal.timeout(NODE_QUEUE_MS_MAX)
    try {
      return await slots.inTurn(queue, AbortSignal.any([signal, patience]), attempt)
    } catch (error) {
      throw patience.aborted && !signal.aborted ? noNodeFree(slots.waiting(queue)) : error
    }
  }

  /** Null where every capable node is busy. Nothing is awaited between the choice and the taking of the place. */
  async #tryPlace<K extends NodeTaskKind>(
    { orgId, kind, model, residentKeys }: NodeRequest<K>,
    failedOn: ReadonlySet<string>,
    lastCode: NodeErrorCode | null,
  ): Promise<Place | null> {
    const { hub, slots } = this.#components
    const nodes = await hub.nodes(orgId)
    const wanted = { fingerprint: model, operation: kind, residentKeys, failedOn }
    const decision = routeTask(nodes, wanted, (node) => slots.running(node))
    if (decision.capable === 0) throw lastCode === null ? noModel() : nodeFailure(lastCode, false)
    const node = decision.chosen
    if (node === null) return null
    return { taskId: '', node, decision, attempt: 0, waitedMs: 0, release: slots.take(node.nodeId) }
  }

  async #begin<K extends NodeTaskKind>(id: string, { orgId, namespaceId, kind, model }: NodeRequest<K>): Promise<void> {
    const { vault, runtime } = this.#components
    const nowMs = runtime.nowMs()
    const place = await vault.of(orgId, nowMs, 'write')
    await place.apply([
      {
        kind: 'insert_task',
        task: {
          ...{ id, orgId, namespaceId, kind: nodeTaskKind(kind), state: 'running', input: { model } },
          ...{ progress: 0, total: null, attempts: 0, error: null },
          ...{ leaseUntilMs: nowMs + CHAT_MS_MAX, createdAtMs: nowMs, updatedAtMs: nowMs },
        },
      },
    ])
  }

  /** A row that cannot be ended now is ended by the upkeep when its lease is over. */
  async #end(
    taskId: string,
    orgId: string,
    { state, error }: { state: TaskState; error: string | null },
  ): Promise<void> {
    const { vault, runtime, logger } = this.#components
    const atMs = runtime.nowMs()
    try {
      const place = await vault.of(orgId, atMs, 'write')
      await place.apply([
        { kind: 'set_task', taskId, expectedState: 'running', state, error, leaseUntilMs: null, atMs },
      ])
    } catch (cause) {
      logger.warn('node_task_unfinished', { taskId, error: cause instanceof Error ? cause.name : 'unknown' })
    }
  }
}

/** What a node gave as its output; null where that is not one. The tables hold the shape that fits the kind; TypeScript does not follow. */
function outputOf<K extends NodeTaskKind>(kind: K, output: unknown): NodeTaskOutput<K> | null {
  const read = NODE_TASKS[kind].output.safeParse(output)
  return read.success ? (read.data as NodeTaskOutput<K>) : null
}

const noModel = (): MemosError =>
  new MemosError('no_model_available', { detail: 'No connected node has this model and can do this.' })

/** A signal's own reason as an error with a code. */
const timely = (error: unknown, signal: AbortSignal): unknown =>
  signal.aborted && error === signal.reason
    ? new MemosError('deadline_exceeded', { detail: 'The task was given up.' }, { cause: error })
    : error
