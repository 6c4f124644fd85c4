import { sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { guard, jsonChunks, statement, toHex } from './sql.ts'

type PutEmbeddings = Extract<VaultWrite, { kind: 'put_embeddings' }>
type AdvanceSpace = Extract<VaultWrite, { kind: 'advance_space' }>

/**
 * Stores vectors of cubes that still have the revision they were made from; a cube that changed meanwhile, or was archived, is left out and found again by
 * the background build. `change` numbers rise in the order of the rows; the last statement answers the number after the last one.
 */
export function putEmbeddings({ namespaceId, model, vectors }: PutEmbeddings): Statement[] {
  const rows = vectors.map(({ cubeId, cid, vector }) => [cubeId, cid, toHex(vector)])
  return [
    ...jsonChunks(rows, SQL_VALUE_BYTES_MAX * 0.9).flatMap((chunk) => [
      statement(sql`
        insert into embeddings (namespace_id, model, seq, change, vector)
        select n.id, ${model}, c.seq, n.next_change + j.key, unhex(j.value->>2)
        from json_each(${chunk}) j cross join namespaces n join cubes c on c.cube_id = j.value->>0 and c.namespace_id = n.id and c.cid = j.value->>1
        where n.id = ${namespaceId} and c.state != 'archived'
        on conflict (namespace_id, model, seq) do update set change = excluded.change, vector = excluded.vector`),
      statement(
        sql`update namespaces set next_change = next_change + json_array_length(${chunk}) where id = ${namespaceId} returning next_change`,
      ),
    ]),
  ]
}

/**
 * Says how far a space has been filled, unless it is no longer where it was when the cubes were read: then one of them has changed since, and
 * the build goes on from there. Creates the space, as empty, at its first vectors; a change during those has no space yet to tell it to.
 * Aborts when its vectors have another length. Answers how far the space is.
 */
export const advanceSpace = (write: AdvanceSpace): Statement[] => {
  const { namespaceId, model, dimensions, state, fromSeq, builtSeq, atMs } = write
  return [
    guard(
      sql`select not exists (select 1 from vector_spaces where namespace_id = ${namespaceId} and model = ${model} and dimensions != ${dimensions})`,
    ),
    statement(sql`
    insert into vector_spaces (namespace_id, model, dimensions, state, built_seq, created_at_ms)
    select n.id, ${model}, ${dimensions}, ${state}, 0, ${atMs} from namespaces n where n.id = ${namespaceId}
    on conflict (namespace_id, model) do update set built_seq = case when built_seq = ${fromSeq} then ${builtSeq} else built_seq end
    returning built_seq`),
  ]
}

/** Makes a finished space the one that searches use and retires the others. */
export const activateSpace = (namespaceId: number, model: string): Statement[] => [
  statement(sql`update vector_spaces set state = case when model = ${model} then 'active' else 'retired' end
    where namespace_id = ${namespaceId} and model not like 'caller:%'`),
]

export const dropSpace = (namespaceId: number, model: string): Statement[] => [
  statement(sql`delete from embeddings where namespace_id = ${namespaceId} and model = ${model}`),
  statement(sql`delete from cold_embeddings where namespace_id = ${namespaceId} and model = ${model}`),
  statement(sql`delete from vector_spaces where namespace_id = ${namespaceId} and model = ${model}`),
]
