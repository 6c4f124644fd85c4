import { WebSocket } from 'ws'
import type { AgentHost, NodeSocket } from '../../core/agent/node-socket.ts'
import { nodeKey } from './node-key.ts'

/** Node as the host of an agent, whose key lies in a file that is made where there is none. */
export const nodeAgentHost = (keyFile: string): AgentHost => ({
  // `ws` has the same events and methods as a browser; only its types say otherwise.
  openSocket: (url) => new WebSocket(url, { perMessageDeflate: false }) as unknown as NodeSocket,
  fetch: (url, { body, ...request }) =>
    fetch(url, { ...request, ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }) }),
  seed: nodeKey(keyFile),
  random: Math.random,
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
})
