import { afterAll, beforeAll, describe, expect } from 'vitest'
import { Problem } from '../../schemas/problem.ts'
import type { Route, RouteBodyInput, RouteQueryInput, RouteResponse } from '../../schemas/route.ts'
import { ROUTES, type RouteName } from '../../schemas/routes/all.ts'

/** A running edge, whichever host runs it. Nothing here needs Node, so that scenarios run inside workerd too. */
export interface EdgeUnderTest {
  fetch(path: string, init?: RequestInit): Promise<Response>
  rootKey: string
  /** Where it listens; absent where it has no socket. */
  url?: string
  /** Rows of the default database, to see what no route shows. */
  rows(sql: string, ...params: (string | number)[]): Promise<unknown[][]>
  close(): Promise<void>
}
export type OpenEdge = () => Promise<EdgeUnderTest>

type Table = typeof ROUTES
type Optional<K extends string, T> = undefined extends T ? { [key in K]?: T } : { [key in K]: T }

export type CallInput<N extends RouteName> = {
  params?: Record<string, string>
  query?: Partial<RouteQueryInput<Table[N]>>
  headers?: Record<string, string>
} & Optional<'body', RouteBodyInput<Table[N]>>

export interface Raw {
  status: number
  text: string
  headers: Headers
}

/** One API key against one edge. Every good answer is checked against the schema of its route. */
export class Caller {
  readonly edge: EdgeUnderTest
  readonly secret: string
  readonly #headers: Record<string, string>

  constructor(edge: EdgeUnderTest, secret: string, headers: Record<string, string> = {}) {
    this.edge = edge
    this.secret = secret
    this.#headers = headers
  }

  /** Sends an operation as it is; the caller looks at the response itself. */
  send<N extends RouteName>(name: N, input: CallInput<N>): Promise<Response> {
    const route: Route = ROUTES[name]
    const path = route.path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(input.params?.[key] ?? ''))
    const search = new URLSearchParams()
    for (const [key, value] of Object.entries(input.query ?? {})) search.set(key, String(value))
    const query = search.size === 0 ? '' : `?${search}`
    const body = (input as { body?: unknown }).body
    return this.edge.fetch(`${path}${query}`, {
      method: route.method.toUpperCase(),
      headers: {
        ...this.#auth(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...input.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  /** The answer of an operation that must succeed. */
  async ok<N extends RouteName>(name: N, input: CallInput<N>): Promise<RouteResponse<Table[N]>> {
    const route: Route = ROUTES[name]
    const response = await this.send(name, input)
    const text = await response.text()
    expect(response.status, `${name}: ${text.slice(0, 600)}`).toBe(route.status)
    return (text === '' ? undefined : route.response?.parse(JSON.parse(text))) as RouteResponse<Table[N]>
  }

  /** The problem of an operation that must be refused. */
  async refused<N extends RouteName>(name: N, input: CallInput<N>): Promise<Problem> {
    return problemOf(await this.send(name, input))
  }

  /** Any request at all with this key. */
  async raw(method: string, path: string, init: { body?: BodyInit; headers?: Record<string, string> } = {}) {
    return this.edge.fetch(path, {
      method,
      headers: { ...this.#auth(), ...init.headers },
      // `duplex` is what Node asks for when a body is a stream.
      ...(init.body === undefined ? {} : { body: init.body, duplex: 'half' }),
    })
  }

  /** A caller with a new key made by this one. */
  async newKey(body: Partial<RouteBodyInput<Table['createKey']>>): Promise<Caller & { keyId: string }> {
    const { key, secret } = await this.ok('createKey', { body: { name: 'test', ...body } })
    return Object.assign(new Caller(this.edge, secret), { keyId: key.id })
  }

  #auth(): Record<string, string> {
    return { authorization: `Bearer ${this.secret}`, ...this.#headers }
  }
}

/** The problem details of a refusal, checked for their shape. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text()
  expect(response.status, text.slice(0, 300)).toBeGreaterThanOrEqual(400)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = Problem.parse(JSON.parse(text))
  expect(problem.status).toBe(response.status)
  expect(problem.requestId).toBe(response.headers.get('x-request-id'))
  return problem
}

/** Status and body of an answer without its request id: what two callers may be told apart by. */
export async function fingerprintOf(response: Response): Promise<string> {
  const text = await response.text()
  return `${response.status} ${text.replace(/,"requestId":"[^"]*"/, '')}`
}

export interface Tenant {
  id: string
  /** The organisation's first key: every scope, bound to nothing. */
  admin: Caller
}

/** A new organisation, so that scenarios that share storage do not meet. */
export async function newTenant(edge: EdgeUnderTest, options: { cubesMax?: number } = {}): Promise<Tenant> {
  const root = new Caller(edge, edge.rootKey)
  const body = { name: `tenant ${crypto.randomUUID()}`, ...options }
  const { organisation, secret } = await root.ok('createOrganisation', { body })
  return { id: organisation.id, admin: new Caller(edge, secret) }
}

/** A suite of scenarios that share one edge. `tenant` makes an organisation of its own for each of them. */
export function describeEdge(
  title: string,
  open: OpenEdge,
  body: (tenant: (options?: { cubesMax?: number }) => Promise<Tenant>, edge: () => EdgeUnderTest) => void,
) {
  describe(title, () => {
    let edge: EdgeUnderTest
    beforeAll(async () => {
      edge = await open()
    })
    afterAll(() => edge.close())
    body(
      (options) => newTenant(edge, options),
      () => edge,
    )
  })
}
