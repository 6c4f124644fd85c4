import { openReceipt } from '../../../protocol/core/erase-receipt.ts'
import { BASE64URL } from '../../../protocol/core/object-view.ts'
import { isoOf } from '../../../schemas/common.ts'
import type { mipPublishingRoutes } from '../../../schemas/routes/mip-publishing.ts'
import type { mipSubscriptionRoutes } from '../../../schemas/routes/mip-subscriptions.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { MipErasureRow, MipReceiptRow } from '../../ports/writes/mip.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'
import { expectWholeOrganisation } from '../whole-organisation.ts'

type Receipts = (typeof mipPublishingRoutes)['listErasureReceipts']
type Erasures = (typeof mipSubscriptionRoutes)['listMipErasures']

export const listErasureReceipts: Handler<Receipts> = async (edge, context, { query }) => {
  const { receipts } = await open(edge, context)
  const { cube, limit } = query
  const list = `receipts:${cube ?? ''}`
  const after = edge.cursors.read(query.cursor, list, 'string')
  const rows = await receipts.received(limit + 1, { after, ...(cube !== undefined && { cube }) })
  return edge.cursors.page(rows, limit, list, ({ cube, revoke, did }) => `${cube} ${revoke} ${did}`, toReceipt)
}

export const listMipErasures: Handler<Erasures> = async (edge, context, { query }) => {
  const { receipts } = await open(edge, context)
  const after = edge.cursors.read(query.cursor, 'erasures', 'string') ?? ''
  const rows = await receipts.erasures(query.limit + 1, { after })
  return edge.cursors.page(rows, query.limit, 'erasures', ({ revoke }) => revoke, toErasure)
}

/** What was erased is the organisation's business. @throws MemosError forbidden */
function open(edge: Edge, context: RequestContext): Promise<VaultSession> {
  expectWholeOrganisation(context.principal)
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return edge.sessions(context, 'read')
}

function toReceipt({ receipt: wire, atMs }: MipReceiptRow) {
  const bytes = new Uint8Array(wire)
  const { revoke, log, epoch, seq, cube, revisions, cubes, renditions, blobs, org, ts } = openReceipt(bytes).receipt
  const erased = { revoke, log, epoch, seq, cube, revisions, cubes, renditions, blobs }
  return { ...erased, org, erasedAt: isoOf(ts), receivedAt: isoOf(atMs), receipt: BASE64URL.toText(bytes) }
}

function toErasure(row: MipErasureRow) {
  const { log, epoch, seq, revisions, cubes, renditions, blobs, answer, attempts } = row
  const place = { revoke: row.revoke as never, log, epoch, seq, cube: row.cube as never }
  const counts = { revisions, cubes, renditions, blobs }
  return { ...place, ...counts, of: row.did as never, at: isoOf(row.atMs), answer, attempts }
}
