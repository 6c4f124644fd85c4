import { expect, it } from 'vitest'
import type { NodeErrorCode } from '../../../schemas/node-error.ts'
import { seededRandom, startSeed } from '../../../test/conformance/seeded-random.ts'
import type { KvBlock } from '../model/decoder-model.ts'
import {
  decodeKvBlock,
  encodeKvBlock,
  type KvDtype,
  type KvExpectations,
  kvFileBytesMax,
  tokenBytes,
} from './kv-codec.ts'
import { bytesOf, readTensorFile, type TensorFile, writeTensorFile } from './tensor-file.ts'

const seed = startSeed()
const SHAPE = { layers: 3, kvHeads: 2, headDim: 8 }
const FINGERPRINT = 'ab'.repeat(32)
const TOKENS = 11

function randomBlock(): KvBlock {
  const random = seededRandom(seed)
  // Channels of keys differ in size by a thousand, as those of real models do.
  const array = () =>
    Float32Array.from({ length: 2 * TOKENS * 8 }, (_, at) => (random(2001) / 1000 - 1) * 10 ** ((at % 8) / 2 - 2))
  return {
    tokenIds: Array.from({ length: TOKENS }, () => random(2 ** 32)),
    positionStart: 2,
    layers: Array.from({ length: 3 }, () => ({ key: array(), value: array() })),
  }
}
const block = randomBlock()

const expectations = (dtype: KvDtype, changed: Partial<KvExpectations> = {}): KvExpectations => ({
  ...SHAPE,
  fingerprint: FINGERPRINT,
  dtype,
  tokenIds: block.tokenIds,
  positionStart: 2,
  bytesMax: kvFileBytesMax(SHAPE, TOKENS),
  ...changed,
})
const encode = (dtype: KvDtype) => encodeKvBlock(block, SHAPE, { dtype, fingerprint: FINGERPRINT })
const refused = (act: () => unknown, code: NodeErrorCode = 'invalid_tensor') =>
  expect(act).toThrow(expect.objectContaining({ name: 'NodeError', code }))

/** The largest difference of each group, relative to the largest number that shares its scale. */
function relativeError(a: Float32Array, b: Float32Array, groupOf: (at: number) => number): number {
  const [most, off] = [new Map<number, number>(), new Map<number, number>()]
  for (const [at, value] of a.entries()) {
    const group = groupOf(at)
    most.set(group, Math.max(most.get(group) ?? 0, Math.abs(value)))
    off.set(group, Math.max(off.get(group) ?? 0, Math.abs(value - b[at]!)))
  }
  return Math.max(...[...off].map(([group, value]) => value / most.get(group)!))
}

it(`half precision comes back to eleven bits (seed ${seed})`, () => {
  const read = decodeKvBlock(encode('fp16'), expectations('fp16'))
  expect(read.tokenIds).toEqual(block.tokenIds)
  expect(read.positionStart).toBe(2)
  for (const [at, { key, value }] of read.layers.entries()) {
    expect(key).toEqual(Float32Array.from(Float16Array.from(block.layers[at]!.key)))
    expect(value).toEqual(Float32Array.from(Float16Array.from(block.layers[at]!.value)))
  }
  const twice = encodeKvBlock(read, SHAPE, { dtype: 'fp16', fingerprint: FINGERPRINT })
  expect(twice).toEqual(encode('fp16'))
})

it(`integers are within half a step of their channel (keys) or token (values) (seed ${seed})`, () => {
  const read = decodeKvBlock(encode('int8'), expectations('int8'))
  for (const [at, { key, value }] of read.layers.entries()) {
    const channel = (i: number) => Math.floor(i / (TOKENS * 8)) * 8 + (i % 8)
    expect(relativeError(block.layers[at]!.key, key, channel)).toBeLessThan(0.501 / 127)
    expect(relativeError(block.layers[at]!.value, value, (i) => Math.floor(i / 8))).toBeLessThan(0.501 / 127)
  }
  expect(encode('int8').length).toBeLessThan(encode('fp16').length)
})

it('a group of zeros stays zero', () => {
  const zeros = { ...block, layers: block.layers.map(({ key }) => ({ key, value: new Float32Array(key.length) })) }
  const file = encodeKvBlock(zeros, SHAPE, { dtype: 'int8', fingerprint: FINGERPRINT })
  expect(decodeKvBlock(file, expectations('int8')).layers[0]!.value.every((value) => value === 0)).toBe(true)
})

