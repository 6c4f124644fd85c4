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
  // Fewer than all where old ones are purged: those that a policy keeps and snapshots name are left.
  'a cube has a revision beyond its own': `select c.cube_id from cubes c where c.namespace_id in here
    and (select max(number) from revisions r where r.cube_id = c.cube_id) != c.revision`,
  'a cube lacks an old revision that nobody purged': `select c.cube_id from cubes c join namespaces n on n.id = c.namespace_id where n.id in here
    and (select count(*) || ':' || min(number) from revisions r where r.cube_id = c.cube_id) != c.revision || ':1'
    and c.revision <= coalesce(n.settings ->> '$.lifecycle.revisionsKept', 1000)`,
  'an archived cube in the hot index, or another in the cold one': `select c.cube_id from cubes c where c.namespace_id in here and (
    (c.state = 'archived' and (exists (select 1 from postings p where p.namespace_id = c.namespace_id and p.seq = c.seq)
      or exists (select 1 from embeddings e where e.namespace_id = c.namespace_id and e.seq = c.seq)
      or exists (select 1 from hot_cubes h where h.namespace_id = c.namespace_id and h.seq = c.seq)))
    or (c.state != 'archived' and (exists (select 1 from cold_postings p where p.namespace_id = c.namespace_id and p.seq = c.seq)
      or exists (select 1 from cold_embeddings e where e.namespace_id = c.namespace_id and e.seq = c.seq))))`,
  'a cold posting without a cube': `select p.term, p.seq from cold_postings p left join cubes c on c.namespace_id = p.namespace_id and c.seq = p.seq
    where p.namespace_id in here and (c.cube_id is null or p.session_id is not c.session_id)`,
  'a cold vector without a cube or a space': `select e.seq from cold_embeddings e left join cubes c on c.namespace_id = e.namespace_id and c.seq = e.seq
    left join vector_spaces v on v.namespace_id = e.namespace_id and v.model = e.model
    where e.namespace_id in here and (c.cube_id is null or v.model is null)`,
  'a change of state without a cube': `select t.cube_id from transitions t left join cubes c on c.namespace_id = t.namespace_id and c.seq = t.seq
    where t.namespace_id in here and c.cube_id is not t.cube_id`,
  'a cube in another state than its last change left it in': `select c.cube_id, c.state, t.to_state from cubes c join transitions t on t.namespace_id = c.namespace_id and t.seq = c.seq
    where c.namespace_id in here and t.id = (select max(id) from transitions o where o.namespace_id = c.namespace_id and o.seq = c.seq) and t.to_state != c.state`,
  'changes of state that do not follow each other': `select cube_id, from_state, before from (select namespace_id, cube_id, from_state,
    lag(to_state) over (partition by namespace_id, seq order by id) as before from transitions) where namespace_id in here and before != from_state`,
  'a change of state without an audit row': `select t.cube_id, t.event from transitions t join namespaces n on n.id = t.namespace_id where n.id in here
    and t.event != 'recall' and not exists (select 1 from audit_log a where a.org_id = n.org_id and a.at_ms = t.at_ms and a.caller = t.caller
      and (a.cube_count > 100 or exists (select 1 from json_each(a.cube_ids) j where j.value = t.cube_id)))`,
  'taken in by a cube, and not archived': `select cube_id from cubes where namespace_id in here and merged_into is not null and state != 'archived'`,
  'a hot cube without a cube': `select h.seq from hot_cubes h left join cubes c on c.namespace_id = h.namespace_id and c.seq = h.seq
    where h.namespace_id in here and c.cube_id is null`,
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
    (s.term_total != (select coalesce(sum(term_count), 0) from cubes c where c.session_id = s.id and c.state != 'archived')
      or s.next_position <= (select coalesce(max(position), -1) from cubes c where c.session_id = s.id))`,
  'totals of a namespace': `select n.name, n.cube_count, n.term_total, n.next_seq, n.next_change from namespaces n where n.id in here and
    (n.cube_count != (select count(*) from cubes c where c.namespace_id = n.id and c.state != 'archived')
      or n.term_total != (select coalesce(sum(term_count), 0) from cubes c where c.namespace_id = n.id and c.state != 'archived')
      or n.next_seq <= (select coalesce(max(seq), 0) from cubes c where c.namespace_id = n.id)
      or n.next_change <= (select coalesce(max(change), 0) from embeddings e where e.namespace_id = n.id))`,
  'a mention without a cube or an entity': `select m.key, m.seq from mentions m left join cubes c on c.namespace_id = m.namespace_id and c.seq = m.seq
    left join entities e on e.namespace_id = m.namespace_id and e.key = m.key where m.namespace_id in here and (c.cube_id is null or e.key is null)`,
  'an entity that nothing mentions': `select e.key from entities e where e.namespace_id in here
    and not exists (select 1 from mentions m where m.namespace_id = e.namespace_id and m.key = e.key)`,
  'an alias of nothing, or that leads on': `select a.alias from entity_aliases a where a.namespace_id in here and (
    exists (select 1 from entity_aliases k where k.namespace_id = a.namespace_id and k.alias = a.key and k.key != k.alias)
    or not exists (select 1 from entities e where e.namespace_id = a.namespace_id and e.key = a.alias)
    or not exists (select 1 from entities e where e.namespace_id = a.namespace_id and e.key = a.key))`,
  'a snapshot that names a revision or cube that is gone': `select s.cube_id, s.revision from snapshot_cubes s left join snapshots p on p.id = s.snapshot_id
    left join revisions r on r.cube_id = s.cube_id and r.number = s.revision and r.cid = s.cid where s.namespace_id in here and (p.id is null or r.cid is null)`,
  'a branch without its base, or a change of no open branch': `select b.name from branches b left join snapshots p on p.id = b.snapshot_id
    where b.namespace_id in here and (b.state = 'open') != (p.id is not null) union all select c.cube_id from branch_cubes c left join branches b on b.id = c.branch_id
    where c.namespace_id in here and coalesce(b.state, '') != 'open'`,
  'a change on a branch of a cube that is gone': `select b.cube_id from branch_cubes b left join cubes c on c.cube_id = b.cube_id
    where b.namespace_id in here and c.cube_id is null and b.local ->> '$.made' is null`,
  'a fact without its evidence': `select f.id from facts f left join cubes c on c.namespace_id = f.namespace_id and c.seq = f.seq and c.cube_id = f.cube_id
    where f.namespace_id in here and c.cube_id is null`,
  'a fact ended by none that is linked': `select f.id from facts f where f.namespace_id in here and f.superseded_by is not null and f.retracted_at_ms is null
    and not exists (select 1 from fact_links l join facts k on k.id = l.from_id where l.namespace_id = f.namespace_id and l.to_id = f.id and l.from_id = f.superseded_by
      and l.relation = 'supersedes' and l.undone_at_ms is null and k.valid_from_ms = f.valid_to_ms)`,
  'a link of facts that are not there': `select l.from_id from fact_links l where l.namespace_id in here
    and ((select count(*) from facts f where f.id in (l.from_id, l.to_id) and f.namespace_id = l.namespace_id) != 2)`,
  'a block without its core': `select b.id from blocks b left join cubes c on c.cube_id = b.core_cube_id and c.namespace_id = b.namespace_id
    where b.namespace_id in here and c.cube_id is null`,
  'a member without a cube or a block': `select m.block_id, m.cube_id from block_members m left join cubes c on c.cube_id = m.cube_id and c.namespace_id = m.namespace_id
    left join blocks b on b.id = m.block_id where m.namespace_id in here and (c.cube_id is null or b.id is null)`,
  'a change of a block that is gone': `select c.id from block_changes c left join blocks b on b.id = c.block_id where c.namespace_id in here and b.id is null`,
  'feedback on a cube that is gone': `select f.id from feedback f left join cubes c on c.cube_id = f.cube_id and c.namespace_id = f.namespace_id
    where f.namespace_id in here and c.cube_id is null`,
  'a tombstone of a cube that lives':
    'select t.cube_id from tombstones t join cubes c on c.cube_id = t.cube_id where t.namespace_id in here',
}

const DATABASE_CHECKS: Record<string, string> = {
  'a revision without a cube':
    'select r.cube_id from revisions r left join cubes c on c.cube_id = r.cube_id where c.cube_id is null',
  ...Object.fromEntries(
    [
      'cubes',
      'postings',
      'sessions',
      'embeddings',
      'vector_spaces',
      'tombstones',
      'permissions',
      'cold_postings',
      'cold_embeddings',
      'transitions',
      'blocks',
      'block_members',
      'block_changes',
      'feedback',
    ].map((table) => [
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
    `select c.cube_id, c.cid, r.bytes, c.namespace_id, c.seq, c.title, c.speaker, c.role, c.said_at_ms, c.term_count, c.state from cubes c
     join revisions r on r.cube_id = c.cube_id and r.number = c.revision where c.namespace_id in (select id from namespaces where org_id = ?)`,
    orgId,
  )
  for (const [cubeId, cid, bytes, namespaceId, seq, title, speaker, role, saidAtMs, termCount, state] of cubes) {
    const revision = readStoredRevision(cid as Cid, bytes as Uint8Array)
    const keys = blobKeysOf(orgId, revision)
    const payloads = await Promise.all(keys.map((key) => blobs.get(key)))
    if (payloads.includes(null)) faults.push(`cube ${cubeId} lacks a blob`)
    const text = revision.renditions.find((one) => one.kind === 'text')
    const content = text?.text ?? new TextDecoder().decode(payloads[0] ?? new Uint8Array())
    const source = { content, title, speaker, role, saidAtMs } as Parameters<typeof indexText>[0]
    const { terms, length } = indexText(source)
    const stored = await rows(
      `select term, frequency, length from ${state === 'archived' ? 'cold_postings' : 'postings'} where namespace_id = ? and seq = ? order by term`,
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
