import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../test/conformance/seeded-random.ts'
import { fingerprintOf, fingerprintSimilarity } from './fingerprint.ts'

const of = (...terms: string[]): string => fingerprintOf(terms) as string

describe('a context fingerprint', () => {
  it('is 64 bits in hex, the same for the same terms in any order, and absent without terms', () => {
    expect(of('boat', 'harbour')).toMatch(/^[0-9a-f]{16}$/)
    expect(of('boat', 'harbour')).toBe(of('harbour', 'boat'))
    expect(fingerprintOf([])).toBeNull()
  })

  it('is like that of a query with terms in common, and unlike others', () => {
    const seed = 20_261
    const random = seededRandom(seed)
    const word = () => `w${random(1e9)}`
    let near = 0
    let far = 0
    const rounds = 200
    for (let round = 0; round < rounds; round++) {
      const terms = Array.from({ length: 8 }, word)
      const altered = [...terms.slice(0, 6), word(), word()]
      near += fingerprintSimilarity(of(...terms), of(...altered))
      far += fingerprintSimilarity(of(...terms), of(...Array.from({ length: 8 }, word)))
    }
    expect(near / rounds, `seed ${seed}`).toBeGreaterThan(0.45)
    expect(far / rounds, `seed ${seed}`).toBeLessThan(0.15)
  })

  it('is 1 like itself and 0 like its opposite', () => {
    expect(fingerprintSimilarity('0123456789abcdef', '0123456789abcdef')).toBe(1)
    expect(fingerprintSimilarity('0000000000000000', 'ffffffffffffffff')).toBe(0)
  })
})
