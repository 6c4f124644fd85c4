import { MemosError } from '../../../schemas/errors.ts'
import { REQUEST_BODY_BYTES_MAX } from '../../../schemas/limits.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/**
 * The JSON value of a request body; undefined for an empty one. The limit is applied while reading, so an endless body costs no memory.
 * @throws MemosError payload_too_large, unsupported_media_type, invalid_encoding, invalid_json, invalid_request
 */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type')
  if (type !== null && !/^application\/([\w.+-]+\+)?json\b/i.test(type)) {
    throw new MemosError('unsupported_media_type', { field: 'Content-Type', expected: 'application/json' })
  }
  const bytes = await readBytes(request, REQUEST_BODY_BYTES_MAX)
  if (bytes.length === 0) return undefined
  const text = decode(bytes)
  try {
    return JSON.parse(text, MAYBE_PROTO.test(text) ? refuseProto : undefined)
  } catch (cause) {
    if (cause instanceof MemosError) throw cause
    throw new MemosError('invalid_json', { field: 'body' }, { cause })
  }
}

/** Texts that may spell the key `__proto__`, escapes included. */
const MAYBE_PROTO = /__proto__|\\u005f/i

/** Object schemas pass over this one key without a word, so it is refused here like any other unknown field. */
function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new MemosError('invalid_request', { field: key, expected: 'a known field' })
  return value
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new MemosError('invalid_encoding', { field: 'body', expected: 'UTF-8' }, { cause })
  }
}

/** @throws MemosError payload_too_large */
export async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? Number.NaN)
  if (declared > bytesMax) throw tooLarge(bytesMax)
  // A declared length bounds what the host hands over, so the short way is safe.
  if (Number.isFinite(declared)) return new Uint8Array(await request.arrayBuffer())
  if (request.body === null) return new Uint8Array()
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += part.length
    if (size > 2 * bytesMax) break
    // Reads on for a while without keeping anything: a client that is cut off while it sends never learns why.
    if (size <= bytesMax) parts.push(part)
    else parts.length = 0
  }
  if (size > bytesMax) throw tooLarge(bytesMax)
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const tooLarge = (bytesMax: number) =>
  new MemosError('payload_too_large', { field: 'body', expected: `at most ${bytesMax} bytes` })
