import { type AgentState, NodeAgent, type NodeAgentInit } from '../../gpu-node/core/agent/node-agent.ts'
import type { NodeOperations } from '../../gpu-node/core/agent/node-operations.ts'
import type { NodeSocket } from '../../gpu-node/core/agent/node-socket.ts'
import type { NodeCapabilities } from '../../schemas/node-message.ts'
import { NodeDirectory } from '../../worker/infrastructure/nodes/node-directory.ts'
import { MemVault } from '../../worker/infrastructure/vault/mem-vault.ts'
import type { Database } from '../../worker/ports/database.ts'
import type { LeasedTask, NodeEvent, NodeHub } from '../../worker/ports/node-hub.ts'
import type { Principal } from '../../worker/ports/principal.ts'

export const MODEL = 'a'.repeat(64)
export const ORG = 'default'

/** A hub with its database, and a way to open sockets to it. */
export interface NodeWorld {
  database: Database
  hub: NodeHub
  /** Base address as nodes call it. */
  edge: string
  openSocket(url: string): NodeSocket
  close(): Promise<void>
}

const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length))
export const newSeed = () => randomBytes(32)
export const runtime = { nowMs: Date.now, randomBytes, defer: () => {} }

export async function joinToken({ database }: NodeWorld, lifeMs = 60_000): Promise<string> {
  await database.all({
    sql: `insert or ignore into organisations (id, name, database, state, created_at_ms) values ('default', 'default', 'default', 'active', 0)`,
    params: [],
  })
  const vault = new MemVault({ databases: new Map([['default', database]]) })
  const by = { orgId: ORG, root: false } as Principal
  return (await new NodeDirectory({ vault, runtime }).createToken(by, { name: 'node', lifeMs })).secret
}

export const capabilities = (concurrency = 2): NodeCapabilities => ({
  runtime: 'test',
  provider: 'cpu',
  models: [
    {
      name: 'tiny',
      fingerprint: MODEL,
      descriptor: {
        ...{ v: 1, arch: 'LlamaForCausalLM', configHash: MODEL, weightsHash: MODEL, tokenizerHash: MODEL },
        ...{ chatTemplateHash: null, rope: null, quant: null, adapters: [] },
        runtimeLayout: { kv: 'bhtd', dtype: 'fp32', settings: {} },
      },
      operations: ['generate', 'embed', 'rerank'],
      positionsMax: 512,
    },
  ],
  memoryBytes: 1,
  concurrency,
})

export interface RunningAgent {
  agent: NodeAgent
  states: AgentState[]
  /** The first state of a kind, when it comes. */
  state<K extends AgentState['kind']>(kind: K): Promise<Extract<AgentState, { kind: K }>>
  sockets: NodeSocket[]
}

export function startAgent(
  world: NodeWorld,
  init: { seed?: Uint8Array; token?: string; operations?: NodeOperations; more?: Partial<NodeAgentInit> },
): RunningAgent {
  const states: AgentState[] = []
  const sockets: NodeSocket[] = []
  const waiting = new Set<() => void>()
  const agent = new NodeAgent({
    host: {
      openSocket: (url) => {
        const socket = world.openSocket(url)
        sockets.push(socket)
        return socket
      },
      fetch: () => Promise.reject(new Error('no blobs here')),
      seed: init.seed ?? newSeed(),
      random: () => 0,
      setTimeout: (run, ms) => setTimeout(run, Math.min(ms, 5000)),
      clearTimeout: (timer) => clearTimeout(timer as number | undefined),
    },
    edge: world.edge,
    ...(init.token !== undefined && { joinToken: init.token }),
    capabilities: capabilities(),
    operations: init.operations ?? {},
    resident: () => ({ bytes: 0, keys: ['kv-1'] }),
    onState: (state) => {
      states.push(state)
      for (const wake of waiting) wake()
    },
    ...init.more,
  })
  agent.start()
  const state: RunningAgent['state'] = async (kind) => {
    for (;;) {
      const found = states.find((one) => one.kind === kind)
      if (found !== undefined) return found as never
      await new Promise<void>((resolve) => waiting.add(resolve))
    }
  }
  return { agent, states, state, sockets }
}

export const taskOf = (taskId: string, text = 'Hello'): LeasedTask => ({
  taskId,
  orgId: ORG,
  kind: 'rerank',
  input: { model: MODEL, query: text, texts: ['one', 'two'] },
  leaseUntilMs: Date.now() + 60_000,
})

export async function eventsOf(events: AsyncIterable<NodeEvent>): Promise<NodeEvent[]> {
  const found: NodeEvent[] = []
  for await (const event of events) found.push(event)
  return found
}
