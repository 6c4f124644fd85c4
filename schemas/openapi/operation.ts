import type { z } from 'zod'
import type { Route } from '../route.ts'
import type { ComponentSchemas } from './components.ts'
import { errorsOf } from './errors.ts'
import type { JsonSchema } from './json-schema.ts'

const JSON_TYPE = 'application/json'
const BINARY = { type: 'string', format: 'binary' }
const ETAG = { ETag: { description: 'Revision of the cube; send it back as If-Match.', schema: { type: 'string' } } }
const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` })

/** The OpenAPI operation of one route; `name` becomes its operationId, which is also the name of the call in the SDK. */
export function operationOf(name: string, route: Route, schemas: ComponentSchemas): object {
  return {
    operationId: name,
    summary: route.summary,
    tags: [route.tag],
    ...(route.scope === null ? { security: [] } : { description: `Needs the scope \`${route.scope}\`.` }),
    parameters: [
      ...parametersIn('path', route.params, schemas),
      ...parametersIn('query', route.query, schemas),
      ...headersOf(name, route),
    ],
    ...requestBody(route, schemas),
    responses: { [route.status]: answerOf(name, route, schemas), ...errorsOf(route) },
  }
}

function headersOf(name: string, route: Route): object[] {
  return [
    ...(route.method === 'post' && route.bodyType === undefined ? [parameter('IdempotencyKey')] : []),
    ...(name === 'updateCube' ? [parameter('IfMatch')] : []),
    ...(route.scope === null ? [] : ['Organisation', 'Purpose', 'Task'].map(parameter)),
  ]
}

function parametersIn(place: 'path' | 'query', schema: z.ZodObject | undefined, schemas: ComponentSchemas): object[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schemas.render(schema, 'input')
  return Object.entries(properties as Record<string, JsonSchema>).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || (required as string[]).includes(name),
    schema: property,
  }))
}

function requestBody(route: Route, schemas: ComponentSchemas): object {
  if (route.bodyType !== undefined)
    return { requestBody: { required: true, content: { [route.bodyType]: { schema: BINARY } } } }
  if (route.body === undefined) return {}
  const isRequired = !route.body.safeParse({}).success
  const content = { schema: schemas.render(route.body, 'input'), ...examplesOf(route.body) }
  return { requestBody: { required: isRequired, content: { [JSON_TYPE]: content } } }
}

function examplesOf(schema: z.ZodType): object {
  const examples = schema.meta()?.examples
  if (!Array.isArray(examples) || examples.length === 0) return {}
  return { examples: Object.fromEntries(examples.map((value, i) => [`example${i + 1}`, { value }])) }
}

function answerOf(name: string, route: Route, schemas: ComponentSchemas): object {
  const headers = name === 'getCube' || name === 'updateCube' ? { headers: ETAG } : {}
  if (route.responseType !== undefined)
    return { description: route.summary, ...headers, content: { [route.responseType]: { schema: BINARY } } }
  if (route.response === undefined) return { description: 'Done.', ...headers }
  const schema = schemas.render(route.response, 'output')
  return { description: route.summary, ...headers, content: { [JSON_TYPE]: { schema } } }
}
