import { seededRandom } from '../conformance/seeded-random.ts'

/** Seed of generated test vectors; tests print it in their names or messages. */
export const SEED = 42

interface ClusteredVectorsInit {
  count: number
  dimensions: number
  clusters: number
  seed: number
}

/** Unit vectors around random cluster centres: centre plus gaussian noise of expected length 0.8, as topics in embeddings. */
export function clusteredVectors({ count, dimensions, clusters, seed }: ClusteredVectorsInit): Float32Array[] {
  const integer = seededRandom(seed)
  const random = () => integer(2 ** 32) / 2 ** 32
  // A sum of four uniforms is close enough to a gaussian and three times faster than Box-Muller.
  const gaussian = () => (random() + random() + random() + random() - 2) * Math.sqrt(3)
  const noise = 0.8 / Math.sqrt(dimensions)
  const centres = Array.from({ length: clusters }, () => unit(Float32Array.from({ length: dimensions }, gaussian)))
  return Array.from({ length: count }, () => {
    const centre = centres[integer(clusters)] as Float32Array
    return unit(centre.map((value) => value + noise * gaussian()))
  })
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Scales in place to length 1. */
export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector))
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length
  return vector
}
