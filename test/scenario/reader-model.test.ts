import { listenChat } from '../support/chat-listener.ts'
import { CHAT_ENVIRONMENT, ChatServer } from '../support/chat-server.ts'
import { openNodeEdge } from '../support/edge-node.ts'
import { readerWithModel } from './reader-model.suite.ts'

const KEY = 'key-of-the-model-server'
const chat = new ChatServer({ apiKey: KEY })

readerWithModel(async () => {
  const { baseUrl, close: closeChat } = await listenChat(chat)
  const edge = await openNodeEdge({ ...CHAT_ENVIRONMENT, MEMOS_LLM_BASE_URL: baseUrl, MEMOS_LLM_API_KEY: KEY })
  const close = async () => {
    await edge.close()
    await closeChat()
  }
  return { ...edge, close }
}, chat)
