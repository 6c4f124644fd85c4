/** Lets requests that wait go first: the calls of a database file are synchronous, so nothing else runs between two batches. */
export const breathe = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

/** What one run of background work may still cost. The clock may jump; the statements bound it all the same. */
export class Budget {
  readonly #nowMs: () => number
  readonly #untilMs: number
  #statements: number

  constructor(nowMs: () => number, { statements, ms }: { statements: number; ms: number }) {
    this.#nowMs = nowMs
    this.#untilMs = nowMs() + ms
    this.#statements = statements
  }

  spend(statements: number): void {
    this.#statements -= statements
  }

  get isSpent(): boolean {
    return this.#statements <= 0 || this.#nowMs() >= this.#untilMs
  }
}
