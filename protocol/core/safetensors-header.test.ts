import { describe, expect, it } from 'vitest'
import { SAFETENSORS_HEADER_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { SAFETENSORS_INVALID, safetensorsStart } from '../../test/conformance/cases/safetensors.ts'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'
import { SafetensorsError } from './safetensors-scan.ts'

const read = (json: string | Uint8Array, dataBytes: number) => {
  const start = safetensorsStart(json)
  return readSafetensorsHeader(start, start.length + dataBytes)
}
const reasonOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    if (error instanceof SafetensorsError) return error.reason
    throw error
  }
  return 'accepted'
}
const tensor = (dtype: string, shape: number[], from: number, to: number) => ({
  dtype,
  shape,
  data_offsets: [from, to],
})
const GOOD = {
  __metadata__: { format: 'pt', note: 'a "quoted"\nline \u00e9' },
  'model.a': tensor('F16', [2, 3], 8, 20),
  'model.b': tensor('I64', [], 0, 8),
  nothing: tensor('F32', [0, 7], 8, 8),
}

describe('a safetensors header', () => {
  it('lists its tensors with their place in the file', () => {
    const start = safetensorsStart(JSON.stringify(GOOD))
    const header = readSafetensorsHeader(start, start.length + 20)
    expect(header.count).toBe(3)
    expect([...header.tensors()]).toEqual([
      { name: 'model.a', dtype: 'F16', shape: [2, 3], start: start.length + 8, end: start.length + 20 },
      { name: 'model.b', dtype: 'I64', shape: [], start: start.length, end: start.length + 8 },
      { name: 'nothing', dtype: 'F32', shape: [0, 7], start: start.length + 8, end: start.length + 8 },
    ])
  })

  it('may be padded with spaces, have no tensor, and be read from a longer start of the file', () => {
    expect(read('{}', 0).count).toBe(0)
    expect(read(`${JSON.stringify(GOOD)}     `, 20).count).toBe(3)
    const head = safetensorsStart('{"a":{"dtype":"U8","shape":[100],"data_offsets":[0,100]}}')
    const whole = new Uint8Array(head.length + 100)
    whole.set(head)
    expect(readSafetensorsHeader(whole, whole.length).dataStart).toBe(head.length)
  })

  it('of exactly 1 MiB is read, of one byte more is not', () => {
    const padded = (bytes: number) => `{}${' '.repeat(bytes - 2)}`
    expect(read(padded(SAFETENSORS_HEADER_BYTES_MAX), 0).count).toBe(0)
    expect(reasonOf(() => read(padded(SAFETENSORS_HEADER_BYTES_MAX + 1), 0))).toBe('size')
  })

  it('is refused when the file is shorter than it says', () => {
    const start = safetensorsStart(JSON.stringify(GOOD))
    for (let length = 0; length < start.length; length++)
      expect(reasonOf(() => readSafetensorsHeader(start.subarray(0, length), start.length + 20))).toBe('truncated')
    expect(reasonOf(() => readSafetensorsHeader(start, start.length - 1))).toBe('size')
    const lie = Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255)
    expect(reasonOf(() => readSafetensorsHeader(lie, Number.MAX_SAFE_INTEGER))).toBe('size')
  })

  it.each(SAFETENSORS_INVALID)('is refused with %s', (_, json, dataBytes, reason) =>
    expect(reasonOf(() => read(json, dataBytes))).toBe(reason),
  )

  it('is refused when a name is no UTF-8', () => {
    const bytes = safetensorsStart('{"a?":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}').subarray(8)
    for (const byte of [0x80, 0xc0, 0xff]) {
      bytes[3] = byte
      expect(reasonOf(() => read(bytes, 0))).toBe('utf8')
    }
  })
})

