/** One part of a representation; `length` null: to its end. Negative `offset`: so many bytes before the end. */
export interface ByteRange {
  offset: number
  length: number | null
}

/**
 * The part that a Range header asks for (RFC 9110 section 14.1.2); null where there is none that is understood, which the standard has answered
 * with everything.
 */
export function parseRange(header: string | null): ByteRange | null {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return null
  if (first === '') return { offset: -Number(last), length: null }
  if (last === '') return { offset: Number(first), length: null }
  return Number(last) < Number(first) ? null : { offset: Number(first), length: Number(last) - Number(first) + 1 }
}
