import { multiaddrToUri } from '@multiformats/multiaddr-to-uri'
import type { EdgeSocket, OpenSocket } from './edge-websockets.ts'

/** What fetch of a Worker answers when it is asked to upgrade. */
interface UpgradedResponse {
  status: number
  webSocket?: (EdgeSocket & { accept(): void }) | null
}
type UpgradingFetch = (url: string, init: { headers: Record<string, string>; signal: AbortSignal }) => Promise<object>

/** Opens WebSockets by `fetch`, as Workers do. */
export function fetchSockets(fetch: UpgradingFetch): OpenSocket {
  return async (address, signal, use) => {
    const url = multiaddrToUri(address).replace(/^ws/, 'http')
    const response = (await fetch(url, { headers: { Upgrade: 'websocket' }, signal })) as UpgradedResponse
    if (!response.webSocket) throw new Error(`no WebSocket: HTTP ${response.status}`)
    const connection = use(response.webSocket) // its listeners first: messages come from accept() on
    response.webSocket.accept()
    return connection
  }
}

/** Opens WebSockets by their constructor, as Node and browsers do. */
export function constructedSockets(): OpenSocket {
  return async (address, signal, use) => {
    const socket = new WebSocket(multiaddrToUri(address))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = () => {
      socket.close()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', () => reject(new Error('the WebSocket did not open')))
    const connection = use(socket as unknown as EdgeSocket)
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
    return connection
  }
}
