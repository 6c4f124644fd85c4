import { MemosError } from '../../../schemas/errors.ts'
import type { ConnectedNode } from '../../ports/node-hub.ts'

export interface NodeSlotsLimits {
  /** Tasks of one queue that wait for a node; further ones are refused. */
  queueMax: number
  /** How often whoever is first in a queue looks again: nodes come, and other processes give slots back, without a word. */
  lookMs: number
}

interface Ticket {
  /** How often it was called to look again: a call while it looks must not be lost. */
  calls: number
  wake: (() => void) | null
}

/**
 * Room on nodes, as one process knows it: how many tasks it has given to each, and who waits for room, first come first served within a
 * queue. What other processes give to the same nodes is in what nodes report, so the larger of both numbers counts.
 */
export class NodeSlots {
  readonly #limits: NodeSlotsLimits
  readonly #taken = new Map<string, number>()
  readonly #queues = new Map<string, Ticket[]>()

  constructor(limits: NodeSlotsLimits) {
    this.#limits = limits
  }

  /** Tasks that a node runs. */
  running({ nodeId, running }: ConnectedNode): number {
    return Math.max(running, this.#taken.get(nodeId) ?? 0)
  }

  /** Takes a place on a node. The answer gives it back; calling that twice gives back once. */
  take(nodeId: string): () => void {
    this.#taken.set(nodeId, (this.#taken.get(nodeId) ?? 0) + 1)
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      const left = (this.#taken.get(nodeId) ?? 1) - 1
      if (left === 0) this.#taken.delete(nodeId)
      else this.#taken.set(nodeId, left)
      for (const [first] of this.#queues.values()) callOn(first)
    }
  }

  /** Tasks that wait in a queue. */
  waiting(queue: string): number {
    return this.#queues.get(queue)?.length ?? 0
  }

  /** Places taken on all nodes: 0 when nothing runs and nothing has leaked. */
  get taken(): number {
    return [...this.#taken.values()].reduce((sum, count) => sum + count, 0)
  }

  /**
   * Asks `attempt` for a place until it gives one, in the order of the queue: at once where nobody waits, else when all before have theirs.
   * @throws MemosError no_node_free (the queue is full); whatever `attempt` throws; the reason of the signal
   */
  async inTurn<T>(queue: string, signal: AbortSignal, attempt: () => Promise<T | null>): Promise<T> {
    if (this.waiting(queue) === 0) {
      const got = await attempt()
      if (got !== null) return got
    }
    if (this.waiting(queue) >= this.#limits.queueMax) throw noNodeFree(this.waiting(queue))
    const ticket: Ticket = { calls: 0, wake: null }
    const tickets = this.#queues.get(queue) ?? []
    this.#queues.set(queue, tickets)
    tickets.push(ticket)
    try {
      for (;;) {
        signal.throwIfAborted()
        const { calls } = ticket
        const got = tickets[0] === ticket ? await attempt() : null
        if (got !== null) return got
        if (calls === ticket.calls) await this.#rest(ticket, signal)
      }
    } finally {
      tickets.splice(tickets.indexOf(ticket), 1)
      if (tickets.length === 0) this.#queues.delete(queue)
      callOn(tickets[0])
    }
  }

  /** Waits to be woken, a look's time at most; whoever is not first is woken when it is. */
  #rest(ticket: Ticket, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        ticket.wake = null
        resolve()
      }
      const timer = setTimeout(done, this.#limits.lookMs)
      signal.addEventListener('abort', done, { once: true })
      ticket.wake = done
    })
  }
}

function callOn(ticket: Ticket | undefined): void {
  if (ticket === undefined) return
  ticket.calls += 1
  ticket.wake?.()
}

/** All nodes with the model are busy. Two seconds a waiting task is a guess that spreads callers out. */
export const noNodeFree = (waiting: number): MemosError =>
  new MemosError('no_node_free', {
    detail: 'Every connected node with this model is busy.',
    retryAfterS: Math.min(60, 1 + 2 * waiting),
  })
