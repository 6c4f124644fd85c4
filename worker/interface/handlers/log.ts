import { isoOf, momentMs } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import {
  LOG_EXPORT_PAGE_ROWS,
  QUERY_LENGTH_MAX,
  SEARCH_NAMESPACES_MAX,
  SEARCH_RESULTS_MAX,
} from '../../../schemas/limits.ts'
import type { RouteQuery } from '../../../schemas/route.ts'
import type { logRoutes } from '../../../schemas/routes/log.ts'
import { SearchRequest } from '../../../schemas/search.ts'
import type { LogQuery } from '../../infrastructure/log/log-reader.ts'
import { isNarrowed } from '../../ports/principal.ts'
import type { Handler } from '../http/bind-route.ts'
import { toLogEntry } from '../views.ts'

type Routes = typeof logRoutes

const filterOf = (query: RouteQuery<Routes['exportLog']>): LogQuery => ({
  fromMs: query.from === undefined ? null : momentMs(query.from),
  toMs: query.to === undefined ? null : momentMs(query.to),
  caller: query.caller ?? null,
  operation: query.operation ?? null,
  outcome: query.outcome ?? null,
  memoryType: query.memoryType ?? null,
  cubeId: query.cubeId ?? null,
})

export const queryLog: Handler<Routes['queryLog']> = async (edge, context, { query }) => {
  await edge.activity.flush()
  const { log, vault } = await edge.sessions(context, 'read')
  const filter = filterOf(query)
  // Entries are numbered by their database: a cursor from before a move is refused, not misread.
  const list = `log:${context.principal.orgId}:${vault.organisation.database}:${JSON.stringify(filter)}`
  const rows = await log.page(filter, query.limit + 1, { before: edge.cursors.read(query.cursor, list, 'number') })
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toLogEntry)
}

/** One line per row, with the namespace's number: whoever recomputes the chain needs it (docs/concepts/governance.md). */
export const exportLog: Handler<Routes['exportLog']> = async (edge, context, { query }) => {
  await edge.activity.flush()
  const { log } = await edge.sessions(context, 'read')
  const filter = filterOf(query)
  const utf8 = new TextEncoder()
  let after = 0
  const lines = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const rows = await log.page(filter, LOG_EXPORT_PAGE_ROWS, { after })
      for (const row of rows)
        controller.enqueue(utf8.encode(`${JSON.stringify({ ...toLogEntry(row), namespaceId: row.namespaceId })}\n`))
      after = rows.at(-1)?.id ?? after
      if (rows.length < LOG_EXPORT_PAGE_ROWS) controller.close()
    },
  })
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return new Response(lines, { headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' } })
}

export const verifyLog: Handler<Routes['verifyLog']> = async (edge, context) => {
  if (isNarrowed(context.principal))
    throw new MemosError('forbidden', { detail: 'The chain covers the whole organisation; the key reaches less.' })
  await edge.activity.flush()
  const { vault } = await edge.sessions(context, 'read')
  const { head, fault, checked, unsealed } = await edge
    .auditChain(vault.database)
    .verify(context.principal.orgId, context.signal)
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return {
    ok: fault === null,
    checked,
    unsealed,
    head: head === null ? null : { rows: head.rowCount, hash: head.hash, sealedAt: isoOf(head.sealedAtMs) },
    fault: fault && {
      kind: fault.kind,
      at: fault.row && isoOf(fault.row.atMs),
      requestId: fault.row?.requestId ?? null,
    },
  }
}

/** Exports that a trace looks through, newest first. */
const TRACED_EXPORTS_MAX = 10_000

export const traceText: Handler<Routes['traceText']> = async (edge, context, { body }) => {
  await edge.activity.flush()
  const session = await edge.sessions(context, 'read')
  const exported = await session.log.page({ ...filterOf({}), operation: 'exportNamespace' }, TRACED_EXPORTS_MAX, {
    before: null,
  })
  const requestIds = exported.map(({ requestId }) => requestId)
  const marks = edge.watermarks.requestsOf(body.text, context.principal.orgId, requestIds)
  const namespaces = await edge.namespaces.forRead(session.vault, body, context, SEARCH_NAMESPACES_MAX)
  const query = SearchRequest.parse({
    query: body.text.slice(0, QUERY_LENGTH_MAX),
    limit: SEARCH_RESULTS_MAX,
    mode: 'lexical',
  })
  const { found } = context.principal.scopes.has('memory:read')
    ? await edge.operator.search(session, namespaces, query, context)
    : { found: [] }
  edge.activity.record({ context, outcome: 'ok', metric: 'searches', audited: true })
  const sources = found.map(({ full }) => full)
  return {
    genuineMarks: marks.genuine,
    exports: exported.filter(({ requestId }) => marks.requestIds.includes(requestId)).map(toLogEntry),
    sources: edge.watermarks.sourcesOf(body.text, sources),
  }
}

export const getUsage: Handler<Routes['getUsage']> = async (edge, context) => {
  if (isNarrowed(context.principal))
    throw new MemosError('forbidden', {
      detail: 'A key that is bound to a subject or to namespaces does not read what the whole organisation uses.',
    })
  await edge.activity.flush()
  const { log, vault } = await edge.sessions(context, 'read')
  return { ...(await log.usage(context.nowMs)), cubesMax: vault.organisation.cubesMax }
}
