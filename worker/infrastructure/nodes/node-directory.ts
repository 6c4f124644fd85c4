import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { nodeOrganisations, nodes, nodeTokens } from '../../../schemas/tables/nodes.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { Principal } from '../../ports/principal.ts'
import type { NodeRow, NodeTokenRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { hashSecret } from '../governance/key-secret.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { mintNodeToken } from './node-token.ts'

/** Nodes and join tokens, in the default database. */
export class NodeDirectory {
  readonly #vault: MemVault
  readonly #runtime: Runtime

  constructor({ vault, runtime }: { vault: MemVault; runtime: Runtime }) {
    this.#vault = vault
    this.#runtime = runtime
  }

  /**
   * A token that lets one node join once, for the organisation of `by`; the root key may name others.
   * @throws MemosError forbidden, not_found (no such organisation)
   */
  async createToken(
    by: Principal,
    { name, organisations, lifeMs }: { name: string; organisations?: string[] | undefined; lifeMs: number },
  ): Promise<{ row: NodeTokenRow; secret: string }> {
    const named = organisations ?? [by.orgId]
    if (!by.root && named.some((orgId) => orgId !== by.orgId))
      throw new MemosError('forbidden', { field: 'organisations', expected: 'the organisation of the calling key' })
    const now = this.#runtime.nowMs()
    for (const orgId of named) await this.#vault.of(orgId, now)
    const id = ulid(now, this.#runtime.randomBytes)
    const secret = mintNodeToken(id, this.#runtime.randomBytes)
    const row: NodeTokenRow = {
      ...{ id, hash: hashSecret(secret), orgId: by.orgId, organisations: named, name },
      ...{ createdAtMs: now, expiresAtMs: now + lifeMs, usedAtMs: null, usedBy: null },
    }
    await this.#vault.directoryOrm.insert(nodeTokens).values(row)
    return { row, secret }
  }

  /** Nodes that serve an organisation, in the order in which they joined. */
  async page(orgId: string, limit: number, after: string | null): Promise<NodeRow[]> {
    return await this.#vault.directoryOrm
      .select({ node: nodes })
      .from(nodeOrganisations)
      .innerJoin(nodes, eq(nodes.id, nodeOrganisations.nodeId))
      .where(and(eq(nodeOrganisations.orgId, orgId), gt(nodeOrganisations.nodeId, after ?? '')))
      .orderBy(asc(nodeOrganisations.nodeId))
      .limit(limit)
      .then((rows) => rows.map(({ node }) => node))
  }

  /**
   * Ends what a node may do for the organisation of `by`; a node that serves nobody else is revoked, as every node is that the root key names.
   * @throws MemosError not_found
   */
  async revoke(by: Principal, nodeId: string): Promise<void> {
    const [node] = await this.#vault.directoryOrm
      .select({ id: nodeOrganisations.nodeId })
      .from(nodeOrganisations)
      .where(and(eq(nodeOrganisations.orgId, by.orgId), eq(nodeOrganisations.nodeId, nodeId)))
    if (node === undefined) throw new MemosError('not_found')
    if (!by.root) {
      const here = and(eq(nodeOrganisations.orgId, by.orgId), eq(nodeOrganisations.nodeId, nodeId))
      const others = await this.#vault.directoryOrm
        .select({ orgId: nodeOrganisations.orgId })
        .from(nodeOrganisations)
        .where(and(eq(nodeOrganisations.nodeId, nodeId), sql`${nodeOrganisations.orgId} != ${by.orgId}`))
        .limit(1)
      if (others.length > 0) {
        await this.#vault.directoryOrm.delete(nodeOrganisations).where(here)
        return
      }
    }
    const revoked = { revokedAtMs: this.#runtime.nowMs() }
    await this.#vault.directoryOrm
      .update(nodes)
      .set(revoked)
      .where(and(eq(nodes.id, nodeId), isNull(nodes.revokedAtMs)))
  }
}
