import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { Problem } from '../problem.ts'
import type { Route } from '../route.ts'
import type { ComponentSchemas } from './components.ts'

const PROBLEM_TYPE = 'application/problem+json'
const CODES = Object.keys(ERROR_CODES) as ErrorCode[]
const STATUSES = [...new Set(Object.values(ERROR_CODES).map(({ status }) => status))].sort((a, b) => a - b)
/** Answers that carry Retry-After. */
const RETRY_LATER = [429, 503]

const codesOf = (status: number) => CODES.filter((code) => ERROR_CODES[code].status === status)

/** One reusable response for each error status: which codes it can carry and what they mean. */
export function errorResponses(schemas: ComponentSchemas): Record<string, object> {
  return Object.fromEntries(STATUSES.map((status) => [`Error${status}`, errorResponse(status, schemas)]))
}

function errorResponse(status: number, schemas: ComponentSchemas): object {
  const codes = codesOf(status)
  const narrowed = { type: 'object', properties: { code: { type: 'string', enum: codes } } }
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}.`).join(' '),
    ...(RETRY_LATER.includes(status) && {
      headers: {
        'Retry-After': { description: 'Seconds after which a retry makes sense.', schema: { type: 'integer' } },
      },
    }),
    content: {
      [PROBLEM_TYPE]: {
        schema: { allOf: [schemas.render(Problem, 'output'), narrowed] },
        example: exampleOf(codes[0] as ErrorCode),
      },
    },
  }
}

function exampleOf(code: ErrorCode): Problem {
  const { status, title } = ERROR_CODES[code]
  return {
    type: `https://memos-edge.dev/errors/${code}`,
    code,
    title,
    status,
    detail: title,
    requestId: '01K6ZQ4T2V3W5X7Y9A1B3C5D7E',
  }
}

/** References to the error responses that a route can give. */
export function errorsOf(route: Route): Record<string, object> {
  const reads = route.scope !== null
  const writes = route.method !== 'get'
  const embeds = route.tag === 'Memory' || route.tag === 'Cubes' || route.tag === 'Portability'
  const isPossible: Record<number, boolean> = {
    400: true,
    401: reads,
    403: reads,
    404: reads,
    409: writes,
    410: route.path.endsWith('/restore'),
    412: route.method === 'patch',
    413: route.body !== undefined || route.bodyType !== undefined,
    415: route.body !== undefined || route.bodyType !== undefined,
    502: embeds,
    507: writes,
  }
  // 405 belongs to a path, not to one of its operations.
  const statuses = STATUSES.filter((status) => status !== 405 && (isPossible[status] ?? true))
  return Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/Error${status}` }]))
}
