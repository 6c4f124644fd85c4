import { WebSocket } from 'ws'
import type { AgentHost, NodeSocket } from '../../core/agent/node-socket.ts'

/** Node as the host of an agent. `seed`: 32 bytes, see node-key.ts. */
export const nodeAgentHost = (seed: Uint8Array): AgentHost => ({
  // `ws` has the same events and methods as a browser; only its types say otherwise.
  openSocket: (url) => new WebSocket(url, { perMessageDeflate: false }) as unknown as NodeSocket,
  fetch: (url, { body, ...request }) =>
    fetch(url, { ...request, ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> }) }),
  seed,
  random: Math.random,
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
})
