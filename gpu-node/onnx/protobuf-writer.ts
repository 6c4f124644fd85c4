/** Wire types of the encoding that ONNX uses (https://protobuf.dev/programming-guides/encoding). */
const VARINT = 0
const LENGTH = 2
const FIXED32 = 5

const encoder = new TextEncoder()

/** Writes one protobuf message, field by field. Byte fields are kept by reference until `bytes`: weights are copied once. */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = []
  #length = 0

  /** An int32, int64 or enum; negative numbers take ten bytes, as the encoding has it. */
  int(field: number, value: number | bigint): this {
    return this.#tag(field, VARINT).#varint(BigInt(value))
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.#tag(field, FIXED32).#raw(bytes)
  }

  blob(field: number, bytes: Uint8Array): this {
    return this.#tag(field, LENGTH).#varint(BigInt(bytes.length)).#raw(bytes)
  }

  text(field: number, text: string): this {
    return this.blob(field, encoder.encode(text))
  }

  message(field: number, writer: ProtobufWriter): this {
    this.#tag(field, LENGTH).#varint(BigInt(writer.#length))
    for (const part of writer.#parts) this.#raw(part)
    return this
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      joined.set(part, at)
      at += part.length
    }
    return joined
  }

  #tag(field: number, wireType: number): this {
    return this.#varint(BigInt((field << 3) | wireType))
  }

  #varint(value: bigint): this {
    let rest = BigInt.asUintN(64, value)
    const bytes: number[] = []
    do {
      const low = Number(rest & 0x7fn)
      rest >>= 7n
      bytes.push(rest > 0n ? low | 0x80 : low)
    } while (rest > 0n)
    return this.#raw(Uint8Array.from(bytes))
  }

  #raw(bytes: Uint8Array): this {
    this.#parts.push(bytes)
    this.#length += bytes.length
    return this
  }
}
