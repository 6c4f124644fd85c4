import { MemosError } from '../../../schemas/errors.ts'
import type { administrationRoutes } from '../../../schemas/routes/administration.ts'
import type { Handler } from '../http/bind-route.ts'

type Routes = typeof administrationRoutes

export const exportNamespace: Handler<Routes['exportNamespace']> = async (edge, context, { query }) => {
  const session = await edge.sessions(context, 'read')
  const namespace = await session.namespaces.byName(query.namespace, 'read')
  if (namespace === null) throw new MemosError('not_found')
  const archive = edge.archives.export(
    session,
    namespace,
    { redact: query.redact, mark: query.watermark ? edge.watermarks.marker(context) : null },
    context,
  )
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId: namespace.id })
  const headers = {
    'content-type': 'application/x-tar',
    'content-disposition': `attachment; filename="${namespace.name.replaceAll(':', '_')}.tar"`,
    'cache-control': 'no-store',
  }
  return new Response(archive, { headers })
}

/** An import takes as long as its archive: it ends when the caller hangs up, not after the time that other requests get. */
export const importArchive: Handler<Routes['importArchive']> = async (edge, context, { query, request }) => {
  if (request.body === null) throw new MemosError('invalid_archive', { field: 'body', expected: 'an archive' })
  const session = await edge.sessions(context, 'write')
  const namespace = await edge.namespaces.forWrite(session.vault, query, context)
  return edge.archives.import(session, namespace, request.body, query.format, { ...context, signal: request.signal })
}
