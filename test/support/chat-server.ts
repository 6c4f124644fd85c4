/** A language model that answers what a test laid ready, in the wire format of OpenAI's `POST /chat/completions`. */
export const CHAT_ENVIRONMENT = { MEMOS_LLM_BASE_URL: 'http://chat.test/v1', MEMOS_LLM_MODEL: 'test/chat' }

/** What was asked: the JSON document of the user message, and everything else that was sent. */
export interface Asked {
  model: string
  messages: { role: string; content: string }[]
  max_tokens: number
  response_format?: { type: string; json_schema: { name: string } }
  headers: Headers
  data: Record<string, unknown>
}

export type ChatAnswer = (asked: Asked) => Response | Promise<Response>

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

/** Bad answers that real servers give, by what is wrong with them. */
export const BAD_ANSWERS: Record<string, ChatAnswer> = {
  'broken JSON': () => completion('{"intent": "recall", "target": '),
  'words around nothing': () => completion('Sure! Here is what you asked for.'),
  'another form': () => completionOf({ intent: 'destroy', window: 'always' }),
  'a refusal': () => completion(null, { refusal: 'I cannot help with that.' }),
  'a content filter': () => completion('', { finish_reason: 'content_filter' }),
  'an answer cut off': () => completion('{"intent": "rec', { finish_reason: 'length' }),
  'no choices': () => Response.json({ id: 'x', object: 'chat.completion', choices: [] }),
  'no JSON at all': () => new Response('<html>Bad gateway</html>', { headers: { 'content-type': 'text/html' } }),
  'too many requests': () => new Response('slow down', { status: 429, headers: { 'retry-after': '0' } }),
  'too many requests for long': () => new Response('slow down', { status: 429, headers: { 'retry-after': '3600' } }),
  'a fault of its own': () => new Response('oops', { status: 500, headers: { 'retry-after': '0' } }),
  'no key': () =>
    Response.json({ error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } }, { status: 401 }),
  'far too much': () => completion('x'.repeat(300 * 1024)),
}

/** Serves chat completions: each request is kept, then answered. */
export class ChatServer {
  readonly asked: Asked[] = []
  answer: ChatAnswer = () => completion('{}')

  readonly handle = async (request: Request): Promise<Response> => {
    const body = (await request.json()) as Omit<Asked, 'headers' | 'data'>
    const document = body.messages.at(-1)?.content ?? '{}'
    const asked = { ...body, headers: request.headers, data: JSON.parse(document) as Record<string, unknown> }
    this.asked.push(asked)
    return this.answer(asked)
  }

  /** In the place of `fetch`. */
  readonly fetch = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    init.signal?.throwIfAborted()
    return this.handle(new Request(String(input), init))
  }
}
