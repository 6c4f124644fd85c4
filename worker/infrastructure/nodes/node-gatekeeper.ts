import { hexToBytes } from '@noble/hashes/utils.js'
import { eq, sql } from 'drizzle-orm'
import type { Ed25519 } from '../../../protocol/core/ed25519-rule.ts'
import { keyOfDid } from '../../../protocol/core/keys.ts'
import { nodeProofBytes } from '../../../protocol/core/node-proof.ts'
import type { NodeRefusal, NodeRegister } from '../../../schemas/node-message.ts'
import { nodeOrganisations, nodes, nodeTokens } from '../../../schemas/tables/nodes.ts'
import { ulid } from '../../../schemas/ulid.ts'
import { GuardError } from '../../ports/database.ts'
import type { KnownNode, NodeGate } from '../../ports/node-hub.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { hashSecret, sameDigest } from '../governance/key-secret.ts'
import { isUnique } from '../governance/principal-directory.ts'
import type { MemVault } from '../vault/mem-vault.ts'
import { builder, guard, statement, statementOf, toJson } from '../vault/sql.ts'
import { nodeTokenIdOf } from './node-token.ts'

export interface NodeGatekeeperComponents {
  vault: Pick<MemVault, 'directory' | 'directoryOrm'>
  ed25519: Ed25519
  runtime: Pick<Runtime, 'nowMs' | 'randomBytes'>
}

/**
 * Admits nodes: a key that is known by its proof alone, an unknown one with a join token, which is used up in the batch that makes the node.
 */
export class NodeGatekeeper implements NodeGate {
  readonly #components: NodeGatekeeperComponents

  constructor(components: NodeGatekeeperComponents) {
    this.#components = components
  }

  async admit(register: NodeRegister, proof: { origin: string; nonce: string }): Promise<KnownNode | NodeRefusal> {
    const { ed25519, vault, runtime } = this.#components
    const { publicKey, signature } = register
    const message = nodeProofBytes(proof.origin, proof.nonce)
    if (!(await ed25519.verify(hexToBytes(signature), message, keyOfDid(publicKey)))) return 'wrong_signature'
    const [node] = await vault.directoryOrm.select().from(nodes).where(eq(nodes.publicKey, publicKey))
    if (node === undefined) return await this.#join(register)
    if (node.revokedAtMs !== null) return 'revoked'
    const served = await vault.directoryOrm
      .select({ orgId: nodeOrganisations.orgId })
      .from(nodeOrganisations)
      .where(eq(nodeOrganisations.nodeId, node.id))
    await vault.directoryOrm.update(nodes).set({ lastSeenMs: runtime.nowMs() }).where(eq(nodes.id, node.id))
    return { nodeId: node.id, name: node.name, organisations: served.map(({ orgId }) => orgId) }
  }

  async #join({ publicKey, name, joinToken }: NodeRegister): Promise<KnownNode | NodeRefusal> {
    const { vault, runtime } = this.#components
    if (joinToken === undefined) return 'unknown_node'
    const tokenId = nodeTokenIdOf(joinToken)
    const [token] =
      tokenId === null ? [] : await vault.directoryOrm.select().from(nodeTokens).where(eq(nodeTokens.id, tokenId))
    if (token === undefined || !sameDigest(token.hash, hashSecret(joinToken))) return 'token_unknown'
    const nowMs = runtime.nowMs()
    if (token.usedAtMs !== null) return 'token_used'
    if (token.expiresAtMs <= nowMs) return 'token_expired'
    const id = ulid(nowMs, runtime.randomBytes)
    const row = { id, publicKey, name: name ?? token.name, createdAtMs: nowMs, lastSeenMs: nowMs, revokedAtMs: null }
    try {
      await vault.directory.batch([
        guard(sql`select count(*) = 1 from node_tokens where id = ${token.id} and used_at_ms is null`),
        statementOf(builder.insert(nodes).values(row)),
        statement(sql`insert into node_organisations (org_id, node_id)
          select distinct j.value, ${id} from json_each(${toJson(token.organisations)}) j`),
        statement(sql`update node_tokens set used_at_ms = ${nowMs}, used_by = ${id} where id = ${token.id}`),
      ])
    } catch (error) {
      if (error instanceof GuardError) return 'token_used'
      if (isUnique(error)) return 'already_registered'
      throw error
    }
    return { nodeId: id, name: row.name, organisations: token.organisations }
  }
}
