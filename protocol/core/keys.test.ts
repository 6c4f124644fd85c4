import { describe, expect, it } from 'vitest'
import { publicKeyOfSeed } from './ed25519-rule.ts'
import { didOfKey, keyOfDid, peerIdOfKey } from './keys.ts'

const KEY = publicKeyOfSeed(new Uint8Array(32).fill(9))
const DID = 'did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3'

describe('did:key', () => {
  it('of the seed 0x09 is the one of MIP 4.2', () => {
    expect(didOfKey(KEY)).toBe(DID)
    expect(keyOfDid(DID)).toEqual(KEY)
  })

  it('goes there and back for keys of any first and last byte', () => {
    for (let i = 0; i < 256; i++) {
      const key = new Uint8Array(32).fill(255 - i)
      key[0] = i
      expect(keyOfDid(didOfKey(key))).toEqual(key)
    }
  })

  it('refuses every other text with one code', () => {
    const letters = ['0', 'O', 'l', '1', 'z']
    const changed = letters.map((letter) => `${DID.slice(0, -1)}${letter}`)
    // The last letters of these decode to 34 bytes and more, or to another multicodec.
    const wrong = [
      '',
      DID.slice(0, -1),
      `${DID}1`,
      DID.replace('did:key:z', 'did:key:f'),
      `did:key:z6Mk${'1'.repeat(44)}`,
      `did:key:z6Mk${'z'.repeat(44)}`,
    ]
    for (const text of wrong)
      expect(() => keyOfDid(text), text).toThrow(expect.objectContaining({ code: 'invalid_key' }))
    for (const text of changed)
      expect(
        code(() => keyOfDid(text)),
        text,
      ).toMatch(/invalid_key|^$/)
  })
})

describe('peerIdOfKey', () => {
  it('of the seed 0x09 is the one of MIP 4.2', () => {
    expect(peerIdOfKey(KEY)).toBe('12D3KooWSrKnMZUcSxK8G7wmBbXdU8nFEfWGhLu6H8xjn8LmCSJb')
  })

  it('takes 32 bytes', () => {
    expect(() => peerIdOfKey(KEY.subarray(1))).toThrow(RangeError)
  })
})

function code(work: () => unknown): string {
  try {
    work()
    return ''
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}