describe('with random headers', () => {
  const seed = startSeed()

  it(`says yes to those that describe a file and fails in no other way than by a reason (SEED=${seed})`, () => {
    const random = seededRandom(seed)
    let accepted = 0
    for (let i = 0; i < 20_000; i++) {
      const { json, dataBytes } = randomHeader(random)
      expect(read(json, dataBytes).count, `SEED=${seed} case ${i}`).toBeGreaterThanOrEqual(0)
      const bytes = damaged(safetensorsStart(json), random)
      const reason = reasonOf(() => {
        const header = readSafetensorsHeader(bytes, bytes.length + dataBytes)
        // What it accepts is a partition of the data, whatever was damaged.
        const parts = [...header.tensors()].toSorted((a, b) => a.start - b.start || a.end - b.end)
        let end = header.dataStart
        for (const part of parts) {
          expect(part.start, `SEED=${seed} case ${i}`).toBe(end)
          end = part.end
        }
        expect(end, `SEED=${seed} case ${i}`).toBe(bytes.length + dataBytes)
        // JSON.parse agrees that it is JSON, and finds no fewer names.
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
          bytes.subarray(8, header.dataStart),
        )
        const names = Object.keys(JSON.parse(text) as object).filter((name) => name !== '__metadata__')
        expect(names.length, `SEED=${seed} case ${i}`).toBe(header.count)
      })
      if (reason === 'accepted') accepted += 1
    }
    expect(accepted).toBeGreaterThan(0)
  })

  const entry = (i: number) => `"${i.toString(36)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`
  const many = Array.from({ length: 19_000 }, (_, i) => entry(i)).join(',')
  it.each([
    ['the most tensors', `{${many}}`],
    ['the most dimensions', `{"a":{"dtype":"U8","shape":[${'1,'.repeat(400_000)}1],"data_offsets":[0,1]}}`],
    ['the deepest nesting', `{"a":${'['.repeat(900_000)}`],
    [
      'the most metadata',
      `{"__metadata__":{${Array.from({ length: 80_000 }, (_, i) => `"${i.toString(36)}":""`).join(',')}}}`,
    ],
    ['one endless name', `{"${'x'.repeat(1_000_000)}`],
    ['only white space', `{${' '.repeat(1_000_000)}`],
    ['one endless number', `{"a":{"dtype":"U8","shape":[${'0'.repeat(1_000_000)}]`],
    ['metadata beyond ASCII', `{"__metadata__":{"k":"${'\u00e9'.repeat(500_000)}"}}`],
  ])('takes less memory than twice the header with %s', (_, json) => {
    const start = safetensorsStart(json)
    expect(start.length).toBeLessThanOrEqual(SAFETENSORS_HEADER_BYTES_MAX + 8)
    const before = process.memoryUsage()
    const header = reasonOf(() => readSafetensorsHeader(start, start.length))
    const after = process.memoryUsage()
    // Objects of single entries are garbage at once and may not have been collected: what counts beside the heap is kept buffers.
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThanOrEqual(2 * start.length)
    expect(header).toMatch(/^[a-z0-9_]+$/)
  })
})

type Random = (below: number) => number

function randomHeader(random: Random) {
  const bits = { U8: 8, BF16: 16, F32: 32, I64: 64, F4: 4 } as const
  const names = Object.keys(bits) as (keyof typeof bits)[]
  let end = 0
  const tensors = Array.from({ length: random(6) }, (_, i) => {
    const dtype = names[random(names.length)]!
    const shape = Array.from({ length: random(4) }, () => random(4) * 2)
    if (dtype === 'F4') shape.push(2)
    const bytes = (shape.reduce((product, size) => product * size, 1) * bits[dtype]) / 8
    end += bytes
    return [`t${i}`, tensor(dtype, shape, end - bytes, end)] as const
  })
  const shuffled = tensors.toSorted(() => random(3) - 1)
  const metadata = random(2) ? [['__metadata__', { k: 'a"\\\n\u00e9' }] as const] : []
  return { json: JSON.stringify(Object.fromEntries([...metadata, ...shuffled])), dataBytes: end }
}

function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice()
  for (let flips = random(3); flips > 0; flips--) copy[8 + random(Math.max(1, copy.length - 8))]! ^= 1 << random(8)
  return random(8) === 0 ? copy.subarray(0, random(copy.length)) : copy
}
