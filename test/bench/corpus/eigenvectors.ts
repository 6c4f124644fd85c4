import { seededRandom } from '../../conformance/seeded-random.ts'
import type { CoOccurrence } from './co-occurrence.ts'

const ITERATIONS = 3

export interface Eigenvectors {
  /** `size` rows of `count` values: column `j` is the vector of unit length of the j-th largest eigenvalue by amount. */
  vectors: Float32Array
  /** Amounts of the eigenvalues. */
  values: Float64Array
}

/** The leading eigenvectors of a symmetric matrix by orthogonal iteration from a random start (Golub and Van Loan, section 8.2.4; Halko et al. 2011). */
export function leadingEigenvectors(matrix: CoOccurrence, count: number, seed: number): Eigenvectors {
  const random = seededRandom(seed)
  const size = matrix.rows.size
  let vectors = Float32Array.from({ length: size * count }, () => 2 * random(2) - 1)
  let values = orthonormalise(vectors, size, count)
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    vectors = product(matrix, vectors, count)
    values = orthonormalise(vectors, size, count)
  }
  return { vectors, values }
}

function product({ row, column, value }: CoOccurrence, vectors: Float32Array, count: number) {
  const result = new Float32Array(vectors.length)
  for (let at = 0; at < value.length; at++) {
    const weight = value[at] as number
    const a = (row[at] as number) * count
    const b = (column[at] as number) * count
    for (let j = 0; j < count; j++) {
      result[a + j] = (result[a + j] as number) + weight * (vectors[b + j] as number)
      if (a !== b) result[b + j] = (result[b + j] as number) + weight * (vectors[a + j] as number)
    }
  }
  return result
}

/** Gram-Schmidt in place, column after column; answers the lengths the columns had left. */
function orthonormalise(vectors: Float32Array, size: number, count: number): Float64Array {
  const lengths = new Float64Array(count)
  for (let j = 0; j < count; j++) {
    const shares = new Float64Array(j + 1)
    const addShares = () => {
      shares.fill(0)
      for (let i = 0; i < size; i++) {
        const own = vectors[i * count + j] as number
        for (let k = 0; k <= j; k++) shares[k] = (shares[k] as number) + own * (vectors[i * count + k] as number)
      }
    }
    addShares()
    for (let i = 0; i < size; i++) {
      let own = vectors[i * count + j] as number
      for (let k = 0; k < j; k++) own -= (shares[k] as number) * (vectors[i * count + k] as number)
      vectors[i * count + j] = own
    }
    addShares()
    const length = Math.sqrt(shares[j] as number)
    lengths[j] = length
    for (let i = 0; i < size; i++) vectors[i * count + j] = (vectors[i * count + j] as number) / (length || 1)
  }
  return lengths
}
