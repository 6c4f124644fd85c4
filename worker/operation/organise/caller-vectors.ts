import type { CreateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { NewCube } from '../../ports/vault-write.ts'
import type { VectorSpaceState } from '../../ports/vectors.ts'
import type { NameOf } from './memory-writer.ts'

/** A vector that came with its cube. */
export interface GivenVector {
  cubeId: string
  cid: string
  /** `caller:` and the model's name: these spaces are never rebuilt by us. */
  model: string
  vector: Float32Array
}

/**
 * The vectors that callers sent along, at length one.
 * @throws MemosError invalid_vector: not finite, all zero, or of another length than the model's stored vectors
 */
export function callerVectors(
  inputs: readonly CreateCube[],
  cubes: readonly NewCube[],
  spaces: readonly VectorSpaceState[],
  nameOf: NameOf,
): GivenVector[] {
  const dimensions = new Map(spaces.map((space) => [space.model, space.dimensions]))
  return inputs.flatMap(({ embedding }, at) => {
    const record = cubes[at]?.record
    if (embedding === undefined || record === undefined) return []
    const field = nameOf(at, 'embedding.values')
    const model = `caller:${embedding.model}`
    const expected = dimensions.get(model) ?? embedding.values.length
    dimensions.set(model, expected)
    if (embedding.values.length !== expected)
      throw new MemosError('invalid_vector', {
        field,
        expected: `${expected} numbers, as the model's other vectors have`,
      })
    const length = Math.sqrt(embedding.values.reduce((sum, value) => sum + value * value, 0))
    if (!Number.isFinite(length) || length === 0)
      throw new MemosError('invalid_vector', { field, expected: 'finite numbers, not all zero' })
    return [
      {
        cubeId: record.cubeId,
        cid: record.cid,
        model,
        vector: Float32Array.from(embedding.values, (value) => value / length),
      },
    ]
  })
}
