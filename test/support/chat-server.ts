import { type ChatRules, errorOf, requestFault } from './chat-rules.ts'

/** A language model that answers what a test laid ready or a recording holds, in the wire format of OpenAI's `POST /chat/completions`. */
export const CHAT_ENVIRONMENT = { MEMOS_LLM_BASE_URL: 'http://chat.test/v1', MEMOS_LLM_MODEL: 'test/chat' }

/** What was asked: the JSON document of the user message, and everything else that was sent. */
export interface Asked {
  model: string
  messages: { role: string; content: string }[]
  max_tokens?: number
  max_completion_tokens?: number
  temperature?: number
  response_format?: { type: string; json_schema: { name: string; schema: Record<string, unknown> } }
  headers: Headers
  data: Record<string, unknown>
}

export type ChatAnswer = (asked: Asked) => Response | Promise<Response>

/** The connection ends before there is an answer: what `fetch` tells of a socket that was closed. */
export class ConnectionDropped extends TypeError {
  override name = 'ConnectionDropped'
}

/** A whole answer as a server of that kind sends it. */
export const completion = (content: string | null, more: { finish_reason?: string; refusal?: string } = {}): Response =>
  Response.json({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_773_828_000,
    model: CHAT_ENVIRONMENT.MEMOS_LLM_MODEL,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: more.refusal ?? null },
        logprobs: null,
        finish_reason: more.finish_reason ?? 'stop',
      },
    ],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  })

export const completionOf = (value: unknown): Response => completion(JSON.stringify(value))

/** A 200 whose connection ends in the middle of the body. */
export function truncated(whole: Response): Response {
  const bytes = whole.arrayBuffer()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (controller.desiredSize === null) return
      controller.enqueue(new Uint8Array(await bytes).subarray(0, 40))
      controller.error(new ConnectionDropped('other side closed'))
    },
  })
  return new Response(body, { headers: whole.headers })
}

/** Bad answers that real servers give, by what is wrong with them. */
export const BAD_ANSWERS: Record<string, ChatAnswer> = {
  'broken JSON': () => completion('{"intent": "recall", "target": '),
  'words around nothing': () => completion('Sure! Here is what you asked for.'),
  'another form': () => completionOf({ intent: 'destroy', window: 'always' }),
  'a refusal': () => completion(null, { refusal: 'I cannot help with that.' }),
  'a content filter': () => completion('', { finish_reason: 'content_filter' }),
  'an answer cut off': () => completion('{"intent": "rec', { finish_reason: 'length' }),
  'no content': () => completion(null),
  'no choices': () => Response.json({ id: 'x', object: 'chat.completion', choices: [] }),
  'no JSON at all': () => new Response('<html>Bad gateway</html>', { headers: { 'content-type': 'text/html' } }),
  'a body cut in the middle': () => truncated(completionOf({ pairs: [], memories: [], decisions: [] })),
  'a closed connection': () => {
    throw new ConnectionDropped('other side closed')
  },
  'too many requests': () =>
    errorOf(429, 'Rate limit reached for requests', { code: 'rate_limit_exceeded', headers: { 'retry-after': '0' } }),
  'a fault of its own': () =>
    errorOf(500, 'The server had an error while processing your request.', {
      type: 'server_error',
      headers: { 'retry-after': '0' },
    }),
  'no key': () => errorOf(401, 'Incorrect API key provided', { code: 'invalid_api_key' }),
  'no such model': () => errorOf(404, 'The model does not exist', { code: 'model_not_found' }),
  'a prompt that is too long': () =>
    errorOf(400, "This model's maximum context length is 8192 tokens.", {
      code: 'context_length_exceeded',
      param: 'messages',
    }),
  'far too much': () => completion('x'.repeat(300 * 1024)),
}

/** A server that asks to be left alone for longer than anyone waits. */
export const tooBusy: ChatAnswer = () =>
  errorOf(429, 'Rate limit reached for requests', { code: 'rate_limit_exceeded', headers: { 'retry-after': '3600' } })

/** Serves chat completions: each request is checked as the real server checks it, kept, then answered. */
export class ChatServer {
  readonly asked: Asked[] = []
  /** Requests that the rules of the wire refused, by what was said. */
  readonly refused: string[] = []
  answer: ChatAnswer = () => completion('{}')
  readonly #rules: ChatRules

  constructor(rules: ChatRules = {}) {
    this.#rules = rules
  }

  readonly handle = async (request: Request): Promise<Response> => {
    const text = await request.text()
    const fault = requestFault(request, text, this.#rules)
    if (fault !== null) {
      this.refused.push(fault.message)
      return errorOf(fault.status, fault.message, fault)
    }
    const body = JSON.parse(text) as Omit<Asked, 'headers' | 'data'>
    const asked = { ...body, headers: request.headers, data: documentOf(body.messages.at(-1)?.content) }
    this.asked.push(asked)
    return this.answer(asked)
  }

  /** In the place of `fetch`. */
  readonly fetch = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    init.signal?.throwIfAborted()
    return this.handle(new Request(String(input), init))
  }
}

/** The JSON document that a question carries; nothing for plain text. */
function documentOf(content = ''): Record<string, unknown> {
  try {
    return JSON.parse(content) as Record<string, unknown>
  } catch {
    return {}
  }
}
