/** How often the terms of a corpus stand near each other: the sparse, symmetric matrix that word vectors are made of. */
export interface CoOccurrence {
  /** Term -> row. */
  rows: ReadonlyMap<string, number>
  /** Share of all occurrences, by row. */
  frequencies: Float64Array
  /** Entries of the upper triangle with the diagonal: row <= column. */
  row: Int32Array
  column: Int32Array
  /** Positive pointwise mutual information, natural logarithm. */
  value: Float32Array
}

/** Terms between two that count as near each other. */
const WINDOW_TERMS = 8
/** A term that stands in fewer texts has no company to be known by. */
const TEXTS_MIN = 2
const TERMS_MAX = 20_000

/** Positive pointwise mutual information of the terms within a window (Bullinaria and Levy 2007). */
export function coOccurrence(texts: readonly (readonly string[])[]): CoOccurrence {
  const rows = vocabulary(texts)
  const size = rows.size
  const counts = new Float64Array(size)
  const pairs: number[][] = []
  for (const terms of texts) {
    const known = terms.flatMap((term) => rows.get(term) ?? [])
    const here: number[] = []
    known.forEach((row, at) => {
      counts[row] = (counts[row] as number) + 1
      for (const other of known.slice(at + 1, at + 1 + WINDOW_TERMS))
        here.push(Math.min(row, other) * size + Math.max(row, other))
    })
    pairs.push(here)
  }
  const total = counts.reduce((sum, count) => sum + count, 0)
  return { rows, frequencies: counts.map((count) => count / total), ...mutualInformation(packed(pairs), size) }
}

/** The terms of enough texts; of too many, those of the most texts. */
function vocabulary(texts: readonly (readonly string[])[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const terms of texts) for (const term of new Set(terms)) found.set(term, (found.get(term) ?? 0) + 1)
  const kept = [...found].filter(([, count]) => count >= TEXTS_MIN).sort((a, b) => b[1] - a[1])
  return new Map(kept.slice(0, TERMS_MAX).map(([term], row) => [term, row]))
}

function packed(pairs: readonly (readonly number[])[]): Float64Array {
  const all = new Float64Array(pairs.reduce((sum, here) => sum + here.length, 0))
  let at = 0
  for (const here of pairs) {
    all.set(here, at)
    at += here.length
  }
  return all.sort()
}

function mutualInformation(pairs: Float64Array, size: number): Pick<CoOccurrence, 'row' | 'column' | 'value'> {
  const sums = new Float64Array(size)
  const keys: number[] = []
  const counts: number[] = []
  for (const key of pairs) {
    if (key === keys.at(-1)) counts.push((counts.pop() as number) + 1)
    else {
      keys.push(key)
      counts.push(1)
    }
    for (const end of [Math.floor(key / size), key % size]) sums[end] = (sums[end] as number) + 1
  }
  const values = keys.map((key, at) => {
    const [row, column] = [Math.floor(key / size), key % size]
    // A pair of two terms stands in two cells of the matrix, one of a term with itself in one, but with both its ends.
    const expected = ((sums[row] as number) * (sums[column] as number)) / (2 * pairs.length)
    const count = (counts[at] as number) * (row === column ? 2 : 1)
    return Math.max(0, Math.log(count / expected))
  })
  const kept = [...keys.keys()].filter((at) => (values[at] as number) > 0)
  return {
    row: Int32Array.from(kept, (at) => Math.floor((keys[at] as number) / size)),
    column: Int32Array.from(kept, (at) => (keys[at] as number) % size),
    value: Float32Array.from(kept, (at) => values[at] as number),
  }
}
