import { expect, it } from 'vitest'
import type { z } from 'zod'
import { ERROR_CODES } from './errors.ts'
import { buildOpenApi, openApiPath } from './openapi.ts'
import type { Route } from './route.ts'
import { ROUTES } from './routes/all.ts'

interface Operation {
  operationId: string
  parameters: { $ref?: string; name?: string; in?: string; required?: boolean }[]
  requestBody?: { content: Record<string, { schema: object; examples?: Record<string, { value: unknown }> }> }
  responses: Record<string, { headers?: object }>
}
type Schema = Record<string, unknown>
interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema>; responses: Record<string, object>; parameters: Record<string, object> }
}

const document = buildOpenApi() as unknown as Document
const routes = Object.entries(ROUTES) as [string, Route][]
const operation = (name: keyof typeof ROUTES) =>
  document.paths[openApiPath(ROUTES[name].path)]?.[ROUTES[name].method] as Operation

function references(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(references)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => (key === '$ref' ? [item as string] : references(item)))
}

const resolve = (reference: string) =>
  reference
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)

it('has an operation for every route, named like it', () => {
  const found = Object.values(document.paths).flatMap((path) => Object.values(path).map((one) => one.operationId))
  expect(found.sort()).toEqual(routes.map(([name]) => name).sort())
})

it('resolves every reference inside the document', () => {
  const dangling = references(document).filter((one) => !one.startsWith('#/components/') || resolve(one) === undefined)
  expect(dangling).toEqual([])
})

it('holds no component that nothing uses', () => {
  const used = new Set(references(document))
  const unused = Object.keys(document.components.schemas).filter((name) => !used.has(`#/components/schemas/${name}`))
  expect(unused).toEqual([])
})

it('declares each placeholder of a path as a required parameter', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    for (const { parameters } of Object.values(methods)) {
      const declared = parameters.filter((one) => one.in === 'path' && one.required).map((one) => one.name)
      expect(declared, path).toEqual(placeholders)
    }
  }
})

it.each(routes.filter(([, { body }]) => body?.meta()?.examples))(
  '%s shows examples that its own schema takes',
  (name, route) => {
    const shown = operation(name as keyof typeof ROUTES).requestBody?.content['application/json']?.examples ?? {}
    expect(Object.keys(shown)).not.toEqual([])
    for (const { value } of Object.values(shown))
      expect((route.body as z.ZodType).safeParse(value).error).toBeUndefined()
  },
)

it('refers to the recursive filter by name, from the request and from the filter itself', () => {
  const { SearchRequest, FilterInput } = document.components.schemas
  expect((SearchRequest?.properties as Schema | undefined)?.filter).toEqual({
    $ref: '#/components/schemas/FilterInput',
  })
  expect(references(FilterInput)).toContain('#/components/schemas/FilterInput')
  expect(FilterInput?.examples).toHaveLength(1)
})

it('shows a field with a default as optional in a request and as present in an answer', () => {
  const { Origin, OriginInput } = document.components.schemas
  expect(OriginInput?.required).toBeUndefined()
  expect(Origin?.required).toContain('kind')
})

it('shows a query flag as a boolean', () => {
  const flag = operation('listCubes').parameters.find(({ name }) => name === 'includeArchived')
  expect(flag).toMatchObject({ schema: { type: 'boolean' } })
})

it('lists every error code, and each operation the statuses it can give', () => {
  const text = JSON.stringify(document.components.responses)
  for (const code of Object.keys(ERROR_CODES)) expect(text).toContain(`"${code}"`)
  expect(Object.keys(operation('updateCube').responses)).toEqual(
    expect.arrayContaining(['200', '401', '404', '409', '412', '413']),
  )
  expect(Object.keys(operation('getCube').responses)).not.toContain('409')
})

it('names the headers of idempotency and of conditional updates', () => {
  for (const [name, { method, bodyType }] of routes) {
    const names = operation(name as keyof typeof ROUTES).parameters.map(({ $ref }) => $ref)
    expect(names.includes('#/components/parameters/IdempotencyKey'), name).toBe(
      method === 'post' && bodyType === undefined,
    )
  }
  expect(operation('updateCube').parameters).toContainEqual({ $ref: '#/components/parameters/IfMatch' })
  expect(operation('getCube').responses[200]?.headers).toHaveProperty('ETag')
})
