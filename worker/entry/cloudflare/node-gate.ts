import { portableEd25519 } from '../../../protocol/core/ed25519-rule.ts'
import { NodeGatekeeper } from '../../infrastructure/nodes/node-gatekeeper.ts'
import { MemVault } from '../../infrastructure/vault/mem-vault.ts'
import type { NodeGate } from '../../ports/node-hub.ts'
import { d1Databases, type Env } from './env.ts'

/** Who decides about nodes, for the object that holds their sockets. */
export const nodeGate = (env: Env): NodeGate =>
  new NodeGatekeeper({
    vault: new MemVault({ databases: d1Databases(env) }),
    ed25519: portableEd25519,
    runtime: { nowMs: Date.now, randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
  })
