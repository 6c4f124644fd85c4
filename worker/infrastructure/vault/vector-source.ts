import { sql } from 'drizzle-orm'
import type { VectorEntry, VectorSource, VectorSpace } from '../../ports/vector-index.ts'
import { decodeVector } from './half-float.ts'
import type { MemVault } from './mem-vault.ts'
import { statement } from './sql.ts'

/** Stored vectors in the order in which they were written: what every index is derived from. */
export const vectorSource = (vault: MemVault, nowMs: () => number): VectorSource => ({
  async read({ orgId, namespaceId, model }: VectorSpace, afterChange: number, limit: number): Promise<VectorEntry[]> {
    const { database } = await vault.of(orgId, nowMs())
    const rows = await database.all(
      statement(
        sql`select seq, change, vector from embeddings where namespace_id = ${namespaceId} and model = ${model} and change > ${afterChange} order by change limit ${limit}`,
      ),
    )
    return rows.map(([seq, change, vector]) => ({
      seq: seq as number,
      change: change as number,
      vector: decodeVector(vector as Uint8Array),
    }))
  },
})
