/** What a threat came to: the figure of its row, and whether it is kept. */
export interface Measured {
  figure: string
  isKept: boolean
}

/** One row of the threat table. */
export interface Threat {
  row: string
  /** What has to hold, as the table of docs/security/threats.md says it. */
  expected: string
  /** Test files that assert it, run by the suite; `named` chooses among their tests. */
  tests?: { files: readonly string[]; named?: string }
  /** What takes too long, or is too dear, for the suite. */
  measure?: () => Promise<Measured>
}

/** The value below which so much of the measurements lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until something holds, and says whether it came to that in time. */
export async function holdsWithin(ms: number, holds: () => boolean): Promise<boolean> {
  for (const end = performance.now() + ms; !holds(); await wait(10)) if (performance.now() > end) return false
  return true
}
