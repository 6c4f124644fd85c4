import { momentMs } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { SearchRequest } from '../../../schemas/search.ts'
import type { Validity } from '../../ports/lexical.ts'

/**
 * The valid time that a search looks at: what held at `validAt`, by default what is not over yet. What begins only later is known already and
 * is found by default. Nothing is left out with `includeInvalid`, nor from a search of an earlier point, which shows what was held true then.
 * @throws MemosError invalid_request: both a valid time and an earlier point
 */
export function validityOf(
  { validAt, includeInvalid, asOf }: Pick<SearchRequest, 'validAt' | 'includeInvalid' | 'asOf'>,
  nowMs: number,
): Validity | undefined {
  if (validAt !== undefined && asOf !== undefined)
    throw new MemosError('invalid_request', { field: 'validAt', expected: 'either validAt or asOf' })
  if (includeInvalid === true || asOf !== undefined) return undefined
  if (validAt === undefined) return { endsAfterMs: nowMs, beginsByMs: null }
  return { endsAfterMs: momentMs(validAt), beginsByMs: momentMs(validAt) }
}
