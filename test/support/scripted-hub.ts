import { cidOf } from '../../protocol/core/cid.ts'
import type { NodeErrorCode } from '../../schemas/node-error.ts'
import type { NodeTaskInput, NodeTaskKind, NodeTaskOutput } from '../../schemas/node-task.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { NodeBlobs } from '../../worker/infrastructure/nodes/node-blobs.ts'
import type { ConnectedNode, LeasedTask, NodeEvent, NodeHub } from '../../worker/ports/node-hub.ts'

/** Fingerprint of the model that scripted nodes have unless they say otherwise. */
export const SCRIPTED_MODEL = 'a1'.repeat(32)

type TaskPlace = Pick<LeasedTask, 'taskId' | 'orgId'>

/** What a scripted node does with a task, instead of answering as it should. */
export type Mishap =
  | { kind: 'fails'; code: NodeErrorCode; afterTokens: number }
  /** The socket is gone. */
  | { kind: 'lost'; afterTokens: number }
  | { kind: 'waits'; until: Promise<void>; afterTokens: number }

export interface ScriptedNode extends ConnectedNode {
  /** Mishaps of the next tasks, one each. */
  mishaps: Mishap[]
  isConnected: boolean
  /** Tasks in flight now, and at most at once. */
  inFlight: number
  inFlightMax: number
  /** Inputs of the tasks that it was given. */
  given: NodeTaskInput<NodeTaskKind>[]
  cancelled: number
}

/**
 * A hub whose nodes answer from a script: the words of the last message, reversed, one token each; a KV cache that is the text itself. Nothing
 * here needs Node.
 */
export class ScriptedHub implements NodeHub {
  readonly scripted = new Map<string, ScriptedNode>()
  readonly blobs = new NodeBlobs(new MemoryBlobStore(), () => 0)

  add(nodeId: string, change: Partial<ScriptedNode> = {}): ScriptedNode {
    const model = {
      name: 'scripted',
      fingerprint: SCRIPTED_MODEL,
      operations: ['generate', 'encode_kv'],
      positionsMax: 4096,
    }
    const node: ScriptedNode = {
      ...{ nodeId, name: nodeId, runtime: 'scripted', provider: 'cpu', concurrency: 2, running: 0, residentKeys: [] },
      ...{ lastSeenMs: 0, mishaps: [], isConnected: true, inFlight: 0, inFlightMax: 0, given: [], cancelled: 0 },
      models: [model as never],
      ...change,
    }
    this.scripted.set(nodeId, node)
    return node
  }

  async nodes(): Promise<ConnectedNode[]> {
    return [...this.scripted.values()].filter(({ isConnected }) => isConnected)
  }

  connect(): Promise<Response> {
    throw new Error('scripted nodes do not connect')
  }

  async session(): Promise<null> {
    return null
  }

  async disconnect(nodeId: string): Promise<void> {
    const node = this.scripted.get(nodeId)
    if (node !== undefined) node.isConnected = false
  }

  async *run(nodeId: string, task: LeasedTask, signal: AbortSignal): AsyncGenerator<NodeEvent, void> {
    const node = this.scripted.get(nodeId)
    if (node?.isConnected !== true) return yield { kind: 'failed', code: 'node_lost', detail: '' }
    node.given.push(task.input as NodeTaskInput<NodeTaskKind>)
    node.inFlight += 1
    node.inFlightMax = Math.max(node.inFlightMax, node.inFlight)
    try {
      yield { kind: 'accepted' }
      yield* this.#work(node, task, signal)
    } finally {
      node.inFlight -= 1
      if (signal.aborted) node.cancelled += 1
    }
  }

  async *#work(
    node: ScriptedNode,
    { taskId, orgId, kind, input }: LeasedTask,
    signal: AbortSignal,
  ): AsyncGenerator<NodeEvent, void> {
    const mishap = node.mishaps.shift()
    const output =
      kind === 'encode_kv'
        ? await this.#encode(input as never, { taskId, orgId })
        : await this.#answer(input as never, { taskId, orgId })
    const tokens = 'text' in output ? output.text.split(/(?<= )/) : []
    for (const [at, text] of tokens.entries()) {
      if (mishap !== undefined && at === mishap.afterTokens && (yield* this.#mishap(mishap, signal))) return
      if (!node.isConnected) return
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (signal.aborted) return
      yield { kind: 'token', text }
    }
    if (mishap !== undefined && mishap.afterTokens >= tokens.length && (yield* this.#mishap(mishap, signal))) return
    yield { kind: 'done', output }
  }

  /** Whether the task is over with it. */
  async *#mishap(mishap: Mishap, signal: AbortSignal): AsyncGenerator<NodeEvent, boolean> {
    if (mishap.kind === 'fails') yield { kind: 'failed', code: mishap.code, detail: 'scripted' }
    if (mishap.kind !== 'waits') return true
    const left = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    await Promise.race([mishap.until, left])
    return signal.aborted
  }

  async #answer(
    { messages, memory, conversation }: NodeTaskInput<'generate'>,
    task: TaskPlace,
  ): Promise<NodeTaskOutput<'generate'>> {
    const words = (messages.at(-1)?.content ?? '').split(' ')
    const tokens = (text: string) => text.split(' ').length
    const prompt = [...memory, ...messages.map(({ content }) => ({ text: content }))]
    return {
      text: words.toReversed().join(' '),
      finish: 'stop',
      usage: {
        promptTokens: prompt.reduce((sum, { text }) => sum + tokens(text), 0),
        cachedTokens: conversation?.kv === undefined ? 0 : conversation.kv.bytes,
        completionTokens: words.length,
      },
      ms: { load: 0, prefill: 1, firstToken: 1, total: 2 },
      injected: memory.map(({ cubeId, text, kv }) => ({
        ...{ cubeId, tokens: tokens(text) },
        ...(kv === undefined
          ? { as: 'text' as const, source: 'made' as const }
          : { as: 'kv' as const, source: 'blob' as const }),
      })),
      ...(conversation !== undefined && {
        conversationKv: await this.#rendition(prompt.map(({ text }) => text).join('\n'), 'fp16', task),
      }),
    }
  }

  async #encode({ text, dtype }: NodeTaskInput<'encode_kv'>, task: TaskPlace): Promise<NodeTaskOutput<'encode_kv'>> {
    return { rendition: await this.#rendition(text, dtype, task) }
  }

  async #rendition(
    text: string,
    dtype: 'fp16' | 'int8',
    task: TaskPlace,
  ): Promise<NodeTaskOutput<'encode_kv'>['rendition']> {
    const tokens = text.split(' ').length
    return {
      ...{
        kind: 'kv',
        modelFingerprint: SCRIPTED_MODEL,
        blob: await this.#put(new TextEncoder().encode(`${dtype} ${text}`), task),
      },
      ...(dtype === 'fp16' ? { dtype } : { dtype: 'q8', quantGroupSize: 8 }),
      ...{ layout: 'bhtd', layers: 1, kvHeads: 1, headDim: 8, tokenCount: tokens, positionOffset: 0 },
      tokens: await this.#put(new Uint8Array(tokens * 4), task),
    }
  }

  async #put(bytes: Uint8Array, task: TaskPlace) {
    const cid = cidOf(bytes, 'raw')
    await this.blobs.put({ ...task, cid }, { at: 0, size: bytes.length, bytes })
    return { cid, bytes: bytes.length }
  }
}
