import { env, exports } from 'cloudflare:workers'
import type { EdgeUnderTest } from './edge.ts'

const bindings = env as unknown as { DB: D1Database; MEMOS_ROOT_KEY: string }
const worker = exports as unknown as { default: Fetcher }

/** The Cloudflare host inside workerd, with its D1, R2, Durable Objects and queue. Storage lives as long as the test file. */
export async function openWorkerdEdge(): Promise<EdgeUnderTest> {
  return {
    rootKey: bindings.MEMOS_ROOT_KEY,
    fetch: (path, init) =>
      worker.default.fetch(new URL(path, 'http://edge.test').href, init as never) as unknown as Promise<Response>,
    rows: (sql, ...params) =>
      bindings.DB.prepare(sql)
        .bind(...params)
        .raw<unknown[]>(),
    close: async () => {},
  }
}
