import { ChatCompletion, ChatRequest, ModelList } from '../chat.ts'
import { defineRoutes } from '../route.ts'

/** Routes in the shape of OpenAI's API; their errors are in its shape too (worker/interface/http/openai-error.ts). */
export const chatRoutes = defineRoutes({
  // Reading is what it needs; a key that may also write has the conversation remembered.
  createChatCompletion: {
    method: 'post',
    path: '/v1/chat/completions',
    summary: 'Answer with a model of a GPU node and with memory',
    tag: 'Generation',
    scope: 'memory:read',
    body: ChatRequest,
    status: 200,
    response: ChatCompletion,
  },
  listModels: {
    method: 'get',
    path: '/v1/models',
    summary: 'List the models of connected GPU nodes',
    tag: 'Generation',
    scope: 'memory:read',
    status: 200,
    response: ModelList,
  },
})
