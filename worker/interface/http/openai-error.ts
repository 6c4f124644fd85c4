import { ERROR_CODES, type MemosError } from '../../../schemas/errors.ts'

/** Routes that clients of OpenAI's API call: their refusals have its shape, as such clients read no other. */
export const isOpenAiPath = (path: string): boolean => path.startsWith('/v1/chat/') || path === '/v1/models'

/** The error object of OpenAI's API. Never memory content, never a stack. */
export const openAiError = ({ code, status, message, facts }: MemosError) => ({
  error: {
    message: message === '' ? ERROR_CODES[code].title : message,
    type: typeOf(status),
    param: facts.field ?? null,
    code,
  },
})

/** A refusal as an answer of its own. */
export function openAiErrorResponse(error: MemosError, requestId: string): Response {
  const headers = new Headers({ 'content-type': 'application/json', 'x-request-id': requestId })
  const { retryAfterS } = error.facts
  if (retryAfterS !== undefined) headers.set('retry-after', String(Math.max(1, Math.ceil(retryAfterS))))
  if (error.status === 401) headers.set('www-authenticate', 'Bearer')
  return new Response(JSON.stringify(openAiError(error)), { status: error.status, headers })
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}
