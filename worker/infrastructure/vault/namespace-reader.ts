import { and, eq, type SQL, sql } from 'drizzle-orm'
import { Grant, type Subject } from '../../../schemas/administration.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { namespaces } from '../../../schemas/tables/tenancy.ts'
import { UniqueError } from '../../ports/database.ts'
import type { Principal } from '../../ports/principal.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { namespaceAccess, namespacePart } from '../governance/access-sql.ts'
import { isHidden, SENSITIVE_CUBES } from '../governance/count-sql.ts'
import { PLAIN } from '../governance/governance-statements.ts'
import type { OrgVault } from './mem-vault.ts'
import { inJson, rowShape, statement } from './sql.ts'

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

  /** Those of the named namespaces of which some cubes are open, one by one. */
  partsOf(names: readonly string[]): Promise<NamespaceRow[]> {
    return this.#where(sql`n.name in ${inJson(names)} and ${namespacePart(this.#principal)}`, names.length)
  }

  /** Namespaces of which some cubes are open, one by one, in order of name. */
  parts(limit: number): Promise<NamespaceRow[]> {
    return this.#principal.subject === null ? Promise.resolve([]) : this.#where(namespacePart(this.#principal), limit)
  }

  /** Namespaces in order of name, above the name `after`. */
  page(limit: number, after: string | null): Promise<NamespaceRow[]> {
    return this.#select(after === null ? sql`1` : sql`n.name > ${after}`, 'read', limit)
  }

  /** Cubes of each given namespace that the principal may read, archived ones aside. The namespaces were read before, as a whole. */
  async readable(namespaces: readonly NamespaceRow[]): Promise<ReadonlyMap<number, number>> {
    const hidden = isHidden(this.#principal)
    if (hidden === null || namespaces.length === 0) return new Map(namespaces.map((row) => [row.id, row.cubeCount]))
    const ids = inJson(namespaces.map(({ id }) => id))
    const rows = await this.#vault.database.all(
      statement(sql`select n.id, n.cube_count - (select count(*) from ${SENSITIVE_CUBES} where c.namespace_id = n.id and c.state != 'archived' and ${hidden})
        from namespaces n where n.id in ${ids}`),
    )
    return new Map(rows.map(([id, cubes]) => [Number(id), Number(cubes)]))
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

  /** The permissions on the whole namespace that users and agents have without any context, as the simple view shows them. */
  async grants(namespaceId: number): Promise<Grant[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select g.subject_kind, g.subject_id, max(g.access) from permissions g
        where g.namespace_id = ${namespaceId} and ${PLAIN} group by 1, 2 order by 1, 2`),
    )
    return rows.map(([kind, id, access]) => Grant.parse({ subject: { kind, id }, access }))
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

  #select(condition: SQL, access: 'read' | 'write', limit: number): Promise<NamespaceRow[]> {
    return this.#where(sql`${condition} and ${namespaceAccess(this.#principal, access)}`, limit)
  }

  async #where(allowed: SQL, limit: number): Promise<NamespaceRow[]> {
    const rows = await this.#vault.database.all(
      statement(sql`select ${NAMESPACE.columns} from namespaces n where ${allowed} order by n.name limit ${limit}`),
    )
    return rows.map(NAMESPACE.parse)
  }
}

const NAMESPACE = rowShape(namespaces, 'n')
