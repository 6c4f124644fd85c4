/**
 * Goal: filters, permissions and expiry never cost a vector search its nearest rows, on any database.
 * Method: 2,000 vectors, an index that proposes what is truly nearest, and the brute-force answer for comparison.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Filter } from '../../schemas/filter.ts'
import { VECTOR_CANDIDATES_MAX } from '../../schemas/limits.ts'
import { systemContext } from '../../worker/infrastructure/governance/system-context.ts'
import { decodeVector, dot, encodeVector, unit } from '../../worker/infrastructure/vault/half-float.ts'
import { MemVault, type OrgVault } from '../../worker/infrastructure/vault/mem-vault.ts'
import { toHex } from '../../worker/infrastructure/vault/sql.ts'
import { VectorReader, type VectorReaderInit } from '../../worker/infrastructure/vault/vector-reader.ts'
import type { Database } from '../../worker/ports/database.ts'
import type { VectorIndex } from '../../worker/ports/vector-index.ts'
import { seededRandom, startSeed } from './seeded-random.ts'

const ROWS = 2000
const DIMENSIONS = 16
const LIMIT = 10
const ORG = 'vector-search'
const NAMESPACE = 4242
const NOW_MS = Date.UTC(2026, 0, 1)
const SIGNAL = new AbortController().signal
const MODEL = 'model'

const field = (name: string, value: string): Filter => ({ field: `metadata.${name}`, op: 'eq', value }) as Filter

export function testVectorSearch(name: string, open: () => Promise<{ database: Database }>) {
  const seed = startSeed()

  describe(`vector search on ${name}, seed ${seed}`, () => {
    const random = seededRandom(seed)
    const vectors = Array.from({ length: ROWS }, () =>
      decodeVector(encodeVector(unit(Array.from({ length: DIMENSIONS }, () => random(2001) - 1000)))),
    )
    const query = unit(Array.from({ length: DIMENSIONS }, () => random(2001) - 1000))
    const byCosine = vectors
      .map((vector, at) => ({ seq: at + 1, score: dot(query, vector) }))
      .sort((a, b) => b.score - a.score || a.seq - b.seq)
    const hidden = new Set(byCosine.slice(0, 100).map(({ seq }) => seq))
    const secret = new Set(byCosine.filter((_, at) => at % 3 === 0).map(({ seq }) => seq))
    const rare = (seq: number) => seq % 100 === 7
    let vault: OrgVault
    const asked: number[] = []

    /** Proposes the nearest of the rows up to a change; a change is the row's own number here. */
    const indexTo = (absorbedChange: number, hitsMax = ROWS): VectorIndex => ({
      upsert: async () => {},
      remove: async () => {},
      drop: async () => {},
      candidates: async (_space, _query, limit) => {
        asked.push(limit)
        const held = byCosine.filter(({ seq }) => seq <= absorbedChange)
        return { hits: held.slice(0, Math.min(limit, hitsMax)), absorbedChange }
      },
    })

    const nearest = async (
      filter: Filter | null,
      { index = indexTo(ROWS), secrets = true, ...init }: VectorReaderInit & { index?: VectorIndex; secrets?: boolean },
    ) => {
      asked.length = 0
      const { principal } = systemContext(ORG, 'test', NOW_MS, SIGNAL)
      const scopes = new Set([...principal.scopes].filter((scope) => secrets || scope !== 'memory:secret'))
      const logger = { info() {}, warn() {}, error() {} }
      const reader = new VectorReader(
        vault,
        { ...principal, scopes, clearance: secrets ? 'secret' : 'personal' },
        NOW_MS,
        { vectorIndex: index, logger },
        init,
      )
      const scope = { filter, includeArchived: false }
      const { hits, notes } = await reader.nearest(
        NAMESPACE,
        { model: MODEL, vector: query, lastChange: ROWS },
        LIMIT,
        scope,
        SIGNAL,
      )
      return { seqs: hits.map(({ seq }) => seq), notes }
    }
    /** Rows that the brute force finds, but for the order of those whose stored halves are as near as each other. */
    const expectNearest = (seqs: readonly number[], isSeen: (seq: number) => boolean) => {
      const exact = byCosine.filter(({ seq }) => isSeen(seq)).slice(0, LIMIT)
      const scores = new Map(byCosine.map(({ seq, score }) => [seq, score]))
      expect(new Set(seqs).size).toBe(exact.length)
      expect(seqs.filter((seq) => !isSeen(seq))).toEqual([])
      for (const [at, { score }] of exact.entries()) expect(scores.get(seqs[at] ?? 0)).toBeCloseTo(score, 2.5)
    }

    beforeAll(async () => {
      const { database } = await open()
      const run = (sql: string, ...params: (string | number)[]) => database.all({ sql, params })
      await run(
        `insert into organisations (id, name, database, state, created_at_ms) values ('${ORG}', '${ORG}', 'default', 'active', 0)`,
      )
      await run(
        `insert into namespaces (id, org_id, name, layer, settings, next_seq, next_change, cube_count, created_at_ms)
         values (?, '${ORG}', 'n', 'shared', '{}', ?, ?, ?, 0)`,
        NAMESPACE,
        ROWS + 1,
        ROWS + 1,
        ROWS,
      )
      for (let from = 0; from < ROWS; from += 500) {
        const rows = vectors.slice(from, from + 500).map((vector, at) => {
          const seq = from + at + 1
          const metadata = { near: hidden.has(seq) ? 'yes' : 'no', rare: rare(seq) ? 'yes' : 'no' }
          return [seq, toHex(encodeVector(vector)), JSON.stringify(metadata), secret.has(seq) ? 'secret' : 'none']
        })
        await run(
          `insert into cubes (namespace_id, seq, cube_id, revision, cid, state, memory_type, semantic_type, said_at_ms, created_at_ms, updated_at_ms, priority, sensitivity,
             origin_kind, provenance_id, tags, metadata, features, term_count, analyser, content_bytes)
           select ${NAMESPACE}, j.value->>0, 'vs' || (j.value->>0), 1, 'c', 'activated', 'plaintext', 't', 0, 0, 0, 'medium', j.value->>3, 'user', 'p', '[]', j.value->>2, 0, 0, 1, 0 from json_each(?) j`,
          JSON.stringify(rows),
        )
        await run(
          `insert into embeddings (namespace_id, model, seq, change, vector) select ${NAMESPACE}, '${MODEL}', j.value->>0, j.value->>0, unhex(j.value->>1) from json_each(?) j`,
          JSON.stringify(rows),
        )
      }
      vault = await new MemVault({ databases: new Map([['default', database]]) }).of(ORG, NOW_MS)
    })

    it('asks the index once where nothing is hidden', async () => {
      const { seqs, notes } = await nearest(null, {})
      expectNearest(seqs, () => true)
      expect(notes).toEqual([])
      expect(asked).toEqual([VECTOR_CANDIDATES_MAX])
    })

    it('asks the index for more when a filter hides the nearest hundred', async () => {
      const { seqs, notes } = await nearest(field('near', 'no'), { scanRowsMax: 0 })
      expectNearest(seqs, (seq) => !hidden.has(seq))
      expect(notes).toEqual([])
      expect(asked).toEqual([VECTOR_CANDIDATES_MAX, 256])
    })

    it('finds all that a filter of one in a hundred lets pass', async () => {
      const { seqs, notes } = await nearest(field('rare', 'yes'), {})
      expectNearest(seqs, rare)
      expect(notes).toEqual([])
    })

    it('finds them also where the index answers no more than a hundred', async () => {
      const { seqs, notes } = await nearest(field('rare', 'yes'), { index: indexTo(ROWS, 100) })
      expectNearest(seqs, rare)
      expect(notes).toEqual([])
      expect(asked).toEqual([VECTOR_CANDIDATES_MAX, 256])
    })

    it('finds what a key may see among secret cubes', async () => {
      const { seqs, notes } = await nearest(null, { secrets: false })
      expectNearest(seqs, (seq) => !secret.has(seq))
      expect(notes).toEqual([])
    })

    it('compares the newest of the matching rows and says so where there are too many', async () => {
      const newest = Array.from({ length: ROWS }, (_, at) => ROWS - at)
        .filter(rare)
        .slice(0, 5)
      const { seqs, notes } = await nearest(field('rare', 'yes'), { index: indexTo(ROWS, 20), scanRowsMax: 5 })
      expect(seqs).toEqual(expect.arrayContaining(newest))
      expect(notes).toEqual(['Only the newest 5 memories that match were compared by their vectors.'])
    })

    it('compares the newest of the rows that the index lacks and says how many are left out', async () => {
      const { seqs, notes } = await nearest(null, { index: indexTo(ROWS - 50), tailRowsMax: 20 })
      const isCompared = (seq: number) => seq <= ROWS - 50 || seq > ROWS - 20
      expectNearest(seqs, isCompared)
      expect(notes).toEqual(['Some vectors were not compared: the index has not taken them up yet.'])
      const alone = await nearest(null, { index: indexTo(0), tailRowsMax: 20 })
      expectNearest(alone.seqs, (seq) => seq > ROWS - 20)
    })
  })
}
