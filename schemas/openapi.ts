import { CONTEXT_WORD_LENGTH_MAX, IDEMPOTENCY_KEY_LENGTH_MAX } from './limits.ts'
import { ComponentSchemas } from './openapi/components.ts'
import { errorResponses } from './openapi/errors.ts'
import { operationOf } from './openapi/operation.ts'
import { Problem } from './problem.ts'
import type { Route } from './route.ts'
import { ROUTES } from './routes/all.ts'

/** Version of the contract, not of the package: it changes when callers have to. */
export const API_VERSION = '1.0.0'

const INFO = {
  title: 'MemOS Edge',
  version: API_VERSION,
  summary: 'An operating system for LLM memory.',
  description:
    'Lists come in pages: pass `nextCursor` back as `cursor` until it is null. Errors are problem details (RFC 9457); programs decide by `code`. ' +
    'A cube that does not exist and one that the key may not see give the same 404.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
}

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'An API key. `Authorization: Token KEY` works too.' },
}

const claim = (name: string, what: string) => ({
  name,
  in: 'header',
  description: `The ${what} of the request, in the word of the key holder. Permissions may ask for one; a key may be bound to some.`,
  schema: {
    type: 'string',
    minLength: 1,
    maxLength: CONTEXT_WORD_LENGTH_MAX,
    pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]*$',
  },
})

const PARAMETERS = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Visible ASCII, new for each intent. Repeating a request with its key gives the first answer again and changes nothing.',
    schema: { type: 'string', minLength: 1, maxLength: IDEMPOTENCY_KEY_LENGTH_MAX, pattern: '^[!-~]+$' },
  },
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    description: 'ETag of the revision that the change was made for; 412 when the cube has another one by now.',
    schema: { type: 'string' },
  },
  Organisation: {
    name: 'x-memos-org',
    in: 'header',
    description: 'For the root key only: id of the organisation to act in. Any other key belongs to one organisation.',
    schema: { type: 'string' },
  },
  Purpose: claim('memos-purpose', 'purpose'),
  Task: claim('memos-task', 'task'),
}

/** The OpenAPI 3.1 document of the `/v1` API, built from the route table. Pure: the same schemas give the same document. */
export function buildOpenApi(): object {
  const routes = Object.entries(ROUTES) as [string, Route][]
  const schemas = new ComponentSchemas()
  schemas.collect(Problem, 'output')
  for (const [, { params, query, body, response }] of routes) {
    for (const part of [params, query, body]) schemas.collect(part, 'input')
    schemas.collect(response, 'output')
  }
  return {
    openapi: '3.1.1',
    info: INFO,
    servers: [{ url: '/', description: 'The server that this document came from.' }],
    security: [{ bearer: [] }],
    tags: [...new Set(routes.map(([, { tag }]) => tag))].map((name) => ({ name })),
    paths: pathsOf(routes, schemas),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      parameters: PARAMETERS,
      responses: errorResponses(schemas),
      schemas: schemas.all(),
    },
  }
}

function pathsOf(routes: [string, Route][], schemas: ComponentSchemas): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, route] of routes) {
    const path = openApiPath(route.path)
    paths[path] ??= {}
    paths[path][route.method] = operationOf(name, route, schemas)
  }
  return paths
}

/** `/v1/cubes/:cubeId` (Hono) as `/v1/cubes/{cubeId}`. */
export const openApiPath = (path: string): string => path.replace(/:(\w+)/g, '{$1}')
