import { statSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FileSystemBlobStore } from '../../../worker/drivers/blob-store/file-system.ts'
import { openLibsql } from '../../../worker/drivers/database/open-libsql.ts'
import type { Database } from '../../../worker/ports/database.ts'
import { type LocalEdge, openLocalEdge } from '../../support/local-edge.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { type FactQuery, factQueries, facts } from '../corpus/facts.ts'
import type { Recorder } from '../harness/report.ts'
import { percentile, slices } from '../harness/statistics.ts'
import type { BenchOptions } from './topic.ts'

const CUBES = 100_000
const QUICK_CUBES = 10_000
const CUBES_PER_REQUEST = 1000
const QUERIES = 200
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const CONSOLIDATION_TICKS = 10

/**
 * What ageing costs: a namespace half of which is idle, put away minute by minute while it is searched. Everything runs in one process, as it
 * does on a Node host: what a tick takes of the event loop is what searches wait for. Minutes follow each other at once, so
 * searches meet a tick all the time instead of for a part of every minute.
 */
export async function lifecycle(recorder: Recorder, { quick }: BenchOptions): Promise<void> {
  const size = quick ? QUICK_CUBES : CUBES
  await using home = await tempDir()
  const file = join(home.path, 'memos.db')
  const opened = await openLibsql('default', `file:${file}`)
  const counter = counting(opened.database)
  const edge = await openLocalEdge({
    databases: new Map([['default', counter.database]]),
    blobs: new FileSystemBlobStore(join(home.path, 'blobs')),
  })
  try {
    const tenant = await openTenant(edge)
    const texts = await seed(recorder, edge, tenant, size)
    const queries = factQueries(texts, QUERIES)
    const before = counter.statements
    const alone = await searches(tenant, queries)
    const perSearch = (counter.statements - before) / queries.length
    recorder.figure('search.alone.p50', percentile(alone, 0.5), 'ms')
    recorder.figure('search.alone.p95', percentile(alone, 0.95), 'ms')
    await archive(recorder, { edge, tenant, counter, queries, alone, perSearch })
    await afterwards(recorder, { edge, tenant, counter, queries })
    recorder.figure('database', statSync(file).size / 2 ** 20, 'MiB')
  } finally {
    await edge.close()
    await opened.close()
  }
  recorder.target('tick.statements', '<=', 900)
  recorder.target('cubesPerSecond', '>=', 1000)
  recorder.target('search.ratio.p95', '<=', 10)
  recorder.target('rss.growth', '<=', 256)
}

/** Sends a request with the key of one organisation. */
type Tenant = (method: string, path: string, body: object) => Promise<unknown>

