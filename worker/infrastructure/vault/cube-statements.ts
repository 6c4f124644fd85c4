import { type SQL, sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Statement } from '../../ports/database.ts'
import type { IndexedText, NewCube, StoredCube } from '../../ports/vault-write.ts'
import { textChanged as readAgain } from '../knowledge/entity-statements.ts'
import { forgetRenditions } from '../renditions/rendition-statements.ts'
import { deleteEmbeddingsOf } from './index-rows.ts'
import { guard, jsonChunks, statement, toHex, toJson } from './sql.ts'

/** Columns of a cube that come from its record, in the order of `recordValues`. */
const RECORD_COLUMNS = [
  'cube_id',
  'revision',
  'cid',
  'state',
  'memory_type',
  'semantic_type',
  'title',
  'speaker',
  'role',
  'said_at_ms',
  'created_at_ms',
  'updated_at_ms',
  'expires_at_ms',
  'priority',
  'sensitivity',
  'origin_kind',
  'origin_ref',
  'provenance_id',
  'tags',
  'metadata',
  'features',
  'term_count',
  'analyser',
  'content_bytes',
  'valid_from_ms',
  'valid_to_ms',
  'labels',
] as const

/** What a revision changes. The state is not of it: it changes with its event (transition_cubes), and a use may have changed it since it was read. */
const REVISED_COLUMNS = RECORD_COLUMNS.filter((name) => name !== 'state')

const recordValues = ({ record: r }: NewCube) => [
  r.cubeId,
  r.revision,
  r.cid,
  r.state,
  r.memoryType,
  r.semanticType,
  r.title,
  r.speaker,
  r.role,
  r.saidAtMs,
  r.createdAtMs,
  r.updatedAtMs,
  r.expiresAtMs,
  r.priority,
  r.sensitivity,
  r.originKind,
  r.originRef,
  r.provenanceId,
  JSON.stringify(r.tags),
  JSON.stringify(r.metadata),
  r.features,
  r.termCount,
  r.analyser,
  r.contentBytes,
  r.validFromMs,
  r.validToMs,
  JSON.stringify(r.labels),
]

/** Terms of one list: far below a parameter's size even at the longest terms. */
const TERMS_PER_GROUP_MAX = 2000
const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

const columns = (names: readonly string[]): SQL => sql.raw(names.join(', '))
const fields = (names: readonly string[], from: number): SQL =>
  sql.raw(names.map((_, at) => `j.value->>${from + at}`).join(', '))

/** What is archived stands in the cold index and is counted by no total. */
const isArchived = ({ record }: Pick<NewCube, 'record'>): boolean => record.state === 'archived'

interface SessionTurns {
  turns: number
  terms: number
  startedAtMs: number
  /** One above the highest position that a turn asks for. */
  endPosition: number
}

/** Turns of each conversation in a list of new cubes, by the caller's name of it. */
function turnsBySession(cubes: readonly NewCube[]): Map<string, SessionTurns> {
  const sessions = new Map<string, SessionTurns>()
  for (const { session, text, record, position } of cubes) {
    if (session === null) continue
    const known = sessions.get(session) ?? { turns: 0, terms: 0, startedAtMs: record.saidAtMs, endPosition: 0 }
    sessions.set(session, {
      turns: known.turns + 1,
      terms: known.terms + (isArchived({ record }) ? 0 : text.length),
      startedAtMs: Math.min(known.startedAtMs, record.saidAtMs),
      endPosition: Math.max(known.endPosition, (position ?? -1) + 1),
    })
  }
  return sessions
}

/**
 * Inserts cubes with revisions, postings and session rows. Sequence numbers and positions are taken from the rows inside the batch, so two
 * writers never collide and nobody has to retry; a position that an imported turn asks for is kept where it is free. The last statement answers the sequence number of the first cube.
 */
