import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ChatServer } from './chat-server.ts'

export interface ListeningChat {
  /** Up to and without `/chat/completions`. */
  baseUrl: string
  /** Connections that were opened so far. */
  connections(): number
  close(): Promise<void>
}

/** A chat server behind real sockets. What it throws closes the connection without an answer, as does a body that fails in its middle. */
export async function listenChat(chat: ChatServer): Promise<ListeningChat> {
  let connections = 0
  const server = createServer((incoming, outgoing) => {
    void respond(chat, incoming, outgoing).catch(() => incoming.socket.destroy())
  })
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function respond(chat: ChatServer, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { method = 'GET', url = '/', headers } = incoming
  const body = method === 'POST' ? { body: Buffer.concat(chunks) } : {}
  const request = new Request(new URL(url, 'http://chat.test'), {
    method,
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    ...body,
  })
  const response = await chat.handle(request)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body !== null) for await (const chunk of response.body) outgoing.write(chunk)
  outgoing.end()
}
