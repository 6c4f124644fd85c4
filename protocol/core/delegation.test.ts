import { beforeAll, describe, expect, it } from 'vitest'
import type { Delegation } from '../../schemas/mip-delegation.ts'
import type { Entry } from '../../schemas/mip-entry.ts'
import { BODY, DAY_MS, Delegations, person, START_MS } from '../../test/support/mip-log.ts'
import {
  attenuates,
  type DelegationUse,
  type OpenedDelegation,
  openDelegation,
  permits,
  signDelegation,
  verifyDelegation,
} from './delegation.ts'
import { portableEd25519 } from './ed25519-rule.ts'
import { MipError } from './mip-error.ts'
import { toWire } from './signed.ts'

const root = person(9)
const edge = person(8)
const helper = person(7)
const robot = person(6)
const other = person(5)
const sub = root.did
const made = new Delegations()
let first: OpenedDelegation
let second: OpenedDelegation
let third: OpenedDelegation
beforeAll(async () => {
  first = await made.add(root, edge, { sub, pol: { topics: ['a', 'b'], maxBytes: 100 } })
  second = await made.add(edge, helper, { sub, prf: first.address, pol: { topics: ['a'], maxBytes: 100, log: 'main' } })
  third = await made.add(helper, robot, { sub, prf: second.address, pol: { topics: ['a'], maxBytes: 1, log: 'main' } })
})

const use = (fields: Partial<DelegationUse> = {}): DelegationUse => ({
  lookup: made.lookup,
  org: sub,
  cmd: '/mip/log/append',
  aud: robot.did,
  atMs: START_MS + DAY_MS,
  roots: [sub],
  isRevoked: () => false,
  ed25519: portableEd25519,
  ...fields,
})
const refusal = (code: string) => expect.objectContaining({ name: 'MipError', code })

describe('verifyDelegation', () => {
  it('follows three delegations up to the root', async () => {
    expect(await verifyDelegation(first.address, use({ aud: edge.did }))).toEqual(first.delegation)
    expect(await verifyDelegation(third.address, use())).toEqual(third.delegation)
  })

  it('refuses the fourth', async () => {
    const fourth = await made.add(robot, other, { sub, prf: third.address, pol: third.delegation.pol })
    await expect(verifyDelegation(fourth.address, use({ aud: other.did }))).rejects.toEqual(
      refusal('delegation_too_deep'),
    )
  })

  it.each<[string, Partial<DelegationUse>]>([
    ['wrong_org', { org: edge.did }],
    ['delegation_wrong_command', { cmd: '/mip/serve' }],
    ['delegation_broken', { aud: edge.did }],
    ['delegation_early', { atMs: START_MS - DAY_MS }],
    ['delegation_expired', { atMs: START_MS + 31 * DAY_MS }],
    ['unknown_key', { roots: [other.did] }],
    ['key_revoked', { isRevoked: (address) => address === first.address }],
    ['delegation_missing', { lookup: () => null }],
    ['delegation_missing', { lookup: (address) => made.lookup(address === third.address ? second.address : address) }],
  ])('refuses with %s', async (code, change) => {
    await expect(verifyDelegation(third.address, use(change))).rejects.toEqual(refusal(code))
  })

  it.each<[string, Partial<Delegation>]>([
    ['delegation_widened', { pol: {} }],
    ['delegation_widened', { pol: { topics: ['a', 'c'], maxBytes: 100 } }],
    ['delegation_widened', { pol: { topics: ['a'], maxBytes: 101 } }],
    ['delegation_widened', { pol: { topics: ['a'] } }],
    ['delegation_widened', { exp: START_MS + 30 * DAY_MS + 1 }],
    ['delegation_widened', { nbf: START_MS - 1 }],
    ['delegation_too_long', { exp: START_MS + 90 * DAY_MS + 1 }],
    ['wrong_org', { sub: other.did }],
  ])('refuses a second delegation with %s', async (code, change) => {
    const pol = { topics: ['a'], maxBytes: 100 }
    const child = await made.add(edge, helper, { sub, prf: first.address, pol, ...change })
    await expect(verifyDelegation(child.address, use({ aud: helper.did }))).rejects.toEqual(refusal(code))
  })

  it('refuses one that somebody else passes on, and one that nobody signed', async () => {
    const pol = { topics: ['a'], maxBytes: 100 }
    const stolen = await made.add(other, helper, { sub, prf: first.address, pol })
    await expect(verifyDelegation(stolen.address, use({ aud: helper.did }))).rejects.toEqual(
      refusal('delegation_broken'),
    )
    const fields: Delegation = { ...first.delegation, nonce: 'AAAAAAAAAAAAAAAAAAAAAA' }
    const unsigned = await signDelegation(fields, other.seed, portableEd25519)
    const lookup = () => toWire(unsigned)
    await expect(verifyDelegation(unsigned.address, use({ lookup, aud: edge.did }))).rejects.toEqual(
      refusal('bad_signature'),
    )
  })
})

describe('openDelegation', () => {
  it('accepts no delegation of which one byte was changed', () => {
    const wire = toWire(second)
    for (let at = 0; at < wire.length; at++) {
      const damaged = Uint8Array.from(wire)
      damaged[at]! ^= 1 << (at % 8)
      try {
        expect(openDelegation(damaged).address).not.toBe(second.address)
      } catch (error) {
        if (!(error instanceof MipError)) throw new Error(`byte ${at}`, { cause: error })
      }
    }
  })

  it('refuses a limit that it does not know, instead of dropping it', async () => {
    const pol = { hours: 3 } as Delegation['pol']
    await expect(made.add(root, edge, { sub, pol })).rejects.toEqual(refusal('invalid_entry'))
  })
})

describe('policies', () => {
  const entry = (sum: Entry['sum'], op = 'cube.publish') => ({ log: 'main', op, sum, body: BODY }) as Entry

  it('let nothing through that they do not name', () => {
    const policy = { log: 'main', topics: ['a', 'b'], kinds: ['text'], maxBytes: 10 }
    expect(permits(policy, entry({ topics: ['a'], kinds: ['text'], size: 10 }))).toBe(true)
    expect(permits(policy, entry({ topics: [], kinds: ['text'], size: 10 }))).toBe(false)
    expect(permits(policy, entry({ kinds: ['text'], size: 10 }))).toBe(false)
    expect(permits(policy, entry({ topics: ['a', 'c'], kinds: ['text'], size: 10 }))).toBe(false)
    expect(permits(policy, entry({ topics: ['a'], kinds: ['kv'], size: 10 }))).toBe(false)
    expect(permits(policy, entry({ topics: ['a'], kinds: ['text'], size: 11 }))).toBe(false)
    expect(permits(policy, entry({ topics: ['a'], kinds: ['text'] }))).toBe(false)
    expect(permits({ log: 'notes' }, entry({}))).toBe(false)
    expect(permits({}, entry({}))).toBe(true)
    expect(permits({ topics: ['a'] }, entry({}, 'cube.revoke'))).toBe(true)
  })

  it('only get narrower', () => {
    expect(attenuates({ log: 'main' }, {})).toBe(true)
    expect(attenuates({}, { log: 'main' })).toBe(false)
    expect(attenuates({ log: 'notes' }, { log: 'main' })).toBe(false)
    expect(attenuates({ kinds: [] }, { kinds: ['text'] })).toBe(true)
    expect(attenuates({ maxBytes: 0 }, { maxBytes: 0 })).toBe(true)
  })
})
