import { sql } from 'drizzle-orm'
import { PART_CUBES_MAX } from '../../../schemas/limits.ts'
import type { IndexedNamespace, LexicalIndex, LexicalStatistics } from '../../ports/lexical.ts'
import type { Principal } from '../../ports/principal.ts'
import { cubeReach } from '../governance/access-sql.ts'
import type { OrgVault } from './mem-vault.ts'
import { statement } from './sql.ts'

interface Part {
  seqs: number[]
  termTotal: number
  lastOrdinal: number
}

/** What a principal may read of a namespace that it reaches through single cubes. */
export class PartReader {
  readonly #vault: OrgVault
  readonly #principal: Principal
  readonly #nowMs: number

  constructor(vault: OrgVault, principal: Principal, nowMs: number) {
    this.#vault = vault
    this.#principal = principal
    this.#nowMs = nowMs
  }

  async read(namespaceId: number): Promise<Part> {
    // The sign keeps the namespace out of the choice of an index: from the few ids to their cubes, never over the whole namespace.
    const rows = await this.#vault.database.all(
      statement(sql`select c.seq, c.term_count, s.ordinal from cubes c join namespaces n on n.id = +c.namespace_id left join sessions s on s.id = c.session_id
        where c.cube_id in (select g.cube_id from permissions g where g.namespace_id = ${namespaceId} and g.cube_id is not null)
          and +c.namespace_id = ${namespaceId} and ${cubeReach(this.#principal, 'read', this.#nowMs)}
        order by c.seq desc limit ${PART_CUBES_MAX}`),
    )
    return {
      seqs: rows.map(([seq]) => Number(seq)).sort((a, b) => a - b),
      termTotal: rows.reduce((sum, [, terms]) => sum + Number(terms), 0),
      lastOrdinal: Math.max(0, ...rows.map(([, , ordinal]) => Number(ordinal ?? 0))),
    }
  }
}

/**
 * A lexical index for a caller who may read some cubes of a namespace only: whatever is counted, is counted among those. How often a word
 * stands in the others, and how long they are, would else show in the scores.
 */
export function partIndex(index: LexicalIndex, reader: PartReader): LexicalIndex {
  const parts = new Map<number, Promise<Part>>()
  const partOf = ({ id, part }: IndexedNamespace): Promise<Part> | null => {
    if (part !== true) return null
    const known = parts.get(id) ?? reader.read(id)
    parts.set(id, known)
    return known
  }
  return {
    async statistics(namespace, terms) {
      const part = await partOf(namespace)
      if (part === null) return index.statistics(namespace, terms)
      const lists = await index.postings(namespace, terms, { sessions: false, among: part.seqs })
      return statisticsOf(part, new Map(terms.map((term, at) => [term, lists[at]?.packed.length ?? 0])))
    },
    async postings(namespace, terms, options) {
      const part = await partOf(namespace)
      if (part === null) return index.postings(namespace, terms, options)
      const mine = new Set(part.seqs)
      const among = options.among?.filter((seq) => mine.has(seq)) ?? part.seqs
      return index.postings(namespace, terms, { ...options, among })
    },
    sessionLengths: (namespaceId, ids) => index.sessionLengths(namespaceId, ids),
    bySeq: (namespaceId, seqs, scope) => index.bySeq(namespaceId, seqs, scope),
    atPlaces: (namespaceId, places, scope) => index.atPlaces(namespaceId, places, scope),
    // Suggestions come from all words of a namespace, so there are none here.
    vocabulary: async (namespaceId, prefix, limit) =>
      parts.has(namespaceId) ? [] : index.vocabulary(namespaceId, prefix, limit),
  }
}

const statisticsOf = (
  { seqs, termTotal, lastOrdinal }: Part,
  counts: ReadonlyMap<string, number>,
): LexicalStatistics => ({
  cubes: seqs.length,
  averageLength: Math.max(1, termTotal / Math.max(1, seqs.length)),
  sessions: 0,
  averageSessionLength: 1,
  lastOrdinal,
  speakers: [],
  hasRoles: false,
  documents: new Map([...counts].filter(([, count]) => count > 0)),
})
