import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerProcess } from '../../support/process.ts'

/** The server listens for an inspector on a free port once it is asked to. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=0' }

const READY_LINE = /^Debugger listening on (ws:\/\/\S+)$/
const READY_MS_MAX = 5000

/** The JavaScript heap of a server that was started with INSPECTABLE, seen through the Chrome DevTools Protocol. */
export class LiveHeap implements Disposable {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #calls = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { id = 0, result, error } = JSON.parse(String(data)) as Answer
      if (error === undefined) this.#waiting.get(id)?.resolve(result)
      else this.#waiting.get(id)?.reject(new Error(error.message))
      this.#waiting.delete(id)
    })
    socket.addEventListener('close', () => {
      for (const call of this.#waiting.values()) call.reject(new Error('the server has ended'))
    })
  }

  static async of(server: ServerProcess): Promise<LiveHeap> {
    // Node answers this signal by starting its inspector.
    process.kill(server.pid, 'SIGUSR1')
    const socket = new WebSocket(await inspectorUrl(server))
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    return new LiveHeap(socket)
  }

  /** Collects all garbage; answers what is left, MiB: objects and the buffers they own. */
  async collected(): Promise<number> {
    await this.#call('HeapProfiler.collectGarbage')
    const { usedSize, backingStorageSize = 0 } = (await this.#call('Runtime.getHeapUsage')) as HeapUsage
    return (usedSize + backingStorageSize) / 2 ** 20
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }

  #call(method: string): Promise<unknown> {
    const id = ++this.#calls
    const call = Promise.withResolvers<unknown>()
    this.#waiting.set(id, call)
    this.#socket.send(JSON.stringify({ id, method }))
    return call.promise
  }
}

interface Answer {
  id?: number
  result?: unknown
  error?: { message: string }
}

interface HeapUsage {
  usedSize: number
  backingStorageSize?: number
}

async function inspectorUrl(server: ServerProcess): Promise<string> {
  for (const until = performance.now() + READY_MS_MAX; performance.now() < until; await sleep(20)) {
    const url = server.output().map((line) => READY_LINE.exec(line)?.[1])
    const found = url.find((one) => one !== undefined)
    if (found !== undefined) return found
  }
  throw new Error(`the server's inspector was not there within ${READY_MS_MAX} ms`)
}
