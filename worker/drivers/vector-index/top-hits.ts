/** Keeps the `limit` best scores seen: a binary heap with the worst kept score on top. */
export class TopHits {
  readonly #limit: number
  readonly #slots: number[] = []
  readonly #scores: number[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  push(slot: number, score: number): void {
    const size = this.#slots.length
    if (size < this.#limit) this.#rise(size, slot, score)
    else if (size > 0 && score > (this.#scores[0] as number)) this.#sink(slot, score)
  }

  /** Slots and scores, best first; equal scores by slot. */
  ranked(): { slot: number; score: number }[] {
    return this.#slots
      .map((slot, at) => ({ slot, score: this.#scores[at] as number }))
      .sort((a, b) => b.score - a.score || a.slot - b.slot)
  }

  #rise(from: number, slot: number, score: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((this.#scores[parent] as number) <= score) break
      this.#place(at, this.#slots[parent] as number, this.#scores[parent] as number)
      at = parent
    }
    this.#place(at, slot, score)
  }

  #sink(slot: number, score: number): void {
    const size = this.#slots.length
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && (this.#scores[child + 1] as number) < (this.#scores[child] as number)) child += 1
      if ((this.#scores[child] as number) >= score) break
      this.#place(at, this.#slots[child] as number, this.#scores[child] as number)
      at = child
    }
    this.#place(at, slot, score)
  }

  #place(at: number, slot: number, score: number): void {
    this.#slots[at] = slot
    this.#scores[at] = score
  }
}
