/**
 * Goal: the Cloudflare host embeds through its own queue, tasks and vector Durable Object.
 * Method: the Worker's fetch handler with a model's address in its environment; calls to that address are answered here, since nothing outside of
 * workerd may be reached. The queue consumer is the real one: it shares the module, and with it the host that the first request built.
 */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, vi } from 'vitest'
import worker from '../../worker/entry/cloudflare.ts'
import { openWorkerdEdge } from '../support/edge-workerd.ts'
import { answerEmbeddings, MODEL_ENVIRONMENT } from '../support/model-server.ts'
import { embedding } from './embedding.suite.ts'

const ownFetch = globalThis.fetch
const model = vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
  const request = new Request(input, init)
  return request.url.startsWith(MODEL_ENVIRONMENT.MEMOS_EMBEDDER) ? answerEmbeddings(request) : ownFetch(request)
})
afterAll(() => model.mockRestore())

embedding(async () => ({
  ...(await openWorkerdEdge()),
  fetch: async (path, init) => {
    const context = createExecutionContext()
    const request = new Request(new URL(path, 'http://edge.test'), init) as never
    const response = await worker.fetch(request, { ...env, ...MODEL_ENVIRONMENT } as never, context)
    await waitOnExecutionContext(context)
    return response
  },
}))
