import { MemosClient } from '../../sdk/client.ts'
import { MemosApiError } from '../../sdk/errors.ts'
import type { Connection } from '../connection.ts'
import { failureOf } from '../failure.ts'
import type { Io } from '../io.ts'
import { type Finding, failed, ok, reasonOf, skipped, warning } from './finding.ts'

const ANSWER_MS_MAX = 5000
/** The Date header counts whole seconds, and the answer takes time to arrive. */
const CLOCK_DIFFERENCE_MS_MAX = 10_000

/** Checks of the server behind the connection, each only when the one before makes sense of it. */
export async function serverChecks(connection: Connection, io: Io): Promise<Finding[]> {
  const health = await ask(connection, io, '/healthz')
  if (health instanceof Error) {
    const next = 'Start a server with memos start, or name another one with --url or MEMOS_URL.'
    return [
      failed('server', `${connection.url}: ${reasonOf(health)}`, next),
      ...['database', 'key', 'clock'].map((name) => skipped(name, 'needs the server')),
    ]
  }
  if (!health.ok)
    return [
      failed(
        'server',
        `${connection.url} answered ${health.status} to /healthz`,
        'Check --url: is that a MemOS Edge server?',
      ),
    ]
  return [
    ok('server', `${connection.url} answers`),
    await checkDatabase(connection, io),
    await checkKey(connection, io),
    checkClock(health.headers.get('date'), Date.now()),
  ]
}

async function ask({ url }: Connection, io: Io, path: string): Promise<Response | Error> {
  const send = io.fetch ?? globalThis.fetch
  try {
    return await send(`${url}${path}`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

async function checkDatabase(connection: Connection, io: Io): Promise<Finding> {
  const next = 'Look at the log of the server: is the database file writable, the disk full, the database URL right?'
  const answer = await ask(connection, io, '/readyz')
  if (answer instanceof Error) return failed('database', reasonOf(answer), next)
  return answer.ok ? ok('database', 'open') : failed('database', `/readyz answered ${answer.status}`, next)
}

async function checkKey({ url, key, keySource, organisation }: Connection, io: Io): Promise<Finding> {
  if (key === undefined)
    return failed(
      'key',
      'none given',
      'Give one with --key or MEMOS_KEY; the root key of a local server is in MEMOS_HOME/root.key.',
    )
  const client = new MemosClient({
    baseUrl: url,
    apiKey: key,
    organisation,
    fetch: io.fetch,
    retries: 0,
    timeoutMs: ANSWER_MS_MAX,
  })
  try {
    await client.call('listNamespaces', { query: { limit: 1 } })
    return ok('key', `works (${keySource})`)
  } catch (error) {
    // The key is right, it just may not read memory.
    if (error instanceof MemosApiError && error.code === 'forbidden')
      return ok('key', `works without memory:read (${keySource})`)
    return failed(
      'key',
      `${keySource}: ${reasonOf(error)}`,
      failureOf(error).next ?? 'Create a new one: memos keys create NAME',
    )
  }
}

export function checkClock(dateHeader: string | null, nowMs: number): Finding {
  const serverMs = dateHeader === null ? Number.NaN : Date.parse(dateHeader)
  if (Number.isNaN(serverMs)) return skipped('clock', 'the server tells no time')
  const differenceMs = Math.abs(nowMs - serverMs)
  if (differenceMs <= CLOCK_DIFFERENCE_MS_MAX) return ok('clock', 'agrees with the server')
  const seconds = Math.round(differenceMs / 1000)
  return warning(
    'clock',
    `${seconds} s apart from the server`,
    'Set both clocks from the network (NTP): moments of memories depend on them.',
  )
}
