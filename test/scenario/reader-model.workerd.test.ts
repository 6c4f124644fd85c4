/**
 * Goal: the Cloudflare host refines readings with a model that its environment names.
 * Method: the Worker's fetch handler; calls to the model's address are answered here, since nothing outside of workerd may be reached.
 */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, vi } from 'vitest'
import worker from '../../worker/entry/cloudflare.ts'
import { CHAT_ENVIRONMENT, ChatServer } from '../support/chat-server.ts'
import { openWorkerdEdge } from '../support/edge-workerd.ts'
import { readerWithModel } from './reader-model.suite.ts'

const chat = new ChatServer()
const ownFetch = globalThis.fetch
const model = vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
  const request = new Request(input, init)
  return request.url.startsWith(CHAT_ENVIRONMENT.MEMOS_LLM_BASE_URL) ? chat.handle(request) : ownFetch(request)
})
afterAll(() => model.mockRestore())

readerWithModel(
  async () => ({
    ...(await openWorkerdEdge()),
    fetch: async (path, init) => {
      const context = createExecutionContext()
      const request = new Request(new URL(path, 'http://edge.test'), init) as never
      const response = await worker.fetch(request, { ...env, ...CHAT_ENVIRONMENT } as never, context)
      await waitOnExecutionContext(context)
      return response
    },
  }),
  chat,
)
