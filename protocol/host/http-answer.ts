import { MipRemoteError, type MipRemoteReason } from '../core/mip-remote-error.ts'

export interface HttpAnswer {
  /** 200, 206 or 416. */
  status: number
  headers: Headers
  bytes: Uint8Array
}

const REASONS: Record<number, MipRemoteReason> = {
  400: 'bad_request',
  413: 'too_large',
  429: 'rate_limited',
  503: 'busy',
}
const RETRY_AFTER_S_MAX = 3600

/**
 * The body, read no further than its bound: a length that is announced may be a lie, and a compressed body may be larger than it looks.
 * null for 404 and 410.
 * @throws MipRemoteError
 */
export async function readHttpAnswer(response: Response, bytesMax: number): Promise<HttpAnswer | null> {
  const { status, headers } = response
  // Browsers answer a redirect that is not followed with status 0.
  if (response.redirected || status === 0 || (status >= 300 && status < 400)) {
    await letGo(response)
    throw new MipRemoteError('refused_url', 'the mirror redirects')
  }
  if (status === 200 || status === 206) return { status, headers, bytes: await readBody(response, bytesMax) }
  await letGo(response)
  if (status === 404 || status === 410) return null
  if (status === 416) return { status, headers, bytes: new Uint8Array() }
  throw new MipRemoteError(REASONS[status] ?? 'internal', `the mirror answered ${status}`, retryAfter(headers))
}

async function readBody(response: Response, bytesMax: number): Promise<Uint8Array> {
  const announced = Number(response.headers.get('content-length') ?? 0)
  if (announced > bytesMax) {
    await letGo(response)
    throw tooLarge(bytesMax)
  }
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body ?? []) {
    length += piece.length
    if (length > bytesMax) throw tooLarge(bytesMax) // leaving the loop cancels the body
    pieces.push(piece)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

const tooLarge = (bytesMax: number) => new MipRemoteError('too_large', `an answer of more than ${bytesMax} bytes`)

function retryAfter(headers: Headers): { retryAfterMs?: number } {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return seconds >= 0 ? { retryAfterMs: Math.min(seconds, RETRY_AFTER_S_MAX) * 1000 } : {}
}

const letGo = (response: Response) => response.body?.cancel().catch(() => {})