export function insertCubes(namespaceId: number, cubes: readonly NewCube[]): Statement[] {
  const sessions = [...turnsBySession(cubes)]
  const position = new Map<string, number>()
  const rows = cubes.map((cube, offset) => {
    const at = cube.session === null ? 0 : (position.get(cube.session) ?? 0)
    if (cube.session !== null) position.set(cube.session, at + 1)
    const { count, lastMs } = cube.use ?? { count: 0, lastMs: null }
    return [offset, cube.session, at, cube.position ?? 0, count, lastMs, ...recordValues(cube)]
  })
  const placed = cubes.map((cube, offset) => ({ cube, offset }))
  const indexed = cubes.filter((cube) => !isArchived(cube))
  const terms = indexed.reduce((sum, cube) => sum + cube.text.length, 0)
  return [
    ...insertSessions(namespaceId, sessions),
    ...jsonChunks(rows, CHUNK_BYTES_MAX).map((chunk) =>
      statement(sql`
      insert into cubes (namespace_id, seq, session_id, position, access_count, last_used_at_ms, ${columns(RECORD_COLUMNS)})
      select n.id, n.next_seq + (j.value->>0), s.id, max(s.next_position + (j.value->>2), j.value->>3), j.value->>4, j.value->>5, ${fields(RECORD_COLUMNS, 6)}
      from json_each(${chunk}) j cross join namespaces n left join sessions s on s.namespace_id = n.id and s.key = j.value->>1
      where n.id = ${namespaceId}`),
    ),
    ...insertRevisions(cubes),
    ...insertPostings(
      namespaceId,
      'postings',
      placed.filter(({ cube }) => !isArchived(cube)),
    ),
    ...insertPostings(
      namespaceId,
      'cold_postings',
      placed.filter(({ cube }) => isArchived(cube)),
    ),
    ...addToSessions(
      namespaceId,
      sessions.map(([key, s]) => [key, s.turns, s.terms, s.endPosition]),
    ),
    statement(sql`update namespaces set next_seq = next_seq + ${cubes.length}, cube_count = cube_count + ${indexed.length}, term_total = term_total + ${terms}
      where id = ${namespaceId} returning next_seq - ${cubes.length} as first_seq`),
  ]
}

function insertSessions(namespaceId: number, sessions: [string, { startedAtMs: number }][]): Statement[] {
  return jsonChunks(
    sessions.map(([key, s]) => [key, s.startedAtMs]),
    CHUNK_BYTES_MAX,
  ).map((chunk) =>
    statement(sql`
    insert into sessions (namespace_id, key, ordinal, started_at_ms)
    select ${namespaceId}, j.value->>0, (select count(*) from sessions where namespace_id = ${namespaceId}) + j.key, j.value->>1 from json_each(${chunk}) j
    where true on conflict (namespace_id, key) do nothing`),
  )
}

const addToSessions = (
  namespaceId: number,
  sessions: [key: string, turns: number, terms: number, endPosition: number][],
): Statement[] =>
  jsonChunks(sessions, CHUNK_BYTES_MAX).map((chunk) =>
    // Apart from the update: joined into it, the planner walks the sessions of the namespace.
    statement(sql`
    with u as materialized (select j.value->>0 as key, j.value->>1 as turns, j.value->>2 as terms, j.value->>3 as end_position from json_each(${chunk}) j)
    update sessions set next_position = max(next_position + u.turns, u.end_position), term_total = term_total + u.terms
    from u where sessions.namespace_id = ${namespaceId} and sessions.key = u.key`),
  )

export function insertRevisions(cubes: readonly NewCube[]): Statement[] {
  const rows = cubes.flatMap(({ record, revision, history = [] }) =>
    [...history, { ...revision, cid: record.cid }].map((one) => [
      record.cubeId,
      one.number,
      one.cid,
      toHex(one.bytes),
      one.mode,
      one.author,
      one.createdAtMs,
    ]),
  )
  return jsonChunks(rows, CHUNK_BYTES_MAX).map((chunk) =>
    statement(sql`
    insert into revisions (cube_id, number, cid, bytes, mode, author, created_at_ms)
    select j.value->>0, j.value->>1, j.value->>2, unhex(j.value->>3), j.value->>4, j.value->>5, j.value->>6 from json_each(${chunk}) j`),
  )
}

/**
 * Terms of a text by how often they occur, each list short enough for one parameter: most occur once, so a list of bare terms says it all and
 * the database need not take apart a row for every posting.
 */
function termGroups({ terms, length }: IndexedText): [length: number, frequency: number, terms: string[]][] {
  const groups: [number, number, string[]][] = []
  for (const [frequency, list] of Map.groupBy(terms, ([, count]) => count)) {
    for (let at = 0; at < list.length; at += TERMS_PER_GROUP_MAX) {
      groups.push([length, frequency, list.slice(at, at + TERMS_PER_GROUP_MAX).map(([term]) => term)])
    }
  }
  return groups
}

