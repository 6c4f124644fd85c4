import type { ConnectedNode, LeasedTask, NodeEvent, NodeHub, NodeSession } from '../../ports/node-hub.ts'
import { HUB_HOST_HEADER, type RunRequest } from './object-protocol.ts'

const URL_OF_OBJECT = 'http://node-hub/'

interface HubStub {
  fetch(url: string, init: RequestInit): Promise<Response & { webSocket: unknown }>
  nodes(orgId: string): Promise<ConnectedNode[]>
  session(secret: string): Promise<NodeSession | null>
  disconnect(nodeId: string): Promise<void>
  cancelTask(nodeId: string, taskId: string): Promise<void>
}

/** The hub of the Cloudflare host: one Durable Object for the deployment holds the sockets. */
export class ObjectNodeHub implements NodeHub {
  readonly #objects: DurableObjectNamespace

  constructor(objects: DurableObjectNamespace) {
    this.#objects = objects
  }

  nodes(orgId: string): Promise<ConnectedNode[]> {
    return this.#stub().nodes(orgId)
  }

  session(secret: string): Promise<NodeSession | null> {
    return this.#stub().session(secret)
  }

  disconnect(nodeId: string): Promise<void> {
    return this.#stub().disconnect(nodeId)
  }

  async connect(request: Request): Promise<Response> {
    if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket')
      return new Response(null, { status: 426, headers: { upgrade: 'websocket' } })
    const headers = { upgrade: 'websocket', [HUB_HOST_HEADER]: new URL(request.url).host }
    const { status, webSocket, headers: said } = await this.#stub().fetch(URL_OF_OBJECT, { headers })
    // Made anew, so that it may be given further headers.
    return new Response(null, { status, headers: new Headers(said), webSocket } as ResponseInit)
  }

  async *run(nodeId: string, task: LeasedTask, signal: AbortSignal): AsyncGenerator<NodeEvent, void> {
    if (signal.aborted) return yield CANCELLED
    const stub = this.#stub()
    const body = JSON.stringify({ nodeId, task } satisfies RunRequest)
    let reader: ReadableStreamDefaultReader<Uint8Array> | null = null
    let isEnded = false
    const cancel = () => void stub.cancelTask(nodeId, task.taskId).catch(() => undefined)
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const response = await stub.fetch(URL_OF_OBJECT, { method: 'POST', body })
      reader = (response.body as ReadableStream<Uint8Array>).getReader()
      for await (const event of eventsOf(reader)) {
        isEnded = event.kind === 'done' || event.kind === 'failed'
        yield event
      }
      if (!isEnded) yield LOST
    } catch {
      // The object died, and its sockets with it.
      if (!isEnded) yield signal.aborted ? CANCELLED : LOST
    } finally {
      signal.removeEventListener('abort', cancel)
      if (!isEnded) cancel()
      await reader?.cancel().catch(() => undefined)
    }
  }

  #stub(): HubStub {
    return this.#objects.getByName('hub') as unknown as HubStub
  }
}

const LOST: NodeEvent = { kind: 'failed', code: 'node_lost', detail: 'the hub was lost' }
const CANCELLED: NodeEvent = { kind: 'failed', code: 'cancelled', detail: 'nobody waits for it' }

async function* eventsOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<NodeEvent, void> {
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    text += decoder.decode(value, { stream: true })
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as NodeEvent
  }
}
