import { MemosError } from '../../../schemas/errors.ts'
import { EMBED_TEXT_LENGTH_MAX, VECTOR_DIMENSIONS_MAX } from '../../../schemas/limits.ts'

export const embedderFailed = (why: string, cause?: unknown) =>
  new MemosError('embedder_failed', { detail: `The embedding model did not answer as expected: ${why}.` }, { cause })

/** What every model's answers have in common: one vector per text, all of one length, each brought to length one. */
export class UnitVectors {
  /** Length of the vectors; null until the first one tells. */
  dimensions: number | null = null

  /**
   * Embeds texts in calls of at most `textsMax`; each call answers one vector per text, in their order.
   * @throws MemosError embedder_failed: another number of vectors, another length, not finite, or all zero
   */
  async embed(
    texts: readonly string[],
    textsMax: number,
    call: (part: string[]) => Promise<readonly ArrayLike<number>[]>,
  ): Promise<Float32Array[]> {
    const vectors: Float32Array[] = []
    for (let at = 0; at < texts.length; at += textsMax) {
      const part = texts.slice(at, at + textsMax).map((text) => text.slice(0, EMBED_TEXT_LENGTH_MAX).toWellFormed())
      const answered = await call(part)
      if (answered.length !== part.length) throw embedderFailed('it answered another number of vectors')
      vectors.push(...answered.map((values) => this.#unit(values)))
    }
    return vectors
  }

  #unit(values: ArrayLike<number>): Float32Array {
    const vector = Float32Array.from(values)
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
    if (!Number.isFinite(length) || length === 0) throw embedderFailed('it answered a vector without direction')
    if (vector.length > VECTOR_DIMENSIONS_MAX)
      throw embedderFailed(`its vectors exceed ${VECTOR_DIMENSIONS_MAX} numbers`)
    this.dimensions ??= vector.length
    if (vector.length !== this.dimensions) throw embedderFailed('it answered vectors of different lengths')
    return vector.map((value) => value / length)
  }
}
