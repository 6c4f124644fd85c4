import { HttpRemote } from '../../protocol/host/http-remote.ts'
import type { EdgeUnderTest } from './edge.ts'

/** The HTTP twin of an edge, asked without sockets. */
export const loopedRemote = (edge: () => EdgeUnderTest, url = 'https://edge.example.org'): HttpRemote =>
  new HttpRemote({
    url,
    fetch: ({ pathname, search }, { method, headers, body }) =>
      edge().fetch(`${pathname}${search}`, { method, headers, ...(body && { body }) }),
  })