it.each(['fp16', 'int8'] as const)('a file of %s about something else is refused by code', (dtype) => {
  const file = encode(dtype)
  refused(() => decodeKvBlock(file, expectations(dtype, { fingerprint: 'cd'.repeat(32) })), 'wrong_fingerprint')
  refused(() => decodeKvBlock(file, expectations(dtype, { positionStart: 0 })))
  refused(() => decodeKvBlock(file, expectations(dtype, { tokenIds: block.tokenIds.toReversed() })))
  refused(() => decodeKvBlock(file, expectations(dtype, { tokenIds: block.tokenIds.slice(1) })))
  refused(() => decodeKvBlock(file, expectations(dtype === 'fp16' ? 'int8' : 'fp16')))
  refused(() => decodeKvBlock(file, expectations(dtype, { layers: 2 })))
  refused(() => decodeKvBlock(file, expectations(dtype, { kvHeads: 4, headDim: 4 })))
  refused(() => decodeKvBlock(file, expectations(dtype, { bytesMax: file.length - 1 })))
})

it.each(['fp16', 'int8'] as const)('a file of %s that is cut anywhere is refused', (dtype) => {
  const file = encode(dtype)
  for (let length = 0; length < file.length; length += 37)
    refused(() => decodeKvBlock(file.slice(0, length), expectations(dtype)))
  refused(() => decodeKvBlock(Uint8Array.of(...file, 0), expectations(dtype, { bytesMax: file.length + 1 })))
})

it('numbers that are not finite are refused, written or read', () => {
  const poisoned = (value: number): KvBlock => {
    const copy = structuredClone(block)
    copy.layers[1]!.key[5] = value
    return copy
  }
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    refused(() => encodeKvBlock(poisoned(value), SHAPE, { dtype: 'int8', fingerprint: FINGERPRINT }))
  refused(() => encodeKvBlock(poisoned(70_000), SHAPE, { dtype: 'fp16', fingerprint: FINGERPRINT }))
  const forged = (dtype: KvDtype, name: string, bytes: Uint8Array) =>
    withTensor(encode(dtype), name, (old) => {
      const changed = old.slice()
      changed.set(bytes, 8)
      return changed
    })
  const half = (value: number) => bytesOf(Float16Array.of(value))
  const name = 'past_key_values.2.value'
  refused(() => decodeKvBlock(forged('fp16', name, half(Number.NaN)), expectations('fp16')))
  refused(() => decodeKvBlock(forged('fp16', name, half(Number.POSITIVE_INFINITY)), expectations('fp16')))
  const scale = (value: number) => forged('int8', `${name}.scale`, bytesOf(Float32Array.of(value)))
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, 3e38])
    refused(() => decodeKvBlock(scale(value), expectations('int8')))
  refused(() => decodeKvBlock(forged('int8', name, Uint8Array.of(0x80)), expectations('int8')))
})

it('tensors that are missing, foreign or of another shape are refused', () => {
  const change = (
    edit: (tensors: Map<string, TensorFile['tensors'] extends ReadonlyMap<string, infer T> ? T : never>) => void,
  ) => {
    const file = readTensorFile(encode('fp16'), 1e6)
    const tensors = new Map(file.tensors)
    edit(tensors)
    return () =>
      decodeKvBlock(writeTensorFile({ metadata: file.metadata, tensors }), expectations('fp16', { bytesMax: 1e6 }))
  }
  const name = 'past_key_values.0.key'
  refused(change((tensors) => tensors.delete(name)))
  refused(change((tensors) => tensors.set('more', { dtype: 'U8', shape: [1], bytes: new Uint8Array(1) })))
  refused(change((tensors) => tensors.set(name, { ...tensors.get(name)!, shape: [1, 2, 8, TOKENS] })))
  refused(change((tensors) => tensors.set(name, { ...tensors.get(name)!, dtype: 'BF16' })))
  refused(change((tensors) => tensors.set('token_ids', { dtype: 'U32', shape: [1], bytes: tokenBytes([1]) })))
  expect(change(() => {})()).toEqual(decodeKvBlock(encode('fp16'), expectations('fp16')))
})

it('tensors that overlap are refused', () => {
  const file = encode('fp16')
  const text = new TextDecoder('latin1').decode(file)
  const at = text.indexOf('past_key_values.0.value')
  const offsets = /"data_offsets":\[(\d+),(\d+)\]/.exec(text.slice(at))!
  const [from, to] = [Number(offsets[1]), Number(offsets[2])]
  const place = at + offsets.index
  const moved = `"data_offsets":[${from - 2},${to - 2}]`.padEnd(offsets[0].length)
  file.set(new TextEncoder().encode(moved), place)
  refused(() => decodeKvBlock(file, expectations('fp16')))
})

function withTensor(file: Uint8Array, name: string, edit: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  const { metadata, tensors } = readTensorFile(file, 1e6)
  const tensor = tensors.get(name)!
  return writeTensorFile({ metadata, tensors: new Map(tensors).set(name, { ...tensor, bytes: edit(tensor.bytes) }) })
}
