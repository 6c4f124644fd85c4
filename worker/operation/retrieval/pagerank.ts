/** An undirected, weighted edge between two nodes, by their place. */
export type Edge = readonly [from: number, to: number, weight: number]

/** Chance that a walk goes on at each step; HippoRAG (arXiv 2405.14831, section 3) takes one half: the answer is near the question. */
const DAMPING = 0.5
/** At one half, what is left after so many steps is below a millionth. */
const STEPS = 20

/**
 * Personalised PageRank by power iteration: where a walk is found that starts at the nodes of `restart` (not negative, not all zero) and returns
 * there at each step with probability 1 - DAMPING. `ranks` sum to 1; `arrived` is the part of each that came over an edge and not from starting
 * there. All zeros for an empty `restart`.
 */
export function personalisedPageRank(
  nodes: number,
  edges: readonly Edge[],
  restart: Float64Array,
): { ranks: Float64Array; arrived: Float64Array } {
  if (restart.length !== nodes) throw new RangeError(`"restart" expected ${nodes} numbers, got ${restart.length}`)
  const total = restart.reduce((sum, share) => sum + share, 0)
  if (total === 0) return { ranks: new Float64Array(nodes), arrived: new Float64Array(nodes) }
  const start = restart.map((share) => share / total)
  const degree = new Float64Array(nodes)
  for (const [from, to, weight] of edges) {
    degree[from] = (degree[from] as number) + weight
    degree[to] = (degree[to] as number) + weight
  }
  let ranks: Float64Array = start
  let arrived: Float64Array = new Float64Array(nodes)
  for (let step = 0; step < STEPS; step++) {
    arrived = new Float64Array(nodes)
    for (const [from, to, weight] of edges) {
      const share = DAMPING * weight
      arrived[to] = (arrived[to] as number) + ((ranks[from] as number) * share) / (degree[from] as number)
      arrived[from] = (arrived[from] as number) + ((ranks[to] as number) * share) / (degree[to] as number)
    }
    // What does not go on over an edge returns to where the walk began.
    const returned = 1 - arrived.reduce((sum, share) => sum + share, 0)
    ranks = arrived.map((share, at) => share + returned * (start[at] as number))
  }
  return { ranks, arrived }
}
