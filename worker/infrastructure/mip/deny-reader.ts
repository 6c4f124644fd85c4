import { sql } from 'drizzle-orm'
import { bytesOfCid } from '../../../protocol/core/cid.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { mipEntries } from '../../../schemas/tables/mip.ts'
import type { Principal } from '../../ports/principal.ts'
import type { MipEntryRow } from '../../ports/writes/mip.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { inJson, rowShape, statement } from '../vault/sql.ts'

/** Why something must not be taken in; of a cube, from which revision on. */
export interface Denial {
  reason: string
  fromRev: number
}

/** What an organisation must not take in again, and what was marked because of it (docs/mip/revocation.md). */
export class DenyReader {
  readonly #vault: OrgVault
  readonly #orgId: string

  constructor(vault: OrgVault, principal: Principal) {
    this.#vault = vault
    this.#orgId = principal.orgId
  }

  /**
   * Those of some subjects (addresses, ids of cubes) of a publisher that must not be taken in, with the reason. A revocation is for what its own
   * organisation published. Two decisions of our own reach further: what we revoked as `legal` is taken from nobody, and what a person rejected
   * is not taken from those who are trusted no more.
   */
  async of(did: string, subjects: readonly string[]): Promise<Map<string, Denial>> {
    const rows = await this.#vault.database.all(
      statement(sql`select d.subject, d.reason, d.from_rev from mip_denied d
        left join mip_peers p on p.org_id = d.org_id and p.did = d.did
        left join mip_peers q on q.org_id = d.org_id and q.did = ${did}
        where d.org_id = ${this.#orgId} and d.subject in ${inJson(subjects)} and (d.did = ${did}
          or (length(d.subject) > ${ULID_LENGTH} and d.reason = 'rejected' and ${rankOf(sql`p.tier`)} >= ${rankOf(sql`q.tier`)})
          or (length(d.subject) > ${ULID_LENGTH} and d.reason = 'legal' and d.did in
            (select o.did from mip_logs o where o.org_id = ${this.#orgId} and o.role = 'own')))`),
    )
    return new Map(
      rows.map(([subject, reason, fromRev]) => [String(subject), { reason: String(reason), fromRev: Number(fromRev) }]),
    )
  }

  /** Revocations above a place of a log that name one of some delegations and because of which something is denied here. */
  async revocationsNaming(
    { id, did, log }: { id: number; did: string; log: string },
    { links, lastSeq }: { links: readonly Cid[]; lastSeq: number },
  ): Promise<MipEntryRow[]> {
    const names = sql.join(
      links.map((link) => sql`instr(e.bytes, ${bytesOfCid(link)}) > 0`),
      sql` or `,
    )
    const rows = await this.#vault.database.all(
      statement(sql`select distinct ${ENTRY.columns} from mip_denied d cross join mip_entries e on e.log_id = ${id} and e.seq = d.seq
        where d.org_id = ${this.#orgId} and d.did = ${did} and d.log = ${log} and d.seq > ${lastSeq} and e.op = 'cube.revoke' and (${names})
        order by e.epoch, e.seq`),
    )
    return rows.map((row) => ENTRY.parse(row))
  }

  /** Cubes of ours that carry a mark, at most so many. */
  async marked(mark: string, limit: number): Promise<string[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select c.cube_id from namespaces n cross join cubes c on c.namespace_id = n.id
        where n.org_id = ${this.#orgId} and c.metadata->>'revokedSource' = ${mark} limit ${limit}`),
    )
    return rows.map(([cubeId]) => String(cubeId))
  }
}

const rankOf = (tier: ReturnType<typeof sql>) =>
  sql`case coalesce(${tier}, 'unknown') when 'blocked' then 0 when 'unknown' then 1 when 'known' then 2 else 3 end`

const ULID_LENGTH = 26
const ENTRY = rowShape(mipEntries, 'e')
