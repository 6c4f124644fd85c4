export interface FileTensor {
  dtype: 'F16' | 'F32'
  shape: readonly number[]
  data: Float32Array
}

/** A safetensors file (https://github.com/huggingface/safetensors) of fp32 numbers, rounded to half precision where `dtype` says so. */
export function safetensorsFile(tensors: Readonly<Record<string, FileTensor>>): Uint8Array {
  const header: Record<string, unknown> = {}
  const parts: Uint8Array[] = []
  let at = 0
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const numbers = dtype === 'F16' ? new Float16Array(data) : data
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] }
    parts.push(bytes)
    at += bytes.length
  }
  const text = JSON.stringify(header)
  const head = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8))
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(head.length), true)
  return new Uint8Array(Buffer.concat([length, head, ...parts]))
}
