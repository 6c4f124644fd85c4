import { and, asc, eq, type SQL, sql } from 'drizzle-orm'
import type { Grant, Subject } from '../../../schemas/administration.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { grants, namespaces } from '../../../schemas/tables/tenancy.ts'
import { UniqueError } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { namespaceAccess } from '../governance/access-sql.ts'
import type { OrgVault } from './mem-vault.ts'
import { inJson, rowShape, statement } from './sql.ts'
import { statementsOf } from './write-statements.ts'

/** Namespaces that a principal may use. Those it may not are as absent as those that do not exist. */
export class NamespaceReader {
  readonly #vault: OrgVault
  readonly #principal: Principal

  constructor(vault: OrgVault, principal: Principal) {
    this.#vault = vault
    this.#principal = principal
  }

  async byName(name: string, access: 'read' | 'write'): Promise<NamespaceRow | null> {
    return (await this.#select(sql`n.name = ${name}`, access, 1))[0] ?? null
  }

  byNames(names: readonly string[], access: 'read' | 'write'): Promise<NamespaceRow[]> {
    return this.#select(sql`n.name in ${inJson(names)}`, access, names.length)
  }

  /** Namespaces in order of name, above the name `after`. */
  page(limit: number, after: string | null): Promise<NamespaceRow[]> {
    return this.#select(after === null ? sql`1` : sql`n.name > ${after}`, 'read', limit)
  }

  /** `further` is applied in the same batch. @throws MemosError already_exists */
  async insert(namespace: NamespaceRow, further: readonly VaultWrite[] = []): Promise<void> {
    try {
      await this.#vault.apply([{ kind: 'insert_namespace', namespace }, ...further])
    } catch (error) {
      throw error instanceof UniqueError
        ? new MemosError(
            'already_exists',
            { field: 'name', expected: 'a name that no namespace of the organisation has' },
            { cause: error },
          )
        : error
    }
  }

  async grants(namespaceId: number): Promise<Grant[]> {
    const rows = await this.#vault.orm
      .select()
      .from(grants)
      .where(eq(grants.namespaceId, namespaceId))
      .orderBy(asc(grants.subjectKind), asc(grants.subjectId))
    return rows.map((row) => ({ subject: { kind: row.subjectKind, id: row.subjectId }, access: row.access }))
  }

  /** Replaces all grants of a namespace and applies `further` in one batch. */
  async setGrants(
    namespaceId: number,
    wanted: readonly Grant[],
    nowMs: number,
    further: readonly VaultWrite[] = [],
  ): Promise<void> {
    const rows = wanted.map(({ subject, access }) => [subject.kind, subject.id, access])
    await this.#vault.database.batch([
      statement(sql`delete from grants where namespace_id = ${namespaceId}`),
      statement(sql`insert into grants (namespace_id, subject_kind, subject_id, access, created_at_ms)
        select ${namespaceId}, j.value->>0, j.value->>1, max(j.value->>2), ${nowMs} from json_each(${JSON.stringify(rows)}) j group by 2, 3`),
      ...further.flatMap((write) => statementsOf(this.#principal.orgId, write)),
    ])
  }

  /** Namespaces that belong to a subject. */
  ownedBy(subject: Subject): Promise<NamespaceRow[]> {
    return this.#vault.orm
      .select()
      .from(namespaces)
      .where(
        and(
          eq(namespaces.orgId, this.#principal.orgId),
          eq(namespaces.ownerKind, subject.kind),
          eq(namespaces.ownerId, subject.id),
        ),
      )
  }

  async #select(condition: SQL, access: 'read' | 'write', limit: number): Promise<NamespaceRow[]> {
    const allowed = sql`${condition} and ${namespaceAccess(this.#principal, access)}`
    const rows = await this.#vault.database.all(
      statement(sql`select ${NAMESPACE.columns} from namespaces n where ${allowed} order by n.name limit ${limit}`),
    )
    return rows.map(NAMESPACE.parse)
  }
}

const NAMESPACE = rowShape(namespaces, 'n')
