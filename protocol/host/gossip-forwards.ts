/** A message goes on to others after a random part of this: late enough to be told who has it, early enough for ten hops in a quarter of a second. */
export const FORWARD_MS_MAX = 20

/**
 * What waits to be passed on. Who publishes sends to everybody that it is connected to, so most neighbours of a receiver have a message as
 * soon as it has. Each waits for a time of its own; whoever is first tells the others, and what one of them has brought meanwhile is not sent
 * back to it. What waits together leaves together, in one write.
 */
export class GossipForwards {
  readonly #forward: (id: string, from: string) => void
  readonly #random: () => number
  #waiting: [id: string, from: string][] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `forward`: passes a message on to those that have not sent it. */
  constructor(forward: (id: string, from: string) => void, random: () => number = Math.random) {
    this.#forward = forward
    this.#random = random
  }

  add(id: string, from: string): void {
    this.#waiting.push([id, from])
    this.#timer ??= setTimeout(() => this.#flush(), this.#random() * FORWARD_MS_MAX)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting = []
  }

  #flush(): void {
    this.#timer = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const [id, from] of waiting) this.#forward(id, from)
  }
}
