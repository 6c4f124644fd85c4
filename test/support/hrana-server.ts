/** The server side of Turso's protocol (Hrana 2 over HTTP, JSON), enough to run the real client against a local SQLite file. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { json } from 'node:stream/consumers'

type HranaValue =
  | { type: 'null' }
  | { type: 'integer'; value: string }
  | { type: 'float'; value: number }
  | { type: 'text'; value: string }
  | { type: 'blob'; base64: string }

interface Statement {
  sql?: string
  sql_id?: number
  args?: HranaValue[]
  want_rows?: boolean
}
type Condition =
  | { type: 'ok' | 'error'; step: number }
  | { type: 'not'; cond: Condition }
  | { type: 'and' | 'or'; conds: Condition[] }
  | { type: 'is_autocommit' }
interface Batch {
  steps: { condition?: Condition; stmt: Statement }[]
}
type Request =
  | { type: 'close' }
  | { type: 'execute'; stmt: Statement }
  | { type: 'batch'; batch: Batch }
  | { type: 'sequence'; sql?: string; sql_id?: number }
  | { type: 'store_sql'; sql_id: number; sql: string }
  | { type: 'close_sql'; sql_id: number }

interface HranaError {
  message: string
  code: string
}

/** `await using server = await startHranaServer(path)` closes it at the end of the block. */
export interface HranaServer extends AsyncDisposable {
  url: string
  /** Streams that have not been closed; a client that leaves one open holds a connection. */
  openStreams(): number
}

/** One stream: a connection with the SQL texts that the client stored in it. */
class HranaStream {
  readonly #connection: DatabaseSync
  readonly #texts = new Map<number, string>()

  constructor(path: string) {
    this.#connection = new DatabaseSync(path)
  }

  close(): void {
    this.#connection.close()
  }

  answer(request: Request): object {
    switch (request.type) {
      case 'execute':
        return { result: this.#execute(request.stmt) }
      case 'batch':
        return { result: this.#batch(request.batch) }
      case 'sequence':
        this.#connection.exec(this.#textOf(request))
        return {}
      case 'store_sql':
        this.#texts.set(request.sql_id, request.sql)
        return {}
      case 'close_sql':
        this.#texts.delete(request.sql_id)
        return {}
      case 'close':
        return {}
    }
  }

  #textOf({ sql, sql_id }: { sql?: string; sql_id?: number }): string {
    const text = sql ?? this.#texts.get(sql_id ?? -1)
    if (text === undefined) throw new Error('SQL text is not stored in this stream')
    return text
  }

  #execute(statement: Statement) {
    const prepared = this.#connection.prepare(this.#textOf(statement))
    prepared.setReturnArrays(true)
    prepared.setReadBigInts(true)
    const cols = prepared.columns().map(({ name, type }) => ({ name, decltype: type }))
    const rows = prepared.all(...(statement.args ?? []).map(fromHrana)) as unknown as unknown[][]
    return { cols, rows: rows.map((row) => row.map(toHrana)), affected_row_count: 0, last_insert_rowid: null }
  }

  #batch({ steps }: Batch) {
    const results: (object | null)[] = []
    const errors: (HranaError | null)[] = []
    const holds = (condition: Condition): boolean => {
      switch (condition.type) {
        case 'ok':
          return results[condition.step] != null
        case 'error':
          return errors[condition.step] != null
        case 'not':
          return !holds(condition.cond)
        case 'and':
          return condition.conds.every(holds)
        case 'or':
          return condition.conds.some(holds)
        case 'is_autocommit':
          return !this.#connection.isTransaction
      }
    }
    for (const [at, { condition, stmt }] of steps.entries()) {
      results[at] = null
      errors[at] = null
      if (condition !== undefined && !holds(condition)) continue
      try {
        results[at] = this.#execute(stmt)
      } catch (error) {
        errors[at] = toError(error)
      }
    }
    return { step_results: results, step_errors: errors }
  }
}

/** Serves a SQLite file. Writers of other streams meet SQLITE_BUSY at once, as with a busy Turso primary. */
export async function startHranaServer(path: string): Promise<HranaServer> {
  const streams = new Map<string, HranaStream>()
  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    // A client asks for the protocol version first.
    if (incoming.method === 'GET') return response.writeHead(incoming.url === '/v2' ? 200 : 404).end()
    if (incoming.url !== '/v2/pipeline') return response.writeHead(404).end()
    const { baton, requests } = (await json(incoming)) as { baton?: string | null; requests: Request[] }
    const stream = baton == null ? new HranaStream(path) : streams.get(baton)
    if (stream === undefined) return response.writeHead(400).end(JSON.stringify({ message: 'the baton is not valid' }))
    if (baton != null) streams.delete(baton)
    const results = requests.map((request) => answerOf(stream, request))
    const isClosed = requests.some(({ type }) => type === 'close')
    const next = isClosed ? null : randomUUID()
    if (next === null) stream.close()
    else streams.set(next, stream)
    response.writeHead(200, { 'content-type': 'application/json' })
    return response.end(JSON.stringify({ baton: next, base_url: null, results }))
  }
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    openStreams: () => streams.size,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      for (const stream of streams.values()) stream.close()
    },
  }
}

function answerOf(stream: HranaStream, request: Request): object {
  try {
    return { type: 'ok', response: { type: request.type, ...stream.answer(request) } }
  } catch (error) {
    return { type: 'error', error: toError(error) }
  }
}

const CODES: Record<number, string> = { 5: 'SQLITE_BUSY', 13: 'SQLITE_FULL', 19: 'SQLITE_CONSTRAINT' }

/** As sqld words it: the code of the family, and SQLite's own sentence. */
function toError(error: unknown): HranaError {
  const { message, errcode = 1 } = error as Error & { errcode?: number }
  return { message: `SQLite error: ${message}`, code: CODES[errcode & 0xff] ?? 'SQLITE_ERROR' }
}

function fromHrana(value: HranaValue): SQLInputValue {
  switch (value.type) {
    case 'null':
      return null
    case 'integer':
      return BigInt(value.value)
    case 'blob':
      return Buffer.from(value.base64, 'base64')
    default:
      return value.value
  }
}

function toHrana(value: unknown): HranaValue {
  if (value === null) return { type: 'null' }
  if (typeof value === 'bigint') return { type: 'integer', value: String(value) }
  if (typeof value === 'number') return { type: 'float', value }
  if (typeof value === 'string') return { type: 'text', value }
  // The protocol leaves the padding out.
  return {
    type: 'blob',
    base64: Buffer.from(value as Uint8Array)
      .toString('base64')
      .replace(/=+$/, ''),
  }
}
