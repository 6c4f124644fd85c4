import { sql } from 'drizzle-orm'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { cubeAccess } from '../governance/access-sql.ts'
import { statement } from '../vault/sql.ts'
import type { VaultSession } from '../vault/vault-session.ts'

/** What there is under the id of a cube that is to be imported. */
export interface Occupant {
  seq: number
  cid: string
  revision: number
  state: string
  /** Whether it lies in the target namespace and may be seen by the caller. */
  isMine: boolean
  /** Whether one of its revisions has the CID that was asked about. */
  isKnown: boolean
}

/** Looks up ids over all organisations of the database: an id is unique among them. What is found elsewhere is known as taken, no more. */
export async function occupantsOf(
  session: VaultSession,
  namespace: NamespaceRow,
  { principal, nowMs }: RequestContext,
  cubes: readonly { cubeId: string; cid: string }[],
): Promise<Map<string, Occupant>> {
  const asked = JSON.stringify(cubes.map(({ cubeId, cid }) => [cubeId, cid]))
  const rows = await session.vault.database.all(
    statement(sql`
      select c.cube_id, c.seq, c.cid, c.revision, c.state, (c.namespace_id = ${namespace.id} and ${cubeAccess(principal, nowMs)}),
        exists (select 1 from revisions r where r.cube_id = c.cube_id and r.cid = j.value->>1)
      from json_each(${asked}) j join cubes c on c.cube_id = j.value->>0`),
  )
  return new Map(
    rows.map(([cubeId, seq, cid, revision, state, isMine, isKnown]) => [
      cubeId as string,
      {
        seq: Number(seq),
        cid: cid as string,
        revision: Number(revision),
        state: state as string,
        isMine: isMine === 1,
        isKnown: isKnown === 1,
      },
    ]),
  )
}
