import { MemosError } from '../../schemas/errors.ts'
import type { Embedder } from '../../worker/ports/embedder.ts'

/** A model that knows words only: texts with the same words lie close. Each model and size has directions of its own. */
export class WordEmbedder implements Embedder {
  readonly model: string
  readonly dimensions: number
  /** Texts of the calls that were answered. */
  readonly documents: string[] = []
  readonly queries: string[] = []
  isFailing = false
  /** Runs while a call for documents is under way, before it is answered. */
  during: (call: number) => Promise<void> | void = () => {}
  #calls = 0

  constructor(model: string, dimensions = 64) {
    this.model = model
    this.dimensions = dimensions
  }

  async embed(texts: readonly string[], { kind }: { kind: 'query' | 'document' }): Promise<Float32Array[]> {
    if (this.isFailing) throw new MemosError('embedder_failed')
    if (kind === 'document') await this.during(++this.#calls)
    this[kind === 'query' ? 'queries' : 'documents'].push(...texts)
    return texts.map((text) => this.#vector(text))
  }

  #vector(text: string): Float32Array {
    const vector = new Float32Array(this.dimensions).fill(0.01)
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
      let hash = this.dimensions
      for (const character of this.model + word)
        hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193)
      const at = (hash >>> 8) % this.dimensions
      vector[at] = (vector[at] as number) + (hash & 1 ? 1 : -1)
    }
    const length = Math.hypot(...vector)
    return vector.map((value) => value / length)
  }
}
