/** What must hold of an organisation's rows at any moment, asked in plain SQL past every class of the system. */
import { readStoredRevision } from '../../protocol/core/revision.ts'
import type { Cid } from '../../schemas/cid.ts'
import { blobKeysOf } from '../../worker/infrastructure/vault/text-blob.ts'
import { indexText } from '../../worker/operation/organise/draft-cube.ts'
import type { BlobStore } from '../../worker/ports/blob-store.ts'
import type { Database, Row, SqlValue } from '../../worker/ports/database.ts'

/** Each statement answers rows only where something is wrong. `?` is the organisation. */
const NAMESPACE_CHECKS: Record<string, string> = {
  'a cube lacks the revision it is at': `select c.cube_id from cubes c left join revisions r on r.cube_id = c.cube_id and r.number = c.revision
    where c.namespace_id in here and (r.cid is null or r.cid != c.cid)`,
  'a cube has other revisions than 1 to its own': `select c.cube_id from cubes c where c.namespace_id in here
    and (select count(*) || ':' || min(number) || ':' || max(number) from revisions r where r.cube_id = c.cube_id) != c.revision || ':1:' || c.revision`,
  'a posting without a cube': `select p.term, p.seq from postings p left join cubes c on c.namespace_id = p.namespace_id and c.seq = p.seq
    where p.namespace_id in here and c.cube_id is null`,
  'a posting in another session than its cube': `select p.term, p.seq from postings p join cubes c on c.namespace_id = p.namespace_id and c.seq = p.seq
    where p.namespace_id in here and p.session_id is not c.session_id`,
  'a vector without a cube': `select e.seq from embeddings e left join cubes c on c.namespace_id = e.namespace_id and c.seq = e.seq
    where e.namespace_id in here and c.cube_id is null`,
  'a vector without a space': `select e.seq from embeddings e left join vector_spaces v on v.namespace_id = e.namespace_id and v.model = e.model
    where e.namespace_id in here and v.model is null`,
  'a cube in a session that does not exist': `select c.cube_id from cubes c left join sessions s on s.id = c.session_id and s.namespace_id = c.namespace_id
    where c.namespace_id in here and c.session_id is not null and s.id is null`,
  'two turns at one position': `select session_id, position from cubes where namespace_id in here and session_id is not null group by 1, 2 having count(*) > 1`,
  'totals of a session': `select s.key, s.term_total, s.next_position from sessions s where s.namespace_id in here and
    (s.term_total != (select coalesce(sum(term_count), 0) from cubes c where c.session_id = s.id)
      or s.next_position <= (select coalesce(max(position), -1) from cubes c where c.session_id = s.id))`,
  'totals of a namespace': `select n.name, n.cube_count, n.term_total, n.next_seq, n.next_change from namespaces n where n.id in here and
    (n.cube_count != (select count(*) from cubes c where c.namespace_id = n.id)
      or n.term_total != (select coalesce(sum(term_count), 0) from cubes c where c.namespace_id = n.id)
      or n.next_seq <= (select coalesce(max(seq), 0) from cubes c where c.namespace_id = n.id)
      or n.next_change <= (select coalesce(max(change), 0) from embeddings e where e.namespace_id = n.id))`,
  'a tombstone of a cube that lives':
    'select t.cube_id from tombstones t join cubes c on c.cube_id = t.cube_id where t.namespace_id in here',
}

const DATABASE_CHECKS: Record<string, string> = {
  'a revision without a cube':
    'select r.cube_id from revisions r left join cubes c on c.cube_id = r.cube_id where c.cube_id is null',
  ...Object.fromEntries(
    ['cubes', 'postings', 'sessions', 'embeddings', 'vector_spaces', 'tombstones', 'grants'].map((table) => [
      `${table} of no namespace`,
      `select t.namespace_id from ${table} t left join namespaces n on n.id = t.namespace_id where n.id is null`,
    ]),
  ),
  'a guard that was left behind': 'select ok from guard',
}

/** Everything that is wrong, one line each; empty when all is well. */
export async function faultsOf(database: Database, blobs: BlobStore, orgId: string): Promise<string[]> {
  const rows = (sql: string, ...params: SqlValue[]) => database.all({ sql, params })
  const faults: string[] = []
  for (const [name, check] of Object.entries(NAMESPACE_CHECKS)) {
    const wrong = await rows(check.replaceAll('in here', 'in (select id from namespaces where org_id = ?1)'), orgId)
    if (wrong.length > 0) faults.push(`${name}: ${JSON.stringify(wrong.slice(0, 3))}`)
  }
  for (const [name, check] of Object.entries(DATABASE_CHECKS)) {
    const wrong = await rows(check)
    if (wrong.length > 0) faults.push(`${name}: ${JSON.stringify(wrong.slice(0, 3))}`)
  }
  return [...faults, ...(await usageFaults(rows, orgId)), ...(await cubeFaults(rows, blobs, orgId))]
}

type Rows = (sql: string, ...params: SqlValue[]) => Promise<Row[]>

async function usageFaults(rows: Rows, orgId: string): Promise<string[]> {
  const [[cubes, bytes] = []] = await rows(
    'select count(*), coalesce(sum(content_bytes), 0) from cubes where namespace_id in (select id from namespaces where org_id = ?)',
    orgId,
  )
  const total = async (metric: string) =>
    (
      await rows("select value from usage where org_id = ? and period = 'total' and metric = ?", orgId, metric)
    )[0]?.[0] ?? 0
  const counted = [await total('cubes'), await total('bytes')]
  return counted[0] === cubes && counted[1] === bytes ? [] : [`usage says ${counted}, the rows say ${cubes},${bytes}`]
}

/** Bytes against addresses, blobs, and the postings against what the analyser makes of the text. */
async function cubeFaults(rows: Rows, blobs: BlobStore, orgId: string): Promise<string[]> {
  const faults: string[] = []
  const cubes = await rows(
    `select c.cube_id, c.cid, r.bytes, c.namespace_id, c.seq, c.title, c.speaker, c.role, c.said_at_ms, c.term_count from cubes c
     join revisions r on r.cube_id = c.cube_id and r.number = c.revision where c.namespace_id in (select id from namespaces where org_id = ?)`,
    orgId,
  )
  for (const [cubeId, cid, bytes, namespaceId, seq, title, speaker, role, saidAtMs, termCount] of cubes) {
    const revision = readStoredRevision(cid as Cid, bytes as Uint8Array)
    const keys = blobKeysOf(orgId, revision)
    const payloads = await Promise.all(keys.map((key) => blobs.get(key)))
    if (payloads.includes(null)) faults.push(`cube ${cubeId} lacks a blob`)
    const text = revision.renditions.find((one) => one.kind === 'text')
    const content = text?.text ?? new TextDecoder().decode(payloads[0] ?? new Uint8Array())
    const source = { content, title, speaker, role, saidAtMs } as Parameters<typeof indexText>[0]
    const { terms, length } = indexText(source)
    const stored = await rows(
      'select term, frequency, length from postings where namespace_id = ? and seq = ? order by term',
      namespaceId ?? null,
      seq ?? null,
    )
    const expected = terms
      .map(([term, frequency]) => [term, frequency, length])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
    const actual = stored.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))
    if (JSON.stringify(expected) !== JSON.stringify(actual) || length !== termCount)
      faults.push(`postings of cube ${cubeId}: ${actual.length} instead of ${expected.length}`)
  }
  return faults
}
