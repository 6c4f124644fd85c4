import { exports } from 'cloudflare:workers'
import { openWorkerdEdge } from '../support/edge-workerd.ts'
import { type Connect, mipTailSockets, type TestSocket } from './mip-tail-sockets.suite.ts'

const worker = exports as unknown as { default: { fetch(url: string, init: object): Promise<Response> } }

const connect: Connect = async (_, path, listen) => {
  const init = { headers: { upgrade: 'websocket' } }
  const response = await worker.default.fetch(new URL(path, 'http://edge.test').href, init)
  const { webSocket } = response as unknown as { webSocket: (TestSocket & { accept(): void }) | null }
  if (webSocket === null) {
    await response.arrayBuffer()
    return response.status
  }
  listen(webSocket)
  webSocket.accept()
  return webSocket
}

mipTailSockets('workerd', openWorkerdEdge, connect)
