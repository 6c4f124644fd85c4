import { beforeAll, describe, expect, it } from 'vitest'
import type { Entry } from '../../schemas/mip-entry.ts'
import { cidOf } from './cid.ts'
import { portableEd25519, publicKeyOfSeed } from './ed25519-rule.ts'
import { argumentsOf, encodeEntry, type OpenedEntry, openEntry, openEntryParts, signEntry } from './entry.ts'
import { openHead, signHead } from './head.ts'
import { didOfKey } from './keys.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'
import { MipError } from './mip-error.ts'
import { SIGNATURE_DOMAINS, signBytes, toWire, verifySigned } from './signed.ts'

const SEED = new Uint8Array(32).fill(9)
const KEY = publicKeyOfSeed(SEED)
const DID = didOfKey(KEY)
const BODY = cidOf(Uint8Array.of(1), 'object')

const ENTRY: Entry = {
  v: 1,
  org: DID,
  log: 'main',
  epoch: 0,
  seq: 1,
  prev: cidOf(Uint8Array.of(2), 'object'),
  ts: 1760000000000,
  op: 'cube.publish',
  key: DID,
  dlg: null,
  body: BODY,
  sum: { topics: ['travel'], title: 'Night trains', size: 38, kinds: ['text'] },
}
let signed: OpenedEntry
let wire: Uint8Array
beforeAll(async () => {
  signed = await signEntry(ENTRY, SEED, portableEd25519)
  wire = toWire(signed)
})

const refusal = (code: string) => expect.objectContaining({ name: 'MipError', code })
/** The wire of a changed object, with any signature. */
const changed = (change: { [key: string]: MipValue | undefined }) => {
  const object = { ...(decodeMipCbor(signed.bytes) as { [key: string]: MipValue }), ...change }
  const kept = Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as MipValue
  return toWire({ bytes: encodeMipCbor(kept), signature: signed.signature })
}

describe('openEntry', () => {
  it('gives what was signed', async () => {
    const opened = openEntry(wire)
    expect(opened).toEqual(signed)
    expect(opened.entry).toEqual(ENTRY)
    expect(argumentsOf(opened.entry, 'cube.publish')?.topics).toEqual(['travel'])
    expect(argumentsOf(opened.entry, 'cube.revoke')).toBeNull()
    expect(await verifySigned('entry', opened, KEY, portableEd25519)).toBe(true)
  })

  it('reads the wire as the MIP-CBOR pair that it is', () => {
    expect(encodeMipCbor([signed.bytes, signed.signature])).toEqual(wire)
  })

  it('accepts no entry of which one byte, or one bit, was changed', async () => {
    for (let at = 0; at < wire.length; at++) {
      const damaged = Uint8Array.from(wire)
      damaged[at]! ^= at % 2 === 0 ? 0xff : 1 << (at % 8)
      try {
        const opened = openEntry(damaged)
        expect(await verifySigned('entry', opened, KEY, portableEd25519), `byte ${at}`).toBe(false)
      } catch (error) {
        if (!(error instanceof MipError)) throw new Error(`byte ${at}`, { cause: error })
      }
    }
  })

  it('refuses every shorter and every longer wire', () => {
    for (let length = 0; length < wire.length; length++)
      expect(() => openEntry(wire.subarray(0, length)), `${length}`).toThrow(refusal('not_canonical'))
    expect(() => openEntry(Uint8Array.of(...wire, 0))).toThrow(refusal('not_canonical'))
    expect(() => openEntryParts(signed.bytes, signed.signature.subarray(1))).toThrow(refusal('not_canonical'))
  })

  it('refuses what is deep or large before it looks further', () => {
    const deep = (depth: number) => {
      const bytes = Uint8Array.from({ length: depth + 1 }, (_, i) => (i === depth ? 1 : 0x81))
      return toWire({ bytes, signature: signed.signature })
    }
    expect(() => openEntry(deep(4000))).toThrow(refusal('not_canonical'))
    expect(() => openEntry(deep(5000))).toThrow(refusal('too_large'))
    expect(() => openEntry(new Uint8Array(10_000_000))).toThrow(refusal('too_large'))
    const sum = { title: 'x', more: 'y'.repeat(1020) }
    expect(() => openEntry(changed({ sum }))).toThrow(refusal('too_large'))
  })

  it.each<[string, { [key: string]: MipValue | undefined }]>([
    ['another version', { v: 2 }],
    ['a missing field', { ts: undefined }],
    ['a link written as text', { body: BODY }],
    ['bytes as organisation', { org: KEY }],
    ['a key of another kind', { key: DID.replace('z6Mk', 'z6LS') }],
    ['an upper-case log', { log: 'Main' }],
    ['a negative seq', { seq: -1 }],
    ['a first entry that has one before it', { seq: 0 }],
    ['a later entry that has none before it', { prev: null }],
    ['a publication of nothing', { body: null }],
    ['a sum that is a list', { sum: [] }],
    ['a sum that is bytes', { sum: KEY }],
    ['a wrong argument', { sum: { size: -1 } }],
    ['an empty list of critical names', { crit: [] }],
  ])('refuses %s', (_, change) => {
    expect(() => openEntry(changed(change))).toThrow(refusal('invalid_entry'))
  })

  it('keeps what it does not know in the bytes, out of the view', () => {
    const wider = changed({ mood: 'calm', sum: { size: 1, colour: 'blue' } })
    const opened = openEntry(wider)
    expect(opened.entry).toEqual({ ...ENTRY, sum: { size: 1 } })
    expect(toWire(opened)).toEqual(wider)
  })

  it('opens an operation that it does not know', () => {
    const { entry } = openEntry(changed({ op: 'cube.praise', sum: { stars: 5, cubes: [KEY] } }))
    expect(entry).toMatchObject({ op: 'cube.praise', sum: {} })
  })
})

