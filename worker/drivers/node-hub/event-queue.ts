/** Values that one side puts and one other takes, in order, up to a bound. */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #bound: number
  readonly #waiting: T[] = []
  #wake: (() => void) | null = null
  #isEnded = false

  constructor(bound: number) {
    this.#bound = bound
  }

  /** False when the reader is too far behind: nothing is kept then. */
  put(value: T): boolean {
    if (this.#waiting.length >= this.#bound) return false
    this.#waiting.push(value)
    this.#wake?.()
    return true
  }

  /** No more comes behind `last`, for which there is always room. */
  end(last: T): void {
    this.#waiting.push(last)
    this.#isEnded = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#waiting.shift() as T
      if (this.#isEnded) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = null
    }
  }
}