/** Postings of new cubes, inserted in order of the key: neighbours in the tree share pages. `offset` counts from the next sequence number. */
function insertPostings(
  namespaceId: number,
  table: 'postings' | 'cold_postings',
  cubes: readonly { cube: NewCube; offset: number }[],
): Statement[] {
  const rows = cubes.flatMap(({ cube, offset }) => termGroups(cube.text).map((group) => [offset, ...group]))
  return jsonChunks(rows, CHUNK_BYTES_MAX).map((chunk) =>
    statement(sql`
    with g as materialized (select c.seq, c.session_id, j.value->>1 as length, j.value->>2 as frequency, j.value->3 as terms
      from json_each(${chunk}) j cross join namespaces n cross join cubes c on c.namespace_id = n.id and c.seq = n.next_seq + (j.value->>0)
      where n.id = ${namespaceId})
    insert into ${sql.raw(table)} (namespace_id, term, seq, frequency, length, session_id)
    select ${namespaceId}, t.value, g.seq, g.frequency, g.length, g.session_id from g cross join json_each(g.terms) t order by t.value, g.seq`),
  )
}

/** Replaces record, postings and revision of a stored cube; aborts when it is not at the revision that was read, frozen or archived. */
export function updateCube(stored: StoredCube, cube: NewCube, textChanged: boolean): Statement[] {
  const { namespaceId, seq } = stored
  const here = sql`namespace_id = ${namespaceId} and seq = ${seq}`
  const statements = [
    guard(
      sql`select revision = ${stored.revision} and state not in ('frozen', 'archived') from cubes where ${here} and cube_id = ${stored.cubeId}`,
    ),
    statement(
      sql`update cubes set (${columns(REVISED_COLUMNS)}) = (select ${sql.raw(REVISED_COLUMNS.map((name) => `j.value->>${RECORD_COLUMNS.indexOf(name)}`).join(', '))}
        from (select ${toJson(recordValues(cube))} as value) j) where ${here}`,
    ),
    ...insertRevisions([cube]),
  ]
  if (!textChanged) return [...statements, missesVector(namespaceId, seq)]
  return [
    ...statements,
    ...deletePostings(stored),
    ...forgetRenditions(sql`(${stored.cubeId})`),
    ...jsonChunks(termGroups(cube.text), CHUNK_BYTES_MAX).map((chunk) =>
      statement(sql`
      insert into postings (namespace_id, term, seq, frequency, length, session_id)
      select ${namespaceId}, t.value, ${seq}, j.value->>1, j.value->>0, ${stored.sessionId} from json_each(${chunk}) j cross join json_each(j.value->2) t`),
    ),
    ...deleteEmbeddingsOf([{ namespaceId, seq }]),
    missesVector(namespaceId, seq),
    readAgain(namespaceId, seq),
    statement(
      // The change counter moves too: a text of the same length must be told from the one before (lexical-cache.ts).
      sql`update namespaces set term_total = term_total + ${cube.text.length - stored.termCount}, next_change = next_change + 1 where id = ${namespaceId}`,
    ),
    statement(
      sql`update sessions set term_total = term_total + ${cube.text.length - stored.termCount} where id = ${stored.sessionId}`,
    ),
  ]
}

/**
 * Sends the background build back to a cube without a vector. The number falls with every such change, so that a build which embedded the
 * text of before, and now says how far it is, notices (`advanceSpace`).
 */
const missesVector = (namespaceId: number, seq: number): Statement =>
  statement(sql`update vector_spaces set built_seq = min(built_seq - 1, ${seq - 1}) where namespace_id = ${namespaceId}
    and not exists (select 1 from embeddings e where e.namespace_id = ${namespaceId} and e.model = vector_spaces.model and e.seq = ${seq})`)

function deletePostings({ namespaceId, seq, terms }: StoredCube): Statement[] {
  const here = sql`namespace_id = ${namespaceId} and seq = ${seq}`
  if (terms === null) return [statement(sql`delete from postings where ${here}`)]
  return jsonChunks(terms, CHUNK_BYTES_MAX).map((chunk) =>
    statement(sql`delete from postings where ${here} and term in (select value from json_each(${chunk}))`),
  )
}
