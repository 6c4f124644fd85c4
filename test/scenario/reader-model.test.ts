import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { CHAT_ENVIRONMENT, ChatServer } from '../support/chat-server.ts'
import { openNodeEdge } from '../support/edge-node.ts'
import { readerWithModel } from './reader-model.suite.ts'

const chat = new ChatServer()

readerWithModel(async () => {
  const model = createServer(getRequestListener(chat.handle, { overrideGlobalObjects: false }))
  await new Promise<void>((resolve) => model.listen(0, '127.0.0.1', resolve))
  const { port } = model.address() as AddressInfo
  const edge = await openNodeEdge({ ...CHAT_ENVIRONMENT, MEMOS_LLM_BASE_URL: `http://127.0.0.1:${port}/v1` })
  const close = async () => {
    await edge.close()
    model.closeAllConnections()
    model.close()
  }
  return { ...edge, close }
}, chat)
