/**
 * What OpenAI's `POST /chat/completions` refuses of a request, and in which words: the rules of the API reference and of the guide to structured
 * outputs that our own requests can meet. Strict mode refuses unknown keywords instead of passing over them.
 */
export interface ChatRules {
  /** Default: any key, or none. */
  apiKey?: string
  /** A reasoning model: takes `max_completion_tokens` alone, and no temperature but its own. */
  reasons?: boolean
  /** A server that knows no structured answers (early llama.cpp, older Ollama): its words, in a form of its own. */
  takesNoSchema?: boolean
}

export interface ChatFault {
  status: number
  message: string
  type?: string
  param?: string | null
  code?: string | null
  headers?: Record<string, string>
}

/** An error as OpenAI sends it. */
export const errorOf = (
  status: number,
  message: string,
  { type = 'invalid_request_error', param = null, code = null, headers = {} }: Partial<ChatFault> = {},
): Response => Response.json({ error: { message, type, param, code } }, { status, headers })

const PARAMETERS = new Set([
  ...['model', 'messages', 'max_tokens', 'max_completion_tokens', 'temperature', 'response_format', 'top_p', 'n'],
  ...['stream', 'stop', 'seed', 'user', 'tools', 'tool_choice', 'store', 'metadata', 'reasoning_effort'],
])
const ROLES = ['developer', 'system', 'user', 'assistant', 'tool', 'function']

type Body = Record<string, unknown>
const bad = (message: string, param: string | null = null, code: string | null = null): ChatFault => ({
  ...{ status: 400, message, param, code },
})
const isRecord = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Why the server refuses a request; null for one that it takes. */
export function requestFault(request: Request, text: string, rules: ChatRules): ChatFault | null {
  const { pathname } = new URL(request.url)
  if (request.method !== 'POST' || !pathname.endsWith('/v1/chat/completions'))
    return { status: 404, message: `Invalid URL (${request.method} ${pathname})` }
  const authorization = request.headers.get('authorization')
  if (rules.apiKey !== undefined && authorization !== `Bearer ${rules.apiKey}`)
    return { status: 401, message: 'Incorrect API key provided.', code: 'invalid_api_key' }
  if (request.headers.get('content-type')?.startsWith('application/json') !== true)
    return bad('you must provide a model parameter')
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return bad('We could not parse the JSON body of your request.')
  }
  return isRecord(body) ? bodyFault(body, rules) : bad('Invalid body: expected an object.')
}

function bodyFault(body: Body, rules: ChatRules): ChatFault | null {
  const unknown = Object.keys(body).find((name) => !PARAMETERS.has(name))
  if (unknown !== undefined) return bad(`Unrecognized request argument supplied: ${unknown}`)
  if (typeof body.model !== 'string' || body.model === '') return bad('you must provide a model parameter')
  return (
    messagesFault(body.messages) ??
    tokensFault(body, rules) ??
    temperatureFault(body.temperature, rules) ??
    formatFault(body.response_format, rules)
  )
}

function messagesFault(messages: unknown): ChatFault | null {
  if (!Array.isArray(messages)) return bad("Missing required parameter: 'messages'.", 'messages')
  if (messages.length === 0)
    return bad("Invalid 'messages': empty array. Expected an array with minimum length 1.", 'messages', 'empty_array')
  for (const [at, message] of messages.entries()) {
    if (!isRecord(message) || !ROLES.includes(String(message.role)))
      return bad(`Invalid value: expected one of ${ROLES.join()}`, `messages[${at}].role`, 'invalid_value')
    if (typeof message.content !== 'string')
      return bad(`Invalid type for 'messages[${at}].content'`, `messages[${at}].content`, 'invalid_type')
    if (!message.content.isWellFormed()) return bad('We could not parse the JSON body of your request.')
  }
  return null
}

function tokensFault(body: Body, { reasons = false }: ChatRules): ChatFault | null {
  if (reasons && body.max_tokens !== undefined)
    return bad(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      'max_tokens',
      'unsupported_parameter',
    )
  for (const name of ['max_tokens', 'max_completion_tokens']) {
    const tokens = body[name]
    if (tokens !== undefined && !(Number.isInteger(tokens) && Number(tokens) >= 1))
      return bad(`Invalid '${name}': integer below minimum value.`, name, 'integer_below_min_value')
  }
  return null
}

function temperatureFault(temperature: unknown, { reasons = false }: ChatRules): ChatFault | null {
  if (temperature === undefined) return null
  if (reasons && temperature !== 1)
    return bad(
      `Unsupported value: 'temperature' does not support ${temperature} with this model. Only the default (1) value is supported.`,
      'temperature',
      'unsupported_value',
    )
  return typeof temperature === 'number' && temperature >= 0 && temperature <= 2
    ? null
    : bad("Invalid 'temperature'", 'temperature', 'invalid_value')
}

function formatFault(format: unknown, { takesNoSchema = false }: ChatRules): ChatFault | null {
  if (format === undefined) return null
  if (takesNoSchema) return bad('response_format type json_schema is not supported')
  if (!isRecord(format) || format.type !== 'json_schema' || !isRecord(format.json_schema))
    return bad("Missing required parameter: 'response_format.json_schema'.", 'response_format.json_schema')
  const { name, schema, strict } = format.json_schema
  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name))
    return bad("Invalid 'response_format.json_schema.name'", 'response_format.json_schema.name', 'invalid_value')
  if (!isRecord(schema) || schema.type !== 'object')
    return refusedSchema(name, 'schema must be a JSON Schema of \'type: "object"\'')
  const fault = strict === true ? schemaFault(schema, []) : null
  return fault === null ? null : refusedSchema(name, fault)
}

const refusedSchema = (name: string, fault: string): ChatFault =>
  bad(`Invalid schema for response_format '${name}': ${fault}.`, 'response_format')

const KEYWORDS = new Set([
  ...['type', 'description', 'title', 'enum', 'const', 'anyOf', 'properties', 'required', 'additionalProperties'],
  ...['items', 'pattern', 'format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minItems', 'maxItems', '$ref', '$defs'],
])

/** What strict mode does not take of a schema: every object is closed, every property required, every keyword known. */
function schemaFault(schema: Body, context: readonly string[]): string | null {
  const where = `In context=(${context.map((step) => `'${step}'`).join(', ')})`
  const unknown = Object.keys(schema).find((keyword) => !KEYWORDS.has(keyword))
  if (unknown !== undefined) return `${where}, '${unknown}' is not permitted`
  const properties = isRecord(schema.properties) ? schema.properties : {}
  if (schema.type === 'object') {
    if (schema.additionalProperties !== false) return `${where}, 'additionalProperties' is required to be false`
    const required = new Set(Array.isArray(schema.required) ? schema.required : [])
    const missing = Object.keys(properties).find((name) => !required.has(name))
    if (missing !== undefined) return `${where}, 'required' is required to include every key. Missing '${missing}'`
  }
  const within: [string[], unknown][] = [
    ...Object.entries(properties).map(([name, inner]): [string[], unknown] => [['properties', name], inner]),
    ...(Array.isArray(schema.anyOf) ? schema.anyOf : []).map((inner, at): [string[], unknown] => [
      ['anyOf', `${at}`],
      inner,
    ]),
    ...(schema.items === undefined ? [] : [[['items'], schema.items] as [string[], unknown]]),
  ]
  for (const [step, inner] of within) {
    const fault = isRecord(inner) ? schemaFault(inner, [...context, ...step]) : `${where}, schema must be an object`
    if (fault !== null) return fault
  }
  return null
}
