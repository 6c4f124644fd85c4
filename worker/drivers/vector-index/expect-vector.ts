import { MemosError } from '../../../schemas/errors.ts'

/**
 * Checks a vector at the door.
 * Throws MemosError `invalid_vector` unless it has exactly `dimensions` finite numbers.
 */
export function expectVector(vector: Float32Array, dimensions: number): void {
  if (!isVector(vector, dimensions))
    throw new MemosError('invalid_vector', { field: 'vector', expected: `${dimensions} finite numbers` })
}

/** Whether `vector` has exactly `dimensions` finite numbers. */
export function isVector(vector: Float32Array, dimensions: number): boolean {
  if (!(vector instanceof Float32Array) || vector.length !== dimensions) return false
  for (const value of vector) if (!Number.isFinite(value)) return false
  return true
}
