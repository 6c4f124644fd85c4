/** Keys whose uses are remembered, also of caches that were evicted: what comes back is not new. */
const KEYS_MAX = 4096

interface Use {
  /** As of `atMs`. */
  heat: number
  atMs: number
  /** Uses of all keys before this one: order within one millisecond. */
  order: number
}

/** Uses of keys, each halved after every half-life: the heat of the scheduler (MemOS paper, section 5.2), on the node. */
export class UseLog {
  readonly #halfLifeMs: number
  /** The one used longest ago first. */
  readonly #uses = new Map<string, Use>()
  #order = 0

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs
  }

  note(key: string, atMs: number): void {
    const heat = this.heat(key, atMs) + 1
    this.#uses.delete(key)
    this.#order += 1
    this.#uses.set(key, { heat, atMs, order: this.#order })
    if (this.#uses.size > KEYS_MAX) this.#uses.delete(this.#uses.keys().next().value!)
  }

  /** A number that is larger the later the last use was; 0: none is known. */
  lastUse(key: string): number {
    return this.#uses.get(key)?.order ?? 0
  }

  /** Heat at a moment. A clock that went back takes nothing away. */
  heat(key: string, nowMs: number): number {
    const use = this.#uses.get(key)
    return use === undefined ? 0 : use.heat * 2 ** (-Math.max(0, nowMs - use.atMs) / this.#halfLifeMs)
  }
}
