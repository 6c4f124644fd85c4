/** Share of weighted terms (cosine) from which two texts are of one topic. */
const SIMILARITY_MIN = 0.08

interface Item {
  id: string
  terms: ReadonlySet<string>
}

/**
 * Groups of texts that hang together through common terms, the largest first: components of the graph in which two texts are joined that share
 * enough of their terms, each weighted by how rare it is among these texts. Quadratic in the number of texts.
 */
export function topicsOf(items: readonly Item[]): string[][] {
  const weights = weightsOf(items)
  const lengths = items.map(({ terms }) => Math.sqrt(sumOf(terms, (term) => (weights.get(term) ?? 0) ** 2)))
  const parent = items.map((_, at) => at)
  const rootOf = (at: number): number => {
    let root = at
    while (parent[root] !== root) root = parent[root] as number
    return root
  }
  items.forEach((item, at) => {
    for (let other = 0; other < at; other++) {
      if (rootOf(other) === rootOf(at)) continue
      const shared = (items[other] as Item).terms.intersection(item.terms)
      const dot = sumOf(shared, (term) => (weights.get(term) ?? 0) ** 2)
      const length = (lengths[at] as number) * (lengths[other] as number)
      if (length > 0 && dot / length >= SIMILARITY_MIN) parent[rootOf(other)] = rootOf(at)
    }
  })
  const groups = Map.groupBy(items.keys(), rootOf)
  return [...groups.values()]
    .map((places) => places.map((at) => (items[at] as Item).id))
    .sort((a, b) => b.length - a.length || ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1))
}

/** Inverse document frequency among the items: a term of all of them tells no topics apart and weighs nothing. */
function weightsOf(items: readonly Item[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { terms } of items) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return new Map([...counts].map(([term, count]) => [term, Math.log(items.length / count)]))
}

const sumOf = (terms: Iterable<string>, value: (term: string) => number): number => {
  let sum = 0
  for (const term of terms) sum += value(term)
  return sum
}
