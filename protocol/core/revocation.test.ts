import { describe, expect, it } from 'vitest'
import type { Cid } from '../../schemas/cid.ts'
import { REVOKED_LEGAL_ERASE_MS } from '../../schemas/limits-mip.ts'
import { cidOf } from './cid.ts'
import { deny, EMPTY_DENY_SET, isDenied, type KnownRevision, type Revocation, revocationEffects } from './revocation.ts'

const ORG = 'did:key:z6MkOne'
const OTHER = 'did:key:z6MkTwo'
const cidFor = (name: string): Cid => cidOf(new TextEncoder().encode(name), 'object')
const blob = (name: string): Cid => cidOf(new TextEncoder().encode(name), 'raw')

function revision(name: string, facts: Partial<KnownRevision> = {}): KnownRevision {
  const [cube = '', rev = '1'] = name.split('@')
  return { cid: cidFor(name), org: ORG, cube, rev: Number(rev), lineage: [], blobs: [], hasTensors: false, ...facts }
}
const from = (...names: string[]) => ({ lineage: names.map(cidFor) })
const revoke = (cube: string, facts: Partial<Revocation> = {}): Revocation => ({
  org: ORG,
  cube,
  reason: 'error',
  scope: 'cube',
  ...facts,
})
const named = (...names: string[]) => names.map(cidFor).sort()
const effects = (revocation: Revocation, revisions: KnownRevision[]) => revocationEffects(revocation, revisions, 1000)

const FAMILY = [
  revision('a@1', { blobs: [blob('1'), blob('shared')] }),
  revision('a@2', { blobs: [blob('2')], hasTensors: true }),
  revision('b@1', { ...from('a@1'), blobs: [blob('shared')] }),
  revision('c@1', { ...from('a@2'), org: OTHER }),
  revision('d@1', from('b@1', 'c@1')),
  revision('e@1'),
]

describe('a revocation', () => {
  it('hides every revision of the cube, flags what was derived however far, and leaves the rest', () => {
    expect(effects(revoke('a'), FAMILY)).toEqual({
      hidden: named('a@1', 'a@2'),
      flagged: named('b@1', 'c@1', 'd@1'),
      evicted: named('a@2'),
      blobs: [blob('1'), blob('2')].sort(),
      eraseByMs: null,
    })
  })

  it('from a revision on leaves the earlier ones and what came of them', () => {
    const { hidden, flagged } = effects(revoke('a', { fromRev: 2 }), FAMILY)
    expect(hidden).toEqual(named('a@2'))
    expect(flagged).toEqual(named('c@1', 'd@1'))
  })

  it('with scope derived hides what the organisation derived itself, and only flags what others did', () => {
    const { hidden, flagged, blobs } = effects(revoke('a', { scope: 'derived' }), FAMILY)
    expect(hidden).toEqual(named('a@1', 'a@2', 'b@1', 'd@1'))
    expect(flagged).toEqual(named('c@1'))
    expect(blobs).toContain(blob('shared'))
  })

  it('concerns cubes of its own organisation only', () => {
    expect(effects(revoke('a', { org: OTHER }), FAMILY)).toMatchObject({ hidden: [], flagged: [] })
    expect(effects(revoke('c', { org: OTHER }), FAMILY)).toMatchObject({ hidden: named('c@1') })
  })

  it('for legal reasons names the time by which blobs are gone', () => {
    expect(effects(revoke('a', { reason: 'legal' }), FAMILY).eraseByMs).toBe(1000 + REVOKED_LEGAL_ERASE_MS)
  })

  it('gives the same whatever the order of what is known, also along a diamond', () => {
    const turned = FAMILY.toReversed()
    for (const scope of ['cube', 'derived'] as const)
      expect(effects(revoke('a', { scope }), turned)).toEqual(effects(revoke('a', { scope }), FAMILY))
  })

  it('hides a descendant that is reached first over a foreign and then over an own path', () => {
    const diamond = [
      revision('a@1'),
      revision('x@1', { ...from('a@1'), org: OTHER }),
      revision('y@1', from('a@1')),
      revision('z@1', from('x@1', 'y@1')),
      revision('w@1', from('z@1')),
    ]
    for (const revisions of [
      diamond,
      diamond.toReversed(),
      [diamond[0]!, diamond[2]!, diamond[1]!, diamond[3]!, diamond[4]!],
    ])
      expect(effects(revoke('a', { scope: 'derived' }), revisions)).toMatchObject({
        hidden: named('a@1', 'y@1', 'z@1', 'w@1'),
        flagged: named('x@1'),
      })
  })
})

describe('a deny set', () => {
  const setAfter = (revocation: Revocation) => deny(EMPTY_DENY_SET, revocation, effects(revocation, FAMILY))
  const set = setAfter(revoke('a', { fromRev: 2, scope: 'derived' }))

  it('refuses revoked revisions, also those that come under another cube, and takes a corrected one', () => {
    expect(isDenied(set, revision('a@1'))).toBe(false)
    expect(isDenied(set, revision('a@2'))).toBe(true)
    expect(isDenied(set, { ...revision('a@2'), cube: 'copy' })).toBe(true)
    expect(isDenied(set, revision('a@3'))).toBe(false)
  })

  it('for legal reasons, of a compromised cube and of a whole one refuses what comes later too', () => {
    for (const reason of ['legal', 'compromised'] as const) {
      const closed = setAfter(revoke('a', { fromRev: 2, reason }))
      expect(isDenied(closed, revision('a@1'))).toBe(false)
      expect(isDenied(closed, revision('a@9'))).toBe(true)
    }
    expect(isDenied(setAfter(revoke('a')), revision('a@9'))).toBe(true)
  })

  it('leaves the same bytes and the same cube id to another organisation', () => {
    const closed = setAfter(revoke('a', { reason: 'legal' }))
    expect(isDenied(closed, revision('a@1', { org: OTHER }))).toBe(false)
    expect(isDenied(closed, { ...revision('a@1', { org: OTHER }), cube: 'copy' })).toBe(false)
  })

  it('never opens again what was closed', () => {
    const all = deny(set, revoke('a'), { hidden: [] })
    const later = deny(all, revoke('a', { fromRev: 7 }), { hidden: [] })
    expect(isDenied(later, revision('a@1'))).toBe(true)
  })
})
