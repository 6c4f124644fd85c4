import { sql } from 'drizzle-orm'
import type { ReaderWrite } from '../../ports/writes/reader.ts'
import { guard } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Statements of MemReader's decisions. */
export const readerStatements: StatementsFor<ReaderWrite> = {
  expect_unchanged: (orgId, { namespaceId, nextSeq, nextChange }) => [
    guard(
      sql`select next_seq = ${nextSeq} and next_change = ${nextChange} from namespaces where id = ${namespaceId} and org_id = ${orgId}`,
    ),
  ],
}
