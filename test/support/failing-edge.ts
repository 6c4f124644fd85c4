import type { BlobStore } from '../../worker/ports/blob-store.ts'
import type { Database } from '../../worker/ports/database.ts'
import type { Embedder } from '../../worker/ports/embedder.ts'
import type { MipParts } from '../../worker/ports/mip.ts'
import type { Tenant } from './edge.ts'
import { FailingBlobStore, FailingDatabase, type Fault } from './failing.ts'
import { type LocalEdge, openLocalEdge } from './local-edge.ts'

/** A database that a fault suite looks at from outside, and how its host closes it. */
export interface OpenStore {
  database: Database
  close(): Promise<void>
}

/** An edge each of whose calls of the database and of the blobs fails once `fault` is armed for it. */
export const openFailingEdge = (
  database: Database,
  blobs: BlobStore,
  fault: Fault,
  embedder?: Embedder,
  mip?: Partial<MipParts>,
): Promise<LocalEdge> =>
  openLocalEdge({
    databases: new Map([['default', new FailingDatabase(database, fault)]]),
    blobs: new FailingBlobStore(blobs, fault),
    ...(embedder && { embedder }),
    ...(mip && { mip }),
  })

/** What statements read of one organisation, whose namespaces stand for the words "in here". */
export const lookAt = (database: Database, statements: readonly string[], { id }: Tenant) =>
  Promise.all(
    statements.map((text) => {
      const sql = text.replaceAll('in here', 'in (select id from namespaces where org_id = ?1)')
      return database.all({ sql, params: [id] })
    }),
  )
