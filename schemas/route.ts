import type { z } from 'zod'
import type { Scope } from './vocabulary.ts'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** One operation of the API as data: the server validates with it, OpenAPI and the SDK are derived from it. */
export interface Route {
  method: Method
  /** Hono syntax; parameters are `:name`. */
  path: string
  summary: string
  tag: string
  /** Scope that the key needs; null: no key needed. */
  scope: Scope | null
  params?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType
  /** Media type of the body when it is not JSON; such bodies are streamed to the handler. */
  bodyType?: string
  status: 200 | 201 | 202 | 204
  response?: z.ZodType
  /** Media type of the answer when it is not JSON. */
  responseType?: string
}

/** Keeps literal types, so that the SDK knows each body and answer. */
export const defineRoutes = <const R extends Record<string, Route>>(routes: R): R => routes

type In<T> = T extends z.ZodType ? z.input<T> : undefined
type Out<T> = T extends z.ZodType ? z.output<T> : undefined

export type RouteParams<R extends Route> = Out<R['params']>
export type RouteQuery<R extends Route> = Out<R['query']>
export type RouteBody<R extends Route> = Out<R['body']>
export type RouteBodyInput<R extends Route> = In<R['body']>
export type RouteQueryInput<R extends Route> = In<R['query']>
export type RouteResponse<R extends Route> = Out<R['response']>
