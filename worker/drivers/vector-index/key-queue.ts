/** Runs the tasks of one key one after another; keys do not wait for each other. */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<void>>()

  isBusy(key: string): boolean {
    return this.#tails.has(key)
  }

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(task)
    const tail = result.then(ignore, ignore).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    this.#tails.set(key, tail)
    return result
  }

  /** Resolves when nothing is left to run, tasks that were added meanwhile included. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values())
  }
}

const ignore = () => {}
