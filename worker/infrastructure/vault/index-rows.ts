import { sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { StoredCube } from '../../ports/vault-write.ts'
import { jsonChunks, statement, toJson } from './sql.ts'

export type PostingTable = 'postings' | 'cold_postings'
export type IndexedCube = Pick<StoredCube, 'namespaceId' | 'seq' | 'terms'>

/** Keys that one statement looks up: every namespace with every term with every cube, a third of a microsecond each. */
const SEEKS_MAX = 20_000
const CUBES_PER_GROUP_MAX = 25
const TERMS_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

/**
 * Removes cubes from an inverted index. Postings stand in order of their terms, so terms are what finds them; of a cube without known terms the
 * whole namespace is searched. Each column has its own `in`: SQLite looks a tuple of three up by its first column alone.
 */
export function deletePostingsOf(table: PostingTable, cubes: readonly IndexedCube[]): Statement[] {
  const from = sql.raw(table)
  const searched = cubes.filter(({ terms }) => terms === null)
  return [
    ...groupsOf(cubes.filter(({ terms }) => terms !== null)).flatMap(({ namespaces, terms, seqs, places }) =>
      jsonChunks([...terms], TERMS_BYTES_MAX).map((chunk) =>
        statement(sql`delete from ${from} where namespace_id in (select value from json_each(${toJson([...namespaces])}))
          and term in (select value from json_each(${chunk})) and seq in (select value from json_each(${toJson([...seqs])}))
          and (+namespace_id, +seq) in (select j.value->>0, j.value->>1 from json_each(${toJson(places)}) j)`),
      ),
    ),
    ...[...Map.groupBy(searched, ({ namespaceId }) => namespaceId)].map(([namespaceId, list]) =>
      statement(
        sql`delete from ${from} where namespace_id = ${namespaceId} and seq in (select value from json_each(${toJson(list.map(({ seq }) => seq))}))`,
      ),
    ),
  ]
}

/** Removes the vectors of cubes. Every vector belongs to a space of its namespace, which is how it is found without a walk over all of them. */
export function deleteEmbeddingsOf(cubes: readonly Pick<IndexedCube, 'namespaceId' | 'seq'>[]): Statement[] {
  return [...Map.groupBy(cubes, ({ namespaceId }) => namespaceId)].map(([namespaceId, list]) =>
    statement(sql`delete from embeddings where namespace_id = ${namespaceId} and model in (select model from vector_spaces where namespace_id = ${namespaceId})
      and seq in (select value from json_each(${toJson(list.map(({ seq }) => seq))}))`),
  )
}

interface Group {
  namespaces: Set<number>
  terms: Set<string>
  seqs: Set<number>
  places: [namespaceId: number, seq: number][]
}

/** Cubes that one statement removes together. */
function groupsOf(cubes: readonly IndexedCube[]): Group[] {
  const groups: Group[] = []
  for (const { namespaceId, seq, terms } of cubes.toSorted((a, b) => a.namespaceId - b.namespaceId || a.seq - b.seq)) {
    let group = groups.at(-1)
    if (group === undefined || isFull(group, terms?.length ?? 0)) {
      group = { namespaces: new Set(), terms: new Set(), seqs: new Set(), places: [] }
      groups.push(group)
    }
    group.namespaces.add(namespaceId)
    group.seqs.add(seq)
    for (const term of terms ?? []) group.terms.add(term)
    group.places.push([namespaceId, seq])
  }
  return groups
}

const isFull = ({ namespaces, terms, seqs, places }: Group, more: number): boolean =>
  places.length >= CUBES_PER_GROUP_MAX ||
  (namespaces.size + 1) * (terms.size + more) * (seqs.size + 1) > Math.max(SEEKS_MAX, more)
