import { SAFETENSORS_DIMENSIONS_MAX, SAFETENSORS_HEADER_BYTES_MAX } from '../../schemas/limits-mip.ts'
import { JsonScanner, SafetensorsError, type SafetensorsReason, type Span } from './safetensors-scan.ts'

/** Bytes in front of the header: its length, 64-bit little-endian. */
const LENGTH_BYTES = 8
const NAME_BYTES_MAX = 512

/** Bits of one value (safetensors format, `Dtype`). */
const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const
export type SafetensorsDtype = keyof typeof DTYPE_BITS
const DTYPES = Object.keys(DTYPE_BITS) as SafetensorsDtype[]

export interface SafetensorsTensor {
  name: string
  dtype: SafetensorsDtype
  shape: number[]
  /** Bytes from the start of the file. */
  start: number
  end: number
}

export interface SafetensorsHeader {
  /** Where the data starts, bytes from the start of the file. */
  dataStart: number
  count: number
  /** The tensors in the order of the header, read again from its bytes one at a time. */
  tensors(): Generator<SafetensorsTensor>
}

/** Bytes of a file's start that hold its header. `start` has 8 bytes at least. @throws SafetensorsError `truncated` or `size` */
export function safetensorsHeadBytes(start: Uint8Array, fileBytes: number): number {
  if (start.length < LENGTH_BYTES || fileBytes < LENGTH_BYTES) throw new SafetensorsError('truncated', start.length)
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true)
  if (length > SAFETENSORS_HEADER_BYTES_MAX || Number(length) + LENGTH_BYTES > fileBytes)
    throw new SafetensorsError('size', 0)
  return LENGTH_BYTES + Number(length)
}

/**
 * Checks the header of a safetensors file (https://github.com/huggingface/safetensors, "Format"): every byte of the data belongs to one
 * tensor exactly, and type, shape and offsets agree. Memory beside the input stays below twice the header, whatever it says.
 * `start` is the start of the file, with the whole header in it.
 * @throws SafetensorsError with the reason.
 */
export function readSafetensorsHeader(start: Uint8Array, fileBytes: number): SafetensorsHeader {
  const dataStart = safetensorsHeadBytes(start, fileBytes)
  if (start.length < dataStart) throw new SafetensorsError('truncated', start.length)
  const bytes = start.subarray(0, dataStart)
  const index = new TensorIndex(bytes)
  walk(bytes, (entry) => index.add(entry))
  index.checkNames()
  index.checkOffsets(fileBytes - dataStart)
  return { dataStart, count: index.count, tensors: () => index.tensors(dataStart) }
}

interface Entry {
  name: Span
  dtype: SafetensorsDtype
  shape: number[]
  from: number
  to: number
}

function walk(bytes: Uint8Array, take: (entry: Entry) => void): void {
  const scanner = new JsonScanner(bytes, LENGTH_BYTES)
  // The format has the header begin with `{`: no white space in front.
  if (bytes[LENGTH_BYTES] !== 0x7b) scanner.fail()
  scanner.expect('{')
  let hasMetadata = false
  scanner.list('}', () => {
    const name = nameOf(scanner)
    scanner.expect(':')
    if (!isMetadata(bytes, name)) return take(readEntry(scanner, name))
    if (hasMetadata) scanner.fail('duplicate')
    hasMetadata = true
    readMetadata(scanner)
  })
  scanner.skipSpace()
  if (scanner.at !== bytes.length) scanner.fail()
}

const METADATA = new TextEncoder().encode('__metadata__')
const isMetadata = (bytes: Uint8Array, { start, end }: Span) => compare(bytes.subarray(start, end), METADATA) === 0

function nameOf(scanner: JsonScanner): Span {
  const name = scanner.string(false)
  if (name.end === name.start || name.end - name.start > NAME_BYTES_MAX) scanner.fail('name')
  return name
}

function readMetadata(scanner: JsonScanner): void {
  const names = new NameTable(scanner.bytes)
  scanner.expect('{')
  scanner.list('}', () => {
    names.add(scanner.string(false))
    scanner.expect(':')
    scanner.string(true)
  })
  names.check()
}

function readEntry(scanner: JsonScanner, name: Span): Entry {
  let dtype: SafetensorsDtype | undefined
  let shape: number[] | undefined
  let offsets: number[] | undefined
  scanner.expect('{')
  scanner.list('}', () => {
    const span = scanner.string(false)
    const field = span.end - span.start < 16 ? scanner.text(span) : ''
    scanner.expect(':')
    if ({ dtype, shape, data_offsets: offsets }[field] !== undefined) scanner.fail('duplicate')
    if (field === 'dtype') dtype = readDtype(scanner)
    else if (field === 'shape') shape = readNumbers(scanner, SAFETENSORS_DIMENSIONS_MAX, 'shape')
    else if (field === 'data_offsets') offsets = readNumbers(scanner, 2, 'offsets')
    else scanner.fail()
  })
  if (!dtype || !shape || !offsets) return scanner.fail()
  const [from, to] = offsets
  if (from === undefined || to === undefined || from > to) return scanner.fail('offsets')
  if (bytesOf(dtype, shape, scanner) !== to - from) scanner.fail('mismatch')
  return { name, dtype, shape, from, to }
}

