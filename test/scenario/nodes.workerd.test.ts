import { env, exports } from 'cloudflare:workers'
import type { NodeSocket } from '../../gpu-node/core/agent/node-socket.ts'
import { D1Driver } from '../../worker/drivers/database/d1.ts'
import { ObjectNodeHub } from '../../worker/drivers/node-hub/object-node-hub.ts'
import type { NodeWorld } from '../support/node-world.ts'
import { nodesSuite } from './nodes.suite.ts'

const bindings = env as unknown as { DB: D1Database; NODE_HUB: DurableObjectNamespace }
const worker = exports as unknown as { default: { fetch(url: string, init: object): Promise<Response> } }
type Accepted = NodeSocket & { accept(): void }

/** A socket that opens later: what is said before is kept, as `fetch` gives it only when it is there. */
function openSocket(url: string): NodeSocket {
  const listeners: [type: string, listener: (event: { data: unknown }) => void][] = []
  let socket: Accepted | null = null
  let isClosed = false
  const fail = () => {
    for (const [type, listener] of listeners) if (type === 'close') listener({ data: null })
  }
  worker.default.fetch(url.replace(/^ws/, 'http'), { headers: { upgrade: 'websocket' } }).then((response) => {
    socket = (response as unknown as { webSocket: Accepted | null }).webSocket
    if (socket === null) return fail()
    for (const [type, listener] of listeners) socket.addEventListener(type as 'message', listener)
    socket.accept()
    if (isClosed) socket.close(1000)
  }, fail)
  return {
    send: (text) => {
      if (socket === null) throw new Error('not open')
      socket.send(text)
    },
    close: (code, reason) => {
      isClosed = true
      socket?.close(code, reason)
    },
    addEventListener: (type: string, listener: (event: { data: unknown }) => void) => {
      listeners.push([type, listener])
    },
  } as NodeSocket
}

nodesSuite(
  'workerd',
  async (): Promise<NodeWorld> => ({
    database: new D1Driver('default', bindings.DB),
    hub: new ObjectNodeHub(bindings.NODE_HUB),
    edge: 'http://edge.test',
    openSocket,
    close: async () => {},
  }),
)
