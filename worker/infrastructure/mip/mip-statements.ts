import { and, eq, sql } from 'drizzle-orm'
import { SQL_VALUE_BYTES_MAX } from '../../../schemas/limits.ts'
import { mipErasures, mipLogs, mipPeers, mipProofs, mipSubscriptions } from '../../../schemas/tables/mip.ts'
import type { LogPlace, MipEntryRow, MipWrite } from '../../ports/writes/mip.ts'
import { builder, guard, inJson, jsonChunks, statement, statementOf, toHex, toJson } from '../vault/sql.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

const CHUNK_BYTES_MAX = SQL_VALUE_BYTES_MAX * 0.9

/** Bytes and signatures of all rows come as one blob and are cut out of it: half the size of hex, and SQLite parses no long texts. */
const INSERT_ENTRIES = `insert into mip_entries (log_id, epoch, seq, cid, bytes, signature, op, cube, body_cid, ts)
  select ?1, j.value->>0, j.value->>1, j.value->>2, substr(?3, j.value->>3, j.value->>4), substr(?3, (j.value->>3) + (j.value->>4), j.value->>5),
    j.value->>6, j.value->>7, j.value->>8, j.value->>9 from json_each(?2) j`

type EntryRow = Omit<MipEntryRow, 'logId'>

interface PackedEntries {
  /** Columns of each entry; instead of its bytes, where they begin (from 1), their length and that of the signature behind them. */
  rows: unknown[][]
  blob: Uint8Array
}

/** Entries in portions whose bytes fit one parameter. */
function packedEntries(entries: readonly EntryRow[]): PackedEntries[] {
  const portions: EntryRow[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    const bytes = entry.bytes.length + entry.signature.length
    if (size + bytes > CHUNK_BYTES_MAX) {
      portions.push([])
      size = 0
    }
    size += bytes
    portions.at(-1)!.push(entry)
  }
  return portions.map(packed)
}

function packed(entries: readonly EntryRow[]): PackedEntries {
  const blob = new Uint8Array(entries.reduce((sum, { bytes, signature }) => sum + bytes.length + signature.length, 0))
  let at = 0
  const rows = entries.map(({ epoch, seq, cid, bytes, signature, op, cube, bodyCid, ts }) => {
    const row = [epoch, seq, cid, at + 1, bytes.length, signature.length, op, cube, bodyCid, ts]
    blob.set(bytes, at)
    blob.set(signature, at + bytes.length)
    at += bytes.length + signature.length
    return row
  })
  return { rows, blob }
}

const isAt = (table: 'mip_logs' | 'mip_subscriptions', id: number | string, { epoch, seq }: LogPlace) =>
  guard(sql`select count(*) = 1 from ${sql.raw(table)} where id = ${id} and epoch = ${epoch} and seq = ${seq}`)

