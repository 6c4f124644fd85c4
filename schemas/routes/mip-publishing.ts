import { pageOf } from '../common.ts'
import { MipEntries, MipIdentity, Published, PublishMemories, Revoked, RevokePublished } from '../mip-publishing.ts'
import { ReceiptQuery, ReceivedReceipt } from '../mip-receipt.ts'
import { defineRoutes } from '../route.ts'

const common = { tag: 'Publishing', scope: 'mip' } as const

/** The publishing side of the interchange protocol. What peers are served stands under /mip/v1. */
export const mipPublishingRoutes = defineRoutes({
  getMipIdentity: {
    ...common,
    method: 'get',
    path: '/v1/mip/identity',
    summary: 'Who the organisation is among peers, its keys and its logs',
    status: 200,
    response: MipIdentity,
  },
  createMipIdentity: {
    ...common,
    method: 'post',
    path: '/v1/mip/identity',
    summary: 'Give the organisation an identity: its first entries, signed by its root',
    body: MipEntries,
    status: 201,
    response: MipIdentity,
  },
  appendMipEntries: {
    ...common,
    method: 'post',
    path: '/v1/mip/entries',
    summary: 'Append entries that the root has signed: rotations, delegations, revoked keys, replicas',
    body: MipEntries,
    status: 200,
    response: MipIdentity,
  },
  publishMemories: {
    ...common,
    method: 'post',
    path: '/v1/mip/publish',
    summary: 'Publish cubes to a log that peers follow',
    body: PublishMemories,
    status: 200,
    response: Published,
  },
  revokePublished: {
    ...common,
    method: 'post',
    path: '/v1/mip/revoke',
    summary: 'Take published cubes back; peers hide them when they hear of it',
    body: RevokePublished,
    status: 200,
    response: Revoked,
  },
  listErasureReceipts: {
    ...common,
    method: 'get',
    path: '/v1/mip/receipts',
    summary: 'Who has confirmed that revoked cubes are erased there; of one cube with `cube`',
    query: ReceiptQuery,
    status: 200,
    response: pageOf(ReceivedReceipt).meta({ id: 'ReceivedReceiptPage' }),
  },
})
