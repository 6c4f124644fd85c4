import type { Embedder } from '../../../worker/ports/embedder.ts'
import { type Dataset, textOf } from '../retrieval/dataset.ts'

const DIMENSIONS = 384
/** Length of the noise on a query beside its meaning. Chosen so that vectors alone reach a recall at ten of about 66 %, as published models do. */
const NOISE = 7.5

/**
 * A model that knows which turns answer a question: each text has a random direction, and a question points to the middle of its evidence plus
 * noise. Its mistakes have nothing to do with words.
 */
export class NoisyOracle implements Embedder {
  readonly model = 'oracle-384'
  readonly dimensions = DIMENSIONS
  readonly #evidence: Map<string, string[]>

  constructor({ turns, questions }: Dataset) {
    const spoken = new Map(turns.map((turn) => [turn.id, `${turn.speaker}: ${textOf(turn)}`]))
    this.#evidence = new Map(
      questions.map(({ question, evidence }) => [question, evidence.map((id) => spoken.get(id) ?? '')]),
    )
  }

  async embed(texts: readonly string[], { kind }: { kind: 'query' | 'document' }): Promise<Float32Array[]> {
    return texts.map((text) => (kind === 'query' ? this.#query(text) : direction(text)))
  }

  #query(text: string): Float32Array {
    const meanings = (this.#evidence.get(text) ?? []).map(direction)
    const noise = direction(text)
    const meaning = noise.map((_, at) => meanings.reduce((total, one) => total + (one[at] as number), 0))
    const length = Math.hypot(...meaning) || 1
    return unit(noise.map((value, at) => (meaning[at] as number) / length + NOISE * value))
  }
}

/** A direction that follows from the text: normal numbers (Box-Muller) from a xorshift generator whose seed is the text's hash. */
function direction(text: string): Float32Array {
  let state = 0x811c9dc5
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193)
  const random = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32 || Number.EPSILON
  }
  const values = Float32Array.from({ length: DIMENSIONS }, () => {
    const radius = Math.sqrt(-2 * Math.log(random()))
    return radius * Math.cos(2 * Math.PI * random())
  })
  return unit(values)
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
