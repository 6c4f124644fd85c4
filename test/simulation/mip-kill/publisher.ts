import type { KilledEdge } from './killed-edge.ts'

export type Dice = (below: number) => number

const BATCH_MAX = 12
const LARGE_TEXT = 'An entry of the log book, and another one. '.repeat(1200)
export const LOG = 'memory'

/** What was acknowledged: it must be in the log once, and nothing else may be there. */
export class Publisher {
  /** Addresses by cube, in the order in which they were published. */
  readonly published = new Map<string, string[]>()
  readonly revoked = new Set<string>()
  entries = 0
  readonly #edge: KilledEdge
  readonly #dice: Dice
  #next = 0

  constructor(edge: KilledEdge, dice: Dice) {
    this.#edge = edge
    this.#dice = dice
  }

  /** Publishes, revises and revokes until the log has so many entries. */
  async run(entries: number): Promise<void> {
    while (this.entries < entries) {
      const pick = this.#dice(10)
      const cube = this.#anyCube()
      if (cube !== undefined && pick === 0) await this.#revoke(cube)
      else if (cube !== undefined && pick <= 2) await this.#revise(cube)
      else await this.#publishNew(Math.min(1 + this.#dice(BATCH_MAX), entries - this.entries))
    }
  }

  #anyCube(): string | undefined {
    const live = [...this.published.keys()].filter((cube) => !this.revoked.has(cube))
    return live[this.#dice(Math.max(1, live.length))]
  }

  async #publishNew(count: number): Promise<void> {
    const cubes = Array.from({ length: count }, () => ({ content: this.#text(), tags: ['harbour'] }))
    // What an unanswered request made stays behind unpublished.
    const { cubes: made } = await this.#edge.insist('POST', '/v1/cubes/batch', { cubes })
    await this.#publish((made as { cubeId: string }[]).map(({ cubeId }) => cubeId))
  }

  async #revise(cubeId: string): Promise<void> {
    await this.#edge.insist('PATCH', `/v1/cubes/${cubeId}`, { mode: 'overwrite', content: this.#text() })
    await this.#publish([cubeId])
  }

  #text(): string {
    const mark = `mark${this.#next++}`
    return `${mark} of the harbour ${this.#dice(12) === 0 ? LARGE_TEXT : 'log book'}`
  }

  /** Until it is acknowledged: a request that is sent again finds published what the one before it has published. */
  async #publish(cubeIds: string[]): Promise<void> {
    const { items, seq } = await this.#edge.insist('POST', '/v1/mip/publish', { cubeIds, topics: ['harbour'] })
    for (const { cubeId, cid, outcome } of items as { cubeId: string; cid: string; outcome: string }[]) {
      if (outcome === 'refused') throw new Error(`${cubeId} was refused`)
      const before = this.published.get(cubeId) ?? []
      this.published.set(cubeId, before.at(-1) === cid ? before : [...before, cid])
    }
    this.entries = Number(seq) + 1
  }

  async #revoke(cubeId: string): Promise<void> {
    const { seq } = await this.#edge.insist('POST', '/v1/mip/revoke', { cubeIds: [cubeId], reason: 'error' })
    this.revoked.add(cubeId)
    this.entries = Number(seq) + 1
  }
}
