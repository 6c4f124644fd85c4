import { addChunk, type Bitfield, bitfieldFor, hasChunk, missingRuns, type Run } from './bitfield.ts'

/** A provider that is being asked. */
export interface Peer {
  readonly id: string
  /** Chunks set aside for it and not asked for yet. */
  run: Run | null
  /** Chunks that it owes, in the order asked for. */
  readonly asked: Set<number>
  /** Chunks that it was asked for and that somebody else delivered first. */
  readonly late: Set<number>
  /** Chunks that it does not have. */
  readonly absent: Set<number>
  /** When it last delivered, or was asked after owing nothing. */
  heardAtMs: number
  /** Chunks of it that are being written: meanwhile its silence is ours. */
  writing: number
}

const lengthOf = (run: Run) => run.to - run.from

/** Who fetches which missing chunk: every one is in a free run, in the run of one provider, owed by somebody, or done. */
export class ChunkShares {
  readonly #free: Run[]
  readonly #done: Bitfield

  constructor(done: Bitfield, chunks: number) {
    this.#done = bitfieldFor(chunks, done)
    this.#free = missingRuns(this.#done, chunks)
  }

  finish(index: number): void {
    addChunk(this.#done, index)
  }

  /** Up to `max` chunks for one provider: from its own run, from a free one, or from half of the longest run of another provider. */
  take(peer: Peer, peers: Iterable<Peer>, max: number): number[] {
    const others = [...peers].filter((other) => other !== peer)
    const taken: number[] = []
    while (taken.length < max) {
      peer.run ??= this.#freeRun(peer) ?? halfOfLongest(others)
      if (!peer.run) break
      const index = peer.run.from
      peer.run = lengthOf(peer.run) > 1 ? { from: index + 1, to: peer.run.to } : null
      if (this.#isDone(index) || others.some((other) => other.asked.has(index))) continue
      if (peer.absent.has(index)) this.#free.push({ from: index, to: index + 1 })
      else taken.push(index)
    }
    return taken
  }

  /** What others owe, for one that has nothing to do: those asked for last, which a provider serves last. */
  copies(peer: Peer, peers: Iterable<Peer>, { copiesMax, max }: { copiesMax: number; max: number }): number[] {
    const all = [...peers]
    const askedOf = (index: number) => all.filter((other) => other.asked.has(index)).length
    const isFit = (index: number) => !peer.absent.has(index) && askedOf(index) < copiesMax
    const owing = all.filter((other) => other !== peer).toSorted((a, b) => b.asked.size - a.asked.size)
    const found = new Set(owing.flatMap((other) => [...other.asked].reverse()).filter(isFit))
    return [...found].slice(0, max)
  }

  /** Chunks that a provider does not bring, unless another one still owes them. */
  giveBack(indexes: readonly number[], peers: Iterable<Peer>): void {
    const others = [...peers]
    for (const index of indexes.toSorted((a, b) => a - b)) {
      if (this.#isDone(index) || others.some((other) => other.asked.has(index))) continue
      const last = this.#free.at(-1)
      if (last?.to === index) last.to = index + 1
      else this.#free.push({ from: index, to: index + 1 })
    }
  }

  /** Everything that a provider was to bring; it is no longer among `peers`. */
  release(peer: Peer, peers: Iterable<Peer>): void {
    if (peer.run) this.#free.push(peer.run)
    this.giveBack([...peer.asked], peers)
  }

  #isDone(index: number): boolean {
    return hasChunk(this.#done, index)
  }

  /** The longest free run, less the chunks at its start that the provider does not have. */
  #freeRun(peer: Peer): Run | null {
    const byLength = this.#free
      .map((_, at) => at)
      .toSorted((a, b) => lengthOf(this.#free[b]!) - lengthOf(this.#free[a]!))
    for (const at of byLength) {
      const run = this.#free[at]!
      const from = firstPresent(run, peer.absent)
      if (from === run.to) continue
      if (from > run.from) this.#free[at] = { from: run.from, to: from }
      else this.#free.splice(at, 1)
      return { from, to: run.to }
    }
    return null
  }
}

function firstPresent(run: Run, absent: ReadonlySet<number>): number {
  let from = run.from
  while (from < run.to && absent.has(from)) from += 1
  return from
}

function halfOfLongest(peers: readonly Peer[]): Run | null {
  const victim = peers
    .filter((peer) => peer.run && lengthOf(peer.run) > 1)
    .toSorted((a, b) => lengthOf(b.run!) - lengthOf(a.run!))[0]
  if (!victim?.run) return null
  const { from, to } = victim.run
  const middle = from + Math.ceil((to - from) / 2)
  victim.run = { from, to: middle }
  return { from: middle, to }
}
