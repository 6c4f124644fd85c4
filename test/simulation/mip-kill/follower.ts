import { setTimeout as sleep } from 'node:timers/promises'
import type { KilledEdge } from './killed-edge.ts'
import { LOG } from './publisher.ts'

const PAUSE_MS = 100
const IDLE_ROUNDS_MAX = 600

/** Follows the log through every loss of power. */
export class Follower {
  readonly edge: KilledEdge
  readonly did: string
  #id = ''

  constructor(edge: KilledEdge, did: string) {
    this.edge = edge
    this.did = did
  }

  async subscribe(addresses: readonly string[]): Promise<void> {
    await this.edge.insist('PUT', `/v1/mip/peers/${this.did}`, { name: 'Harbour', tier: 'known', addresses })
    const { id } = await this.edge.insist('POST', '/v1/mip/subscriptions', {
      did: this.did,
      log: LOG,
      namespace: 'harbour',
    })
    this.#id = String(id)
  }

  /** Pulls now and then; the minute's upkeep does too. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.edge.send('POST', `/v1/mip/subscriptions/${this.#id}/catch-up`)
      await sleep(PAUSE_MS)
    }
  }

  /** Once nobody is killed any more. @throws Error when it stays behind */
  async finish(entries: number): Promise<void> {
    let last = ''
    for (let round = 0; round < IDLE_ROUNDS_MAX; round++) {
      const report = await this.edge.insist('POST', `/v1/mip/subscriptions/${this.#id}/catch-up`)
      const { applied } = await this.edge.insist('GET', `/v1/mip/subscriptions/${this.#id}`)
      last = JSON.stringify({ report, applied })
      if (report.atEnd === true && (applied as { seq: number }).seq === entries - 1) return this.#embedded()
      await sleep(PAUSE_MS)
    }
    throw new Error([`${this.edge.name} stays behind ${entries}: ${last}`, ...this.edge.output()].join('\n'))
  }

  /** Resolves when every memory has its vector. */
  async #embedded(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      const states = await Promise.all(
        ['queued', 'running'].map((state) => this.edge.insist('GET', `/v1/tasks?state=${state}&limit=1`)),
      )
      quiet = states.every(({ items }) => (items as unknown[]).length === 0) ? quiet + 1 : 0
      await sleep(PAUSE_MS * 3)
    }
  }
}
