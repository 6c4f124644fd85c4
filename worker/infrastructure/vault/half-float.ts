/** Type byte that libSQL puts behind a FLOAT16 vector. */
const LIBSQL_FLOAT16 = 5

const words = new Uint32Array(1)
const floats = new Float32Array(words.buffer)

/** IEEE 754 binary16 bits of a finite number in [-1, 1], rounded to nearest. */
function toHalf(value: number): number {
  floats[0] = value
  const bits = words[0] as number
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 112
  const mantissa = bits & 0x7fffff
  if (exponent <= 0) {
    if (exponent < -10) return sign
    const shifted = (mantissa | 0x800000) >>> (1 - exponent)
    return sign | ((shifted + 0x1000) >>> 13)
  }
  return sign | ((((exponent << 23) | mantissa) + 0x1000) >>> 13)
}

function fromHalf(half: number): number {
  const exponent = (half >>> 10) & 0x1f
  const mantissa = half & 0x3ff
  const size = exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25)
  return half & 0x8000 ? -size : size
}

// 65,536 entries decode a vector at the speed of a table look-up.
let decoded: Float32Array | null = null
const halves = (): Float32Array => (decoded ??= Float32Array.from({ length: 65_536 }, (_, half) => fromHalf(half)))

/** A unit vector as stored: half floats, little endian, and libSQL's type byte. */
export function encodeVector(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(vector.length * 2 + 1)
  for (let at = 0; at < vector.length; at++) {
    const half = toHalf(vector[at] as number)
    bytes[at * 2] = half & 0xff
    bytes[at * 2 + 1] = half >>> 8
  }
  bytes[vector.length * 2] = LIBSQL_FLOAT16
  return bytes
}

/** @throws RangeError when the bytes are not a stored vector. */
export function decodeVector(bytes: Uint8Array): Float32Array {
  if (bytes.length % 2 === 0 || bytes[bytes.length - 1] !== LIBSQL_FLOAT16)
    throw new RangeError('"bytes" expected a FLOAT16 vector')
  const table = halves()
  return Float32Array.from(
    { length: (bytes.length - 1) / 2 },
    (_, at) => table[(bytes[at * 2] as number) | ((bytes[at * 2 + 1] as number) << 8)] as number,
  )
}

/** The same vector at length one. @throws RangeError when it has no direction. */
export function unit(vector: ArrayLike<number>): Float32Array {
  let sum = 0
  for (let at = 0; at < vector.length; at++) sum += (vector[at] as number) ** 2
  if (!Number.isFinite(sum) || sum === 0) throw new RangeError('"vector" expected finite numbers, not all zero')
  const scale = 1 / Math.sqrt(sum)
  return Float32Array.from({ length: vector.length }, (_, at) => (vector[at] as number) * scale)
}

/** Cosine of two unit vectors. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}
