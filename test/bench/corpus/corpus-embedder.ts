import { analyse } from '../../../worker/operation/retrieval/analyse.ts'
import type { Embedder } from '../../../worker/ports/embedder.ts'
import { coOccurrence } from './co-occurrence.ts'
import { leadingEigenvectors } from './eigenvectors.ts'

const DIMENSIONS = 256
const SEED = 1
/** Weight of a term: a / (a + its share of all occurrences). */
const FREQUENCY_HALF_WEIGHT = 1e-3
/** Texts from which the common direction is taken. */
const SAMPLE_TEXTS = 5000
const POWER_ITERATIONS = 10

/**
 * A model that knows nothing but the texts it was trained on, without labels: word vectors from the company that words keep (PPMI and a truncated
 * decomposition, Levy and Goldberg 2014), a text as their mean by rarity less the direction that all texts share (SIF, Arora et al. 2017). The same
 * texts give the same model.
 */
export class CorpusEmbedder implements Embedder {
  readonly model = `corpus-${DIMENSIONS}`
  readonly dimensions = DIMENSIONS
  readonly #rows: ReadonlyMap<string, number>
  /** Word vectors times the weight of their word, row after row. */
  readonly #weighted: Float32Array
  readonly #common: Float32Array

  constructor(texts: readonly string[]) {
    const terms = texts.map(analyse)
    const matrix = coOccurrence(terms)
    const { vectors, values } = leadingEigenvectors(matrix, DIMENSIONS, SEED)
    this.#rows = matrix.rows
    this.#weighted = vectors.map((value, at) => {
      const frequency = matrix.frequencies[Math.floor(at / DIMENSIONS)] as number
      return (value * Math.sqrt(values[at % DIMENSIONS] as number)) / (1 + frequency / FREQUENCY_HALF_WEIGHT)
    })
    this.#common = new Float32Array(DIMENSIONS)
    const step = Math.ceil(terms.length / SAMPLE_TEXTS)
    this.#common = principal(terms.filter((_, at) => at % step === 0).map((one) => this.#mean(one)))
  }

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    return texts.map((text) => this.vector(text))
  }

  /** Unit vector of a text; of one without a known word, the direction that all texts share. */
  vector(text: string): Float32Array {
    const mean = this.#mean(analyse(text))
    const along = dot(mean, this.#common)
    const rest = mean.map((value, at) => value - along * (this.#common[at] as number))
    const length = Math.hypot(...rest)
    return length > 0 ? rest.map((value) => value / length) : this.#common
  }

  #mean(terms: readonly string[]): Float32Array {
    const sum = new Float32Array(DIMENSIONS)
    for (const term of terms) {
      const row = this.#rows.get(term)
      if (row === undefined) continue
      for (let j = 0; j < DIMENSIONS; j++)
        sum[j] = (sum[j] as number) + (this.#weighted[row * DIMENSIONS + j] as number) / terms.length
    }
    return sum
  }
}

/** First principal direction (not centred), by power iteration. */
function principal(vectors: readonly Float32Array[]): Float32Array {
  let direction = new Float32Array(DIMENSIONS).fill(1 / Math.sqrt(DIMENSIONS))
  for (let iteration = 0; iteration < POWER_ITERATIONS; iteration++) {
    const next = new Float32Array(DIMENSIONS)
    for (const vector of vectors) {
      const along = dot(vector, direction)
      for (let j = 0; j < DIMENSIONS; j++) next[j] = (next[j] as number) + along * (vector[j] as number)
    }
    const length = Math.hypot(...next) || 1
    direction = next.map((value) => value / length)
  }
  return direction
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let j = 0; j < a.length; j++) sum += (a[j] as number) * (b[j] as number)
  return sum
}