describe('encodeEntry', () => {
  it('refuses what openEntry would refuse', () => {
    expect(() => encodeEntry({ ...ENTRY, prev: null })).toThrow(refusal('invalid_entry'))
    expect(() => encodeEntry({ ...ENTRY, op: 'log.resolve', sum: { survivor: 'x' } })).toThrow(refusal('invalid_entry'))
    expect(() => encodeEntry({ ...ENTRY, sum: { title: 'e\u0301' } })).toThrow(refusal('invalid_entry'))
  })
})

describe('domains', () => {
  it('sign the object of MIP 4.2, made with the seed 0x09, as the design says', async () => {
    const fields = { v: 1, org: DID, log: 'main', epoch: 0, seq: 0, prev: null, ts: 1760000000000 }
    const bytes = encodeMipCbor({ ...fields, op: 'org.genesis', key: DID, body: null })
    expect(bytes).toHaveLength(188)
    const { cid, signature } = await signBytes('entry', bytes, SEED, portableEd25519)
    expect(cid).toBe('bafyreiaeukltycxfgqskhjwa2udwb3iaqf37bzl56aljyfecyzpcoahlvq')
    expect(Buffer.from(signature).toString('hex')).toMatch(/^6df2f7c6.*1ee340a$/)
  })

  it('never verify for each other', async () => {
    for (const domain of SIGNATURE_DOMAINS) {
      const one = await signBytes(domain, signed.bytes, SEED, portableEd25519)
      for (const other of SIGNATURE_DOMAINS)
        expect(await verifySigned(other, one, KEY, portableEd25519)).toBe(other === domain)
    }
  })
})

describe('head', () => {
  it('goes over the wire, and no byte of it can be changed', async () => {
    const head = { v: 1, org: DID, log: 'main', epoch: 0, seq: 7, cid: BODY, ts: 1, key: DID, dlg: null } as const
    const sent = await signHead(head, SEED, portableEd25519)
    const wire = toWire(sent)
    expect(openHead(wire)).toEqual(sent)
    expect(await verifySigned('head', sent, KEY, portableEd25519)).toBe(true)
    for (let at = 0; at < wire.length; at++) {
      const damaged = Uint8Array.from(wire)
      damaged[at]! ^= 1 << (at % 8)
      try {
        expect(await verifySigned('head', openHead(damaged), KEY, portableEd25519), `byte ${at}`).toBe(false)
      } catch (error) {
        if (!(error instanceof MipError)) throw new Error(`byte ${at}`, { cause: error })
      }
    }
  })
})
