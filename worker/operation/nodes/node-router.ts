import type { ConnectedNode } from '../../ports/node-hub.ts'

/** What a task asks of a node. */
export interface Wanted {
  /** Fingerprint of the model; a name is never evidence. */
  fingerprint: string
  operation: string
  /** Fewest positions that the model must take; 0: any. */
  positionsMin?: number
  /** Keys of the KV caches and adapters that the task uses. */
  residentKeys: readonly string[]
  /** Nodes on which this task has failed already: taken only where no other one is free. */
  failedOn: ReadonlySet<string>
}

/** One node as it was weighed. */
export interface WeighedNode {
  nodeId: string
  name: string
  /** Why it cannot do the task at all, or cannot do it at the moment; null for a candidate. */
  because: 'other_model' | 'other_operation' | 'context_too_small' | 'busy' | null
  /** Share of the wanted keys that it holds, 0 to 1; 0 where none is wanted. */
  resident: number
  /** Tasks that it runs over those that it may run. */
  load: number
  hasFailed: boolean
}

/** What was chosen, and everything that it was chosen from, best first. */
export interface RoutingDecision {
  chosen: ConnectedNode | null
  /** Nodes that could do the task, busy ones among them. */
  capable: number
  weighed: WeighedNode[]
}

const ORDER = ['candidate', 'busy', 'incapable'] as const

/**
 * Chooses a node: of those with the model and the operation that have room, the one on which the task has not failed, then the one that holds
 * most of the wanted keys, then the least loaded one, then the lowest id. `running` tells how many tasks of a node are known to run.
 */
export function routeTask(
  nodes: readonly ConnectedNode[],
  wanted: Wanted,
  running: (node: ConnectedNode) => number,
): RoutingDecision {
  const weighed = nodes.map((node) => ({ node, ...weigh(node, wanted, running(node)) })).toSorted(byPreference)
  const best = weighed[0]
  return {
    chosen: best === undefined || best.because !== null ? null : best.node,
    capable: weighed.filter(({ because }) => because === null || because === 'busy').length,
    weighed: weighed.map(({ node: _, ...facts }) => facts),
  }
}

function weigh(node: ConnectedNode, wanted: Wanted, running: number): WeighedNode {
  const held = new Set(node.residentKeys)
  const keys = wanted.residentKeys
  return {
    nodeId: node.nodeId,
    name: node.name,
    because: whyNot(node, wanted) ?? (running >= node.concurrency ? 'busy' : null),
    resident: keys.length === 0 ? 0 : keys.filter((key) => held.has(key)).length / keys.length,
    load: node.concurrency === 0 ? 1 : running / node.concurrency,
    hasFailed: wanted.failedOn.has(node.nodeId),
  }
}

function whyNot({ models }: ConnectedNode, wanted: Wanted): WeighedNode['because'] {
  const model = models.find(({ fingerprint }) => fingerprint === wanted.fingerprint)
  if (model === undefined) return 'other_model'
  if (!(model.operations as readonly string[]).includes(wanted.operation)) return 'other_operation'
  return model.positionsMax < (wanted.positionsMin ?? 0) ? 'context_too_small' : null
}

const rankOf = ({ because }: WeighedNode): number =>
  ORDER.indexOf(because === null ? 'candidate' : because === 'busy' ? 'busy' : 'incapable')

const byPreference = (a: WeighedNode, b: WeighedNode): number =>
  rankOf(a) - rankOf(b) ||
  Number(a.hasFailed) - Number(b.hasFailed) ||
  b.resident - a.resident ||
  a.load - b.load ||
  (a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0)

/** The decision in one line, for a header: `node-a of 2 capable, resident 0.50, load 0.25`. */
export function explainRouting({ weighed, capable }: RoutingDecision): string {
  const [best] = weighed
  if (best === undefined) return 'no node is connected'
  if (best.because !== null) return `none of ${weighed.length} nodes: ${best.because}`
  return `${best.nodeId} of ${capable} capable, resident ${best.resident.toFixed(2)}, load ${best.load.toFixed(2)}`
}
