import { createHash } from 'node:crypto'
import { sha256 as portable } from '@noble/hashes/sha2.js'
import { afterEach, expect, it } from 'vitest'
import { cidOf } from './cid.ts'
import { bringSha256, sha256 } from './sha256.ts'

afterEach(() => bringSha256(portable))

it('gives the same digests and addresses with the hash of a host', () => {
  const bytes = [new Uint8Array(), Uint8Array.of(1, 2, 3), new Uint8Array(5000).fill(7)]
  const before = bytes.map((one) => [sha256(one), cidOf(one, 'raw')])
  const asked: Uint8Array[] = []
  bringSha256((one) => {
    asked.push(one)
    return new Uint8Array(createHash('sha256').update(one).digest())
  })
  expect(bytes.map((one) => [sha256(one), cidOf(one, 'raw')])).toEqual(before)
  expect(asked).toHaveLength(1 + 2 * bytes.length)
})

it('refuses a function that is not sha2-256', () => {
  expect(() => bringSha256((bytes) => bytes)).toThrow(TypeError)
  expect(sha256(Uint8Array.of(1))).toEqual(portable(Uint8Array.of(1)))
})