function readDtype(scanner: JsonScanner): SafetensorsDtype {
  const span = scanner.string(false)
  const text = span.end - span.start < 16 ? scanner.text(span) : ''
  return DTYPES.find((dtype) => dtype === text) ?? scanner.fail('dtype')
}

function readNumbers(scanner: JsonScanner, max: number, reason: SafetensorsReason): number[] {
  const numbers: number[] = []
  scanner.expect('[')
  scanner.list(']', () => {
    if (numbers.length === max) scanner.fail(reason)
    numbers.push(scanner.number())
  })
  return numbers
}

function bytesOf(dtype: SafetensorsDtype, shape: readonly number[], scanner: JsonScanner): number {
  let bits: number = DTYPE_BITS[dtype]
  for (const dimension of shape) {
    bits *= dimension
    if (bits > Number.MAX_SAFE_INTEGER) scanner.fail('shape')
  }
  return bits % 8 === 0 ? bits / 8 : scanner.fail('shape')
}

/** Where names stand, eight bytes for each. */
class NameTable {
  readonly bytes: Uint8Array
  /** Start and end of each name. */
  spans = new Uint32Array(16)
  count = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  add({ start, end }: Span): void {
    if (this.spans.length < (this.count + 1) * 2) this.spans = grown(this.spans, Uint32Array)
    this.spans[this.count * 2] = start
    this.spans[this.count * 2 + 1] = end
    this.count += 1
  }

  /** @throws SafetensorsError `duplicate` */
  check(): void {
    const order = Uint32Array.from({ length: this.count }, (_, i) => i).sort((a, b) => this.#compare(a, b))
    for (let i = 1; i < order.length; i++)
      if (this.#compare(order[i - 1]!, order[i]!) === 0)
        throw new SafetensorsError('duplicate', this.spans[order[i]! * 2]!)
  }

  #compare(a: number, b: number): number {
    return compareSpans(this.bytes, this.#span(a), this.#span(b))
  }

  #span(i: number): Span {
    return { start: this.spans[i * 2]!, end: this.spans[i * 2 + 1]! }
  }
}

/** What is kept of each tensor while the header is checked: 24 bytes, for 45 of the header at least. */
class TensorIndex {
  readonly #names: NameTable
  /** First and last byte of the data of each tensor. */
  #ranges = new Float64Array(16)

  constructor(bytes: Uint8Array) {
    this.#names = new NameTable(bytes)
  }

  get count(): number {
    return this.#names.count
  }

  add({ name, from, to }: Entry): void {
    if (this.#ranges.length < (this.count + 1) * 2) this.#ranges = grown(this.#ranges, Float64Array)
    this.#ranges[this.count * 2] = from
    this.#ranges[this.count * 2 + 1] = to
    this.#names.add(name)
  }

  checkNames(): void {
    this.#names.check()
  }

  checkOffsets(dataBytes: number): void {
    const ranges = this.#ranges
    const from = (i: number) => ranges[i * 2]!
    const to = (i: number) => ranges[i * 2 + 1]!
    const order = Uint32Array.from({ length: this.count }, (_, i) => i)
    order.sort((a, b) => from(a) - from(b) || to(a) - to(b))
    let end = 0
    for (const i of order) {
      const at = this.#names.spans[i * 2]!
      if (to(i) > dataBytes) throw new SafetensorsError('offsets', at)
      if (from(i) !== end) throw new SafetensorsError(from(i) > end ? 'hole' : 'overlap', at)
      end = to(i)
    }
    if (end !== dataBytes) throw new SafetensorsError('hole', this.#names.bytes.length)
  }

  *tensors(dataStart: number): Generator<SafetensorsTensor> {
    const scanner = new JsonScanner(this.#names.bytes, 0)
    for (let i = 0; i < this.count; i++) {
      const name = { start: this.#names.spans[i * 2]!, end: this.#names.spans[i * 2 + 1]! }
      scanner.at = name.end + 1
      scanner.expect(':')
      const { dtype, shape, from, to } = readEntry(scanner, name)
      yield { name: scanner.text(name), dtype, shape, start: dataStart + from, end: dataStart + to }
    }
  }
}

function grown<T extends Uint32Array | Float64Array>(old: T, Kind: new (length: number) => T): T {
  const next = new Kind(old.length * 2)
  next.set(old)
  return next
}

const compareSpans = (bytes: Uint8Array, a: Span, b: Span) =>
  compare(bytes.subarray(a.start, a.end), bytes.subarray(b.start, b.end))

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