async function openTenant(edge: LocalEdge): Promise<Tenant> {
  const sender =
    (key: string): Tenant =>
    async (method, path, body) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const response = await edge.fetch(path, { method, headers, body: JSON.stringify(body) })
      const answer = await response.json()
      if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`)
      return answer
    }
  const made = await sender(edge.rootKey)('POST', '/v1/organisations', { name: 'bench' })
  return sender((made as { secret: string }).secret)
}

interface Counter {
  database: Database
  statements: number
  /** Rows written since the connection was opened, index entries aside. */
  rowsWritten(): Promise<number>
}

function counting(database: Database): Counter {
  const counter: Counter = {
    statements: 0,
    rowsWritten: async () => Number((await database.all({ sql: 'select total_changes()', params: [] }))[0]?.[0]),
    database: {
      name: database.name,
      vectorDistance: database.vectorDistance,
      all: (statement) => {
        counter.statements += 1
        return database.all(statement)
      },
      read: (statements) => {
        counter.statements += statements.length
        return database.read(statements)
      },
      batch: (statements) => {
        counter.statements += statements.length
        return database.batch(statements)
      },
    },
  }
  return counter
}

interface Run {
  edge: LocalEdge
  tenant: Tenant
  counter: Counter
  queries: readonly FactQuery[]
}

async function seed(recorder: Recorder, edge: LocalEdge, ask: Tenant, size: number): Promise<string[]> {
  recorder.progress(`storing ${size} memories`)
  const settings = { lifecycle: { idleDays: 30, consolidate: false } }
  await ask('POST', '/v1/namespaces', { name: 'default', layer: 'shared', settings })
  const texts = facts(size)
  let stored = 0
  for (const batch of slices(texts, CUBES_PER_REQUEST)) {
    // The second half is written later, and stays at hand.
    if (stored === size / 2) edge.clock.nowMs += 20 * DAY_MS
    await ask('POST', '/v1/cubes/batch', { cubes: batch.map((content) => ({ content })) })
    stored += batch.length
  }
  edge.clock.nowMs += 15 * DAY_MS
  return texts
}

async function searches(ask: Tenant, queries: readonly FactQuery[], until = () => false): Promise<number[]> {
  const times: number[] = []
  for (const { query } of queries) {
    if (until()) break
    const start = performance.now()
    // As a request that comes in over the network: behind what the event loop has to do.
    await nextTurn()
    await ask('POST', '/v1/search', { query, limit: 10, mode: 'lexical' })
    times.push(performance.now() - start)
  }
  return times
}

const archivedOf = async (edge: LocalEdge) =>
  Number((await edge.rows(`select count(*) from cubes where state = 'archived'`))[0]?.[0])

interface Tick {
  ms: number
  /** Of the tick alone: those of the searches beside it are taken off. */
  statements: number
  rows: number
  cubes: number
}

/** Lets minutes follow each other until nothing is idle any more; searches go on meanwhile. */
async function archive(recorder: Recorder, run: Run & { alone: number[]; perSearch: number }): Promise<void> {
  const { edge, tenant, counter, queries, alone, perSearch } = run
  const rssBefore = process.memoryUsage().rss
  const waiting: number[] = []
  const ticks: Tick[] = []
  let rssMost = rssBefore
  let isDone = false
  const reader = (async () => {
    while (!isDone) waiting.push(...(await searches(tenant, queries, () => isDone)))
  })()
  try {
    for (let archived = -1, now = 0; now !== archived; ) {
      archived = now
      edge.clock.nowMs += MINUTE_MS
      const start = performance.now()
      const { statements } = counter
      const rows = await counter.rowsWritten()
      const reads = waiting.length
      await edge.components.tick(['lifecycle'])
      const ms = performance.now() - start
      now = await archivedOf(edge)
      ticks.push({
        ms,
        statements: counter.statements - statements - perSearch * (waiting.length - reads),
        rows: (await counter.rowsWritten()) - rows,
        cubes: now - archived,
      })
      rssMost = Math.max(rssMost, process.memoryUsage().rss)
    }
  } finally {
    isDone = true
    await reader
  }
  // The last one found nothing.
  reportTicks(recorder, ticks.slice(0, -1))
  recorder.figure('rss.growth', (rssMost - rssBefore) / 2 ** 20, 'MiB')
  recorder.figure('search.meanwhile.p50', percentile(waiting, 0.5), 'ms')
  recorder.figure('search.meanwhile.p95', percentile(waiting, 0.95), 'ms')
  recorder.figure('search.ratio.p95', percentile(waiting, 0.95) / percentile(alone, 0.95), 'x')
}

function reportTicks(recorder: Recorder, ticks: readonly Tick[]): void {
  const of = (field: keyof Tick) => ticks.map((tick) => tick[field])
  const total = (field: keyof Tick) => of(field).reduce((sum, value) => sum + value, 0)
  recorder.figure('ticks', ticks.length, 'minutes')
  recorder.figure('archived', total('cubes'), 'cubes')
  recorder.figure('cubesPerSecond', (1000 * total('cubes')) / total('ms'), 'cubes/s, searched meanwhile')
  recorder.figure('tick.p50', percentile(of('ms'), 0.5), 'ms')
  recorder.figure('tick.most', Math.max(...of('ms')), 'ms')
  recorder.figure('tick.cubes', percentile(of('cubes'), 0.5), 'cubes')
  recorder.figure('tick.statements', Math.max(...of('statements')), 'statements, most')
  recorder.figure('tick.rowsWritten', percentile(of('rows'), 0.5), 'rows')
  recorder.figure('rowsPerCube', total('rows') / total('cubes'), 'rows written')
}

async function afterwards(recorder: Recorder, { edge, tenant, counter, queries }: Run): Promise<void> {
  const times = await searches(tenant, queries)
  recorder.figure('search.afterwards.p95', percentile(times, 0.95), 'ms')
  // A minute in which nothing is due: the price of looking.
  edge.clock.nowMs += MINUTE_MS
  await edge.components.tick(['lifecycle'])
  edge.clock.nowMs += MINUTE_MS
  let before = counter.statements
  let start = performance.now()
  await edge.components.tick(['lifecycle'])
  recorder.figure('quietTick', performance.now() - start, 'ms')
  recorder.figure('quietTick.statements', counter.statements - before, 'statements')
  recorder.progress('looking for memories that say the same')
  const settings = { lifecycle: { idleDays: null, consolidate: true } }
  await tenant('PATCH', '/v1/namespaces/default', { settings })
  before = counter.statements
  start = performance.now()
  for (let tick = 0; tick < CONSOLIDATION_TICKS; tick++) {
    edge.clock.nowMs += MINUTE_MS
    await edge.components.tick(['lifecycle'])
  }
  const [[seq] = []] = await edge.rows('select max(consolidated_seq) from namespaces')
  recorder.figure('consolidation.cubes', Number(seq) / CONSOLIDATION_TICKS, 'cubes per tick')
  recorder.figure('consolidation.perSecond', (1000 * Number(seq)) / (performance.now() - start), 'cubes/s')
  recorder.figure(
    'consolidation.statements',
    (counter.statements - before) / CONSOLIDATION_TICKS,
    'statements per tick',
  )
}