/** Statements of each decision, in the order in which they must run. */
export const mipStatements: StatementsFor<MipWrite> = {
  insert_mip_log: (orgId, { log }) => [statementOf(builder.insert(mipLogs).values({ ...log, orgId }))],
  append_mip_entries: (_, { logId, expected, head, entries, atMs }) => [
    isAt('mip_logs', logId, expected),
    ...packedEntries(entries).map(({ rows, blob }) => ({ sql: INSERT_ENTRIES, params: [logId, toJson(rows), blob] })),
    statement(sql`update mip_logs set epoch = ${head.epoch}, seq = ${head.seq}, head_cid = ${head.cid},
      state = ${JSON.stringify(head.state)}, updated_at_ms = ${atMs} where id = ${logId}`),
  ],
  rewind_mip_log: (_, { logId, expected, head, atMs }) => [
    isAt('mip_logs', logId, expected),
    statement(sql`delete from mip_entries where log_id = ${logId} and seq > ${head.seq}`),
    statement(sql`update mip_logs set epoch = ${head.epoch}, seq = ${head.seq}, head_cid = ${head.cid},
      state = ${JSON.stringify(head.state)}, stopped = null, updated_at_ms = ${atMs} where id = ${logId}`),
  ],
  allow_mip: (orgId, { did, log, seqs, cube }) => [
    statement(
      sql`delete from mip_denied where org_id = ${orgId} and did = ${did} and log = ${log} and seq in ${inJson(seqs)}`,
    ),
    statement(
      sql`delete from mip_denied where org_id = ${orgId} and did = ${did} and subject = ${cube} and log = ${log}`,
    ),
  ],
  expect_published_cubes: (orgId, { cubes }) =>
    jsonChunks(
      cubes.map(({ cubeId, revision }) => [cubeId, revision]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      guard(sql`select count(*) = json_array_length(${chunk}) from json_each(${chunk}) j
        cross join cubes c on c.cube_id = j.value->>0 cross join namespaces n on n.id = c.namespace_id
        where c.revision = j.value->>1 and n.org_id = ${orgId}`),
    ),
  stop_mip_log: (_, { logId, stopped, atMs }) => [
    statementOf(builder.update(mipLogs).set({ stopped, updatedAtMs: atMs }).where(eq(mipLogs.id, logId))),
  ],
  put_mip_objects: (orgId, { objects }) =>
    jsonChunks(
      objects.map((one) => [one.cid, one.did, one.cube, one.source, toHex(one.bytes)]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      statement(sql`insert into mip_objects (org_id, cid, did, cube, source, bytes)
        select ${orgId}, j.value->>0, j.value->>1, j.value->>2, j.value->>3, unhex(j.value->>4) from json_each(${chunk}) j
        where true on conflict (org_id, cid, did, cube) do nothing`),
    ),
  erase_mip_objects: (orgId, { did, cube, cids }) => [
    statement(sql`delete from mip_objects where org_id = ${orgId} and did = ${did} and cube = ${cube}
      and ${cids === undefined ? sql`1` : sql`cid in ${inJson(cids)}`}`),
  ],
  put_mip_peer: (orgId, { peer }) => [
    statementOf(
      builder
        .insert(mipPeers)
        .values({ ...peer, orgId })
        .onConflictDoUpdate({
          target: [mipPeers.orgId, mipPeers.did],
          set: { name: peer.name, tier: peer.tier, addresses: peer.addresses, updatedAtMs: peer.updatedAtMs },
        }),
    ),
  ],
  delete_mip_peer: (orgId, { did }) => [
    statementOf(builder.delete(mipPeers).where(and(eq(mipPeers.orgId, orgId), eq(mipPeers.did, did)))),
  ],
  strike_mip_peer: (orgId, { did, atMs }) => [
    statement(
      sql`update mip_peers set strikes = strikes + 1, updated_at_ms = ${atMs} where org_id = ${orgId} and did = ${did}`,
    ),
  ],
  insert_mip_subscription: (orgId, { subscription }) => [
    statementOf(builder.insert(mipSubscriptions).values({ ...subscription, orgId })),
  ],
  set_mip_subscription: (orgId, { id, changes, atMs }) => [
    guard(sql`select count(*) = 1 from mip_subscriptions where id = ${id} and org_id = ${orgId}`),
    statementOf(
      builder
        .update(mipSubscriptions)
        .set({ ...changes, updatedAtMs: atMs })
        .where(eq(mipSubscriptions.id, id)),
    ),
  ],
  delete_mip_subscription: (orgId, { id }) => [
    statement(sql`delete from mip_ingested where subscription_id = ${id} and org_id = ${orgId}`),
    statementOf(
      builder.delete(mipSubscriptions).where(and(eq(mipSubscriptions.id, id), eq(mipSubscriptions.orgId, orgId))),
    ),
  ],
  advance_mip_subscription: (_, { id, expected, to, atMs }) => [
    isAt('mip_subscriptions', id, expected),
    statement(
      sql`update mip_subscriptions set epoch = ${to.epoch}, seq = ${to.seq}, error = null, attempts = 0, updated_at_ms = ${atMs} where id = ${id}`,
    ),
  ],
  put_mip_ingested: (orgId, { rows }) =>
    jsonChunks(
      rows.map((r) => [
        r.subscriptionId,
        r.did,
        r.cube,
        r.number,
        r.cid,
        r.cubeId,
        r.namespaceId,
        r.state,
        r.reason,
        r.atMs,
      ]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      statement(sql`insert into mip_ingested (org_id, subscription_id, did, cube, number, cid, cube_id, namespace_id, state, reason, at_ms)
        select ${orgId}, j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, j.value->>6, j.value->>7, j.value->>8, j.value->>9
        from json_each(${chunk}) j where true on conflict (subscription_id, cube) do update set number = excluded.number, cid = excluded.cid,
        cube_id = excluded.cube_id, state = excluded.state, reason = excluded.reason, at_ms = excluded.at_ms`),
    ),
  deny_mip: (orgId, { rows }) =>
    jsonChunks(
      rows.map((one) => [one.did, one.subject, one.fromRev, one.log, one.seq, one.reason, one.atMs]),
      CHUNK_BYTES_MAX,
    ).map((chunk) =>
      statement(sql`insert into mip_denied (org_id, did, subject, from_rev, log, seq, reason, at_ms)
        select ${orgId}, j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, j.value->>6 from json_each(${chunk}) j
        where true on conflict (org_id, did, subject) do update set from_rev = excluded.from_rev, log = excluded.log, seq = excluded.seq,
        reason = excluded.reason where excluded.from_rev < from_rev`),
    ),
  expect_mip_ingested: (orgId, { subscriptionId, cube, cid, state }) => {
    const row = sql`select 1 from mip_ingested where org_id = ${orgId} and subscription_id = ${subscriptionId} and cube = ${cube}`
    return [guard(cid === null ? sql`not exists (${row})` : sql`exists (${row} and cid = ${cid} and state = ${state})`)]
  },
  strike_mip_mirror: (orgId, { did, address, reason, restMs, restMsMax, strangersMax, atMs }) => [
    statement(sql`insert into mip_mirrors (org_id, did, address, strikes, reason, rest_until_ms, updated_at_ms)
      select ${orgId}, ${did}, ${address}, 1, ${reason}, ${atMs + restMs}, ${atMs}
        where ${strangersMax ?? null} is null or (select count(*) from mip_mirrors where org_id = ${orgId} and did = ${did}) < ${strangersMax ?? 0}
          or exists (select 1 from mip_mirrors where org_id = ${orgId} and did = ${did} and address = ${address})
      on conflict (org_id, did, address) do update set strikes = strikes + 1, reason = excluded.reason, updated_at_ms = excluded.updated_at_ms,
        rest_until_ms = ${atMs} + min(${restMs} << min(strikes, 20), ${restMsMax})`),
  ],
  insert_mip_erasure: (orgId, { erasure }) => [
    statementOf(
      builder
        .insert(mipErasures)
        .values({ ...erasure, orgId })
        .onConflictDoNothing(),
    ),
  ],
  set_mip_erasure: (orgId, { revoke, changes }) => [
    statementOf(
      builder
        .update(mipErasures)
        .set(changes)
        .where(and(eq(mipErasures.orgId, orgId), eq(mipErasures.revoke, revoke))),
    ),
  ],
  insert_mip_receipt: (orgId, { receipt: { revoke, cube, did, cid, receipt, erasedAtMs, atMs }, strangersMax }) => [
    statement(sql`insert into mip_receipts (org_id, revoke, cube, did, cid, receipt, erased_at_ms, at_ms)
      select ${orgId}, ${revoke}, ${cube}, ${did}, ${cid}, ${receipt}, ${erasedAtMs}, ${atMs}
        where exists (select 1 from mip_peers where org_id = ${orgId} and did = ${did})
          or (select count(*) from mip_receipts where org_id = ${orgId} and revoke = ${revoke}) < ${strangersMax}
      on conflict (org_id, revoke, did) do nothing`),
  ],
  put_mip_server: (orgId, { server: { did, peerId, chain, root, expMs, atMs }, serversMax }) => [
    statement(sql`delete from mip_servers where org_id = ${orgId} and did = ${did} and exp_ms <= ${atMs}`),
    statement(sql`insert into mip_servers (org_id, did, peer_id, chain, root, exp_ms, at_ms)
      select ${orgId}, ${did}, ${peerId}, ${JSON.stringify(chain)}, ${root}, ${expMs}, ${atMs}
        where (select count(*) from mip_servers where org_id = ${orgId} and did = ${did}) < ${serversMax}
          or exists (select 1 from mip_servers where org_id = ${orgId} and did = ${did} and peer_id = ${peerId})
      on conflict (org_id, did, peer_id) do update set chain = excluded.chain, root = excluded.root, exp_ms = excluded.exp_ms,
        at_ms = excluded.at_ms`),
  ],
  lower_mip_peer: (orgId, { did, log, atMs }) => [
    statement(sql`insert into mip_peers (org_id, did, name, tier, addresses, strikes, created_at_ms, updated_at_ms)
      select ${orgId}, ${did}, null, 'unknown', '[]', 1, ${atMs}, ${atMs}
        where not exists (select 1 from mip_proofs where org_id = ${orgId} and did = ${did} and log = ${log})
      on conflict (org_id, did) do update set strikes = strikes + 1, updated_at_ms = excluded.updated_at_ms,
        tier = case tier when 'trusted' then 'known' when 'known' then 'unknown' else tier end`),
  ],
  forget_mip_logs: (orgId, { did }) => {
    const unneeded = sql`org_id = ${orgId} and did = ${did} and role = 'followed' and not exists (select 1 from mip_subscriptions s
      where s.org_id = mip_logs.org_id and s.did = mip_logs.did and (s.log = mip_logs.log or mip_logs.log = 'main'))`
    return [
      statement(sql`delete from mip_entries where log_id in (select id from mip_logs where ${unneeded})`),
      statement(sql`delete from mip_logs where ${unneeded}`),
      statement(sql`delete from mip_objects where org_id = ${orgId} and did = ${did}
        and not exists (select 1 from mip_logs l where l.org_id = ${orgId} and l.did = ${did})`),
    ]
  },
  mark_derived: (orgId, { cubeIds, mark }) => [
    statement(sql`update cubes set metadata = json_set(metadata, '$.revokedSource', ${mark})
      where cube_id in ${inJson(cubeIds)} and namespace_id in (select id from namespaces where org_id = ${orgId})`),
  ],
  unmark_derived: (orgId, { cubeIds, mark }) => [
    statement(sql`update cubes set metadata = json_remove(metadata, '$.revokedSource')
      where cube_id in ${inJson(cubeIds)} and metadata->>'revokedSource' = ${mark}
      and namespace_id in (select id from namespaces where org_id = ${orgId})`),
  ],
  insert_mip_proof: (orgId, { proof }) => [
    statementOf(
      builder
        .insert(mipProofs)
        .values({ ...proof, orgId })
        .onConflictDoNothing(),
    ),
  ],
}
