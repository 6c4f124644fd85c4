import { and, asc, desc, eq, gt, isNull, lt, max, or, type SQL, sql } from 'drizzle-orm'
import type { Grant, Subject } from '../../../schemas/administration.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { permissions, roleMembers, roles } from '../../../schemas/tables/governance.ts'
import { namespaces } from '../../../schemas/tables/tenancy.ts'
import { isAbove, type Sensitivity } from '../../../schemas/vocabulary.ts'
import type { Principal } from '../../ports/principal.ts'
import type { NamespaceRow, PermissionRow, RoleMemberRow, RoleRow } from '../../ports/rows.ts'
import type { GovernanceWrite } from '../../ports/writes/governance.ts'
import type { OrgVault } from '../vault/mem-vault.ts'
import { rowShape, statement, toJson } from '../vault/sql.ts'
import { cubeReach, KNOWN_SENSITIVITY, namespaceAdministration } from './access-sql.ts'

/** Permissions and roles of one organisation, as far as a principal administers them. */
export class PermissionDirectory {
  readonly #vault: OrgVault
  readonly #principal: Principal

  constructor(vault: OrgVault, principal: Principal) {
    this.#vault = vault
    this.#principal = principal
  }

  /** A namespace whose permissions the principal administers. @throws MemosError not_found */
  async administered(name: string): Promise<NamespaceRow> {
    const [row] = await this.#vault.database.all(
      statement(
        sql`select ${NAMESPACE.columns} from namespaces n where n.name = ${name} and ${namespaceAdministration(this.#principal)}`,
      ),
    )
    if (row === undefined) throw new MemosError('not_found')
    return NAMESPACE.parse(row)
  }

  /** Ids by name of those namespaces that the principal administers. */
  async administeredIds(names: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.#vault.database.all(
      statement(
        sql`select n.name, n.id from namespaces n where n.name in (select value from json_each(${JSON.stringify(names)})) and n.layer != 'private' and ${namespaceAdministration(this.#principal)}`,
      ),
    )
    return new Map(rows.map(([name, id]) => [String(name), Number(id)]))
  }

  /** The most sensitive cubes of a namespace that the principal may read, which is the most that it may grant. */
  async clearanceIn({ id, ownerKind, ownerId, layer }: NamespaceRow): Promise<Sensitivity> {
    const { subject, clearance, orgId, atMs } = this.#principal
    if (subject === null || layer === 'global' || (ownerKind === subject.kind && ownerId === subject.id))
      return clearance
    const [row] = await this.#vault.orm
      .select({ clearance: max(permissions.clearance) })
      .from(permissions)
      .where(
        and(
          eq(permissions.orgId, orgId),
          eq(permissions.namespaceId, id),
          isNull(permissions.cubeId),
          eq(permissions.subjectKind, subject.kind),
          eq(permissions.subjectId, subject.id),
          isNull(permissions.purposes),
          isNull(permissions.tasks),
          or(isNull(permissions.expiresAtMs), gt(permissions.expiresAtMs, atMs)),
        ),
      )
    const granted = row?.clearance ?? 'none'
    return isAbove(granted, clearance) ? clearance : granted
  }

  /** The decision that replaces what the simple view of a namespace shows. Such a grant opens what the principal may read itself. */
  async replaceGrants(namespace: NamespaceRow, grants: readonly Grant[]): Promise<GovernanceWrite> {
    return {
      kind: 'replace_grants',
      namespaceId: namespace.id,
      grants: grants.map(({ subject, access }) => ({ subjectKind: subject.kind, subjectId: subject.id, access })),
      clearance: await this.clearanceIn(namespace),
      grantedBy: this.#principal.keyId,
      atMs: this.#principal.atMs,
    }
  }

  /** Newest first, below the id `before`; those on single cubes that the principal may not know of are left out. */
  page(namespaceId: number, limit: number, before: string | null): Promise<PermissionRow[]> {
    const reach = cubeReach(this.#principal, 'read', this.#principal.atMs, KNOWN_SENSITIVITY)
    const here = and(
      eq(permissions.namespaceId, namespaceId),
      sql`(${permissions.cubeId} is null or exists (select 1 from cubes c join namespaces n on n.id = c.namespace_id where c.cube_id = ${permissions.cubeId} and ${reach}))`,
    )
    return this.#vault.orm
      .select()
      .from(permissions)
      .where(before === null ? here : and(here, lt(permissions.id, before)))
      .orderBy(desc(permissions.id))
      .limit(limit)
  }

  /** A permission on a namespace that the principal administers. @throws MemosError not_found */
  async get(id: string): Promise<PermissionRow> {
    const [row] = await this.#vault.database.all(
      statement(
        sql`select ${PERMISSION.columns} from permissions g join namespaces n on n.id = g.namespace_id where g.id = ${id} and ${namespaceAdministration(this.#principal)}`,
      ),
    )
    if (row === undefined) throw new MemosError('not_found')
    return PERMISSION.parse(row)
  }

  /** Those of the subjects that are registered, own a namespace, hold a role or were granted something, as `kind:id`. */
  async known(subjects: readonly Subject[]): Promise<Set<string>> {
    const asked = toJson(subjects.map(({ kind, id }) => [kind, id]))
    const named = (kind: string, id: string) =>
      sql`org_id = ${this.#principal.orgId} and ${sql.raw(kind)} = j.value->>0 and ${sql.raw(id)} = j.value->>1`
    const rows = await this.#vault.database.all(
      statement(sql`select j.value->>0 || ':' || (j.value->>1) from json_each(${asked}) j
        where exists (select 1 from principals where ${named('principals.kind', 'principals.id')})
          or exists (select 1 from namespaces where ${named('owner_kind', 'owner_id')})
          or exists (select 1 from role_members where ${named('subject_kind', 'subject_id')})
          or exists (select 1 from permissions where ${named('subject_kind', 'subject_id')})`),
    )
    return new Set(rows.map(([name]) => String(name)))
  }

  /** @throws MemosError not_found */
  async role(name: string): Promise<RoleRow> {
    const role = await this.findRole(name)
    if (role === null) throw new MemosError('not_found')
    return role
  }

  async findRole(name: string): Promise<RoleRow | null> {
    const [role] = await this.#vault.orm.select().from(roles).where(this.#role(name))
    return role ?? null
  }

  /** Roles in order of name, above the name `after`. */
  roles(limit: number, after: string | null): Promise<RoleRow[]> {
    const here = eq(roles.orgId, this.#principal.orgId)
    return this.#vault.orm
      .select()
      .from(roles)
      .where(after === null ? here : and(here, gt(roles.name, after)))
      .orderBy(asc(roles.name))
      .limit(limit)
  }

  members(role: string): Promise<RoleMemberRow[]> {
    return this.#vault.orm
      .select()
      .from(roleMembers)
      .where(and(eq(roleMembers.orgId, this.#principal.orgId), eq(roleMembers.role, role)))
      .orderBy(asc(roleMembers.subjectKind), asc(roleMembers.subjectId))
  }

  #role(name: string): SQL | undefined {
    return and(eq(roles.orgId, this.#principal.orgId), eq(roles.name, name))
  }
}

const NAMESPACE = rowShape(namespaces, 'n')
const PERMISSION = rowShape(permissions, 'g')
