import { cidOf } from '../../../protocol/core/cid.ts'
import { encodeMipCbor } from '../../../protocol/core/mip-cbor.ts'
import type { MipRemoteReason } from '../../../protocol/core/mip-remote-error.ts'
import type { MemosError } from '../../../schemas/errors.ts'
import { MIP_LOG_PAGE_CACHE_S } from '../../../schemas/limits-mip.ts'
import { MIP_CBOR_TYPE } from '../../../schemas/mip-http.ts'
import { problemResponse } from '../http/problem.ts'

/** What never changes under its address: objects and blobs. */
const IMMUTABLE = 'public, max-age=31536000, immutable'
/** Full pages of a log: only a fork that is resolved for another branch changes them, and then nobody may keep them for long. */
const LASTING = `public, max-age=${MIP_LOG_PAGE_CACHE_S}, must-revalidate`

/** Bytes that stay the same, unless the caller has them. */
export const immutableAnswer = (request: Request, bytes: Uint8Array, type: string): Response =>
  cachedAnswer(request, bytes, type, IMMUTABLE)

/** Bytes that may change some day, unless the caller has them. */
export const lastingAnswer = (request: Request, bytes: Uint8Array, type: string): Response =>
  cachedAnswer(request, bytes, type, LASTING)

function cachedAnswer(request: Request, bytes: Uint8Array, type: string, cacheControl: string): Response {
  const headers = { etag: `"${cidOf(bytes, 'raw')}"`, 'cache-control': cacheControl }
  if (isKnown(request, headers.etag)) return new Response(null, { status: 304, headers })
  return new Response(own(bytes), { headers: { ...headers, 'content-type': type } })
}

/** Bytes of now. */
export const freshAnswer = (bytes: Uint8Array, type = MIP_CBOR_TYPE, status = 200): Response =>
  new Response(own(bytes), { status, headers: { 'cache-control': 'no-cache', 'content-type': type } })

/** A part of immutable bytes (RFC 9110 section 15.3.7), or all of them. */
export function partAnswer(
  bytes: Uint8Array,
  { offset, size, etag, type, isWhole }: { offset: number; size: number; etag: string; type: string; isWhole: boolean },
): Response {
  const headers = new Headers({ etag, 'cache-control': IMMUTABLE, 'content-type': type, 'accept-ranges': 'bytes' })
  if (!isWhole) headers.set('content-range', `bytes ${offset}-${offset + bytes.length - 1}/${size}`)
  return new Response(own(bytes), { status: isWhole ? 200 : 206, headers })
}

export const notModified = (etag: string): Response =>
  new Response(null, { status: 304, headers: { etag, 'cache-control': IMMUTABLE } })

/** Whether the caller says that it has this version (RFC 9110 section 13.1.2). */
export function isKnown(request: Request, etag: string): boolean {
  const known = request.headers.get('if-none-match')
  return known !== null && (known.trim() === '*' || known.split(',').some((one) => one.trim() === etag))
}

const REASONS: Partial<Record<MemosError['code'], MipRemoteReason>> = {
  invalid_request: 'bad_request',
  method_not_allowed: 'bad_request',
  unsupported_media_type: 'bad_request',
  not_found: 'not_served',
  payload_too_large: 'too_large',
  rate_limited: 'rate_limited',
  overloaded: 'busy',
  deadline_exceeded: 'deadline',
}

/** A refusal as the streams tell it where the caller reads MIP-CBOR, else as problem details. */
export function refusalAnswer(request: Request, error: MemosError, requestId: string): Response {
  if (!request.headers.get('accept')?.includes(MIP_CBOR_TYPE)) return problemResponse(error, requestId)
  const { retryAfterS } = error.facts
  const body = encodeMipCbor({
    error: REASONS[error.code] ?? 'internal',
    ...(retryAfterS !== undefined && { retryMs: Math.max(1, Math.ceil(retryAfterS * 1000)) }),
  })
  const { headers } = problemResponse(error, requestId)
  headers.set('content-type', MIP_CBOR_TYPE)
  headers.set('cache-control', 'no-store')
  return new Response(own(body), { status: error.status, headers })
}

const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes)
