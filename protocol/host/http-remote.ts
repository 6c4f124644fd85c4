import type { Cid } from '../../schemas/cid.ts'
import {
  MIP_BLOB_RANGE_BYTES_MAX,
  MIP_CALL_MS_MAX,
  MIP_FRAME_BYTES_MAX,
  MIP_OBJECT_BYTES_MAX,
  MIP_OTHER_CALLS_IN_FLIGHT_MAX,
} from '../../schemas/limits-mip.ts'
import { decodeMipCbor, encodeMipCbor } from '../core/mip-cbor.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import {
  decodeHello,
  decodeLogPage,
  decodeProofAnswer,
  decodeSigned,
  readReconAnswer,
  receiptOfferValue,
  reconRequestValue,
} from '../core/wire-codec.ts'
import type {
  BlobPart,
  BlobRange,
  LogName,
  LogPage,
  LogRange,
  MipHello,
  ProofAnswer,
  ReceiptOffer,
  ReconRequest,
  SignedBytes,
} from '../core/wire-types.ts'
import { beforeAbort } from './before-abort.ts'
import { checkedBlobPart, checkedObject, checkedPage } from './checked-answers.ts'
import { type HttpAnswer, readHttpAnswer } from './http-answer.ts'
import type { MipCallOptions, MipRemote } from './mip-remote.ts'
import { checkMirrorUrl, checkResolved, type MirrorUrlOptions } from './mirror-url.ts'
import { readingAnswer } from './protocols.ts'
import { Semaphore } from './semaphore.ts'

/** As much of fetch as is asked of it; Workers know fewer options than browsers. */
export type Fetch = (url: URL, init: FetchInit) => Promise<Response>

export interface FetchInit {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: Uint8Array<ArrayBuffer>
  redirect: 'manual'
  signal: AbortSignal
}

export interface HttpRemoteInit extends MirrorUrlOptions {
  /** Address of the deployment; the paths of the HTTP twin are below it. */
  url: string
  fetch: Fetch
  /** Addresses of a name, where the runtime can look them up: none of them may be private. Asked before every call. */
  lookup?: (hostname: string) => Promise<readonly string[]>
}

interface Request {
  path: string
  bytesMax: number
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: Uint8Array
}

const MIP_CBOR = 'application/vnd.ipld.dag-cbor'
const HELLO_BYTES_MAX = 256 * 1024

/** A mirror or deployment over HTTPS (MIP 4.5, right column). Redirects are not followed: they could lead anywhere. */
export class HttpRemote implements MipRemote {
  readonly name: string
  readonly #base: URL
  readonly #init: HttpRemoteInit
  readonly #turns = new Semaphore(MIP_OTHER_CALLS_IN_FLIGHT_MAX)

  /** @throws MipRemoteError `refused_url` */
  constructor(init: HttpRemoteInit) {
    this.#base = checkMirrorUrl(init.url, init)
    this.#init = init
    this.name = this.#base.href
  }

  async hello({ signal }: MipCallOptions): Promise<MipHello> {
    const { bytes } = await this.#found({ path: 'hello', bytesMax: HELLO_BYTES_MAX }, signal)
    return readingAnswer(() => decodeHello(bytes))
  }

  async log(range: LogRange, { signal, isFresh = false }: MipCallOptions): Promise<LogPage | null> {
    const { epoch, seq } = range.from
    const path = `${logPath(range)}?epoch=${epoch}&from=${seq}&limit=${range.limit}`
    const headers: Record<string, string> = isFresh ? { 'cache-control': 'no-cache' } : {}
    const answer = await this.#ask({ path, headers, bytesMax: MIP_FRAME_BYTES_MAX }, signal)
    return (
      answer &&
      checkedPage(
        range,
        readingAnswer(() => decodeLogPage(answer.bytes)),
      )
    )
  }

  async head(log: LogName, { signal }: MipCallOptions): Promise<SignedBytes | null> {
    const answer = await this.#ask({ path: `${logPath(log)}/head`, bytesMax: MIP_OBJECT_BYTES_MAX }, signal)
    return answer && readingAnswer(() => decodeSigned(answer.bytes))
  }

  async objects(cids: readonly Cid[], { signal }: MipCallOptions): Promise<Map<Cid, Uint8Array>> {
    const found = new Map<Cid, Uint8Array>()
    await Promise.all(
      [...new Set(cids)].map(async (cid) => {
        const answer = await this.#ask({ path: `obj/${cid}`, bytesMax: MIP_OBJECT_BYTES_MAX }, signal)
        if (answer) found.set(cid, checkedObject(cid, answer.bytes))
      }),
    )
    return found
  }

  async blobChunk(cid: Cid, range: BlobRange, { signal }: MipCallOptions): Promise<BlobPart | null> {
    const headers = { range: `bytes=${range.offset}-${range.offset + range.length - 1}` }
    const answer = await this.#ask({ path: `blob/${cid}`, headers, bytesMax: MIP_BLOB_RANGE_BYTES_MAX }, signal)
    return answer && checkedBlobPart(cid, range, partOf(answer, range))
  }

  async offerProof(proof: Uint8Array, { signal }: MipCallOptions): Promise<ProofAnswer> {
    const headers = { 'content-type': MIP_CBOR }
    const request: Request = { path: 'proof', method: 'POST', headers, body: proof, bytesMax: MIP_OBJECT_BYTES_MAX }
    const { bytes } = await this.#found(request, signal)
    return readingAnswer(() => decodeProofAnswer(bytes))
  }

  async recon(request: ReconRequest, { signal }: MipCallOptions): Promise<Uint8Array | null> {
    const body = encodeMipCbor(reconRequestValue(request))
    const headers = { 'content-type': MIP_CBOR }
    const asked: Request = { path: 'recon', method: 'POST', headers, body, bytesMax: MIP_OBJECT_BYTES_MAX }
    const answer = await this.#ask(asked, signal)
    return answer && readingAnswer(() => readReconAnswer(decodeMipCbor(answer.bytes)))
  }

  async offerReceipt(offer: ReceiptOffer, { signal }: MipCallOptions): Promise<ProofAnswer> {
    const body = encodeMipCbor(receiptOfferValue(offer))
    const headers = { 'content-type': MIP_CBOR }
    const { bytes } = await this.#found(
      { path: 'receipt', method: 'POST', headers, body, bytesMax: MIP_OBJECT_BYTES_MAX },
      signal,
    )
    return readingAnswer(() => decodeProofAnswer(bytes))
  }

  async close(): Promise<void> {}

  async #found(request: Request, signal: AbortSignal): Promise<HttpAnswer> {
    const answer = await this.#ask(request, signal)
    if (answer) return answer
    throw new MipRemoteError('not_served', 'the mirror does not speak MIP')
  }

  /** The answer; null for 404 and 410. */
  async #ask(request: Request, signal: AbortSignal): Promise<HttpAnswer | null> {
    const timeout = AbortSignal.timeout(MIP_CALL_MS_MAX)
    const either = AbortSignal.any([signal, timeout])
    try {
      return await this.#turns.run(() => beforeAbort(this.#fetch(request, either), either), either)
    } catch (cause) {
      if (signal.aborted) throw signal.reason
      if (timeout.aborted) throw new MipRemoteError('deadline', 'no answer in time', { cause })
      if (cause instanceof MipRemoteError) throw cause
      throw new MipRemoteError('unreachable', 'the mirror did not answer', { cause })
    }
  }

  async #fetch({ path, bytesMax, method = 'GET', headers, body }: Request, signal: AbortSignal) {
    const { fetch, lookup, allowPrivate } = this.#init
    const host = this.#base.hostname
    const isAddress = host.startsWith('[') || /^[\d.]+$/.test(host)
    if (lookup && !allowPrivate && !isAddress) checkResolved(await lookup(host))
    const url = new URL(this.#base)
    const [pathname = '', search = ''] = path.split('?')
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/mip/v1/${pathname}`
    url.search = search
    const response = await fetch(url, {
      method,
      headers: { accept: `${MIP_CBOR}, application/octet-stream`, ...headers },
      ...(body && { body: new Uint8Array(body) }),
      redirect: 'manual',
      signal,
    })
    return readHttpAnswer(response, bytesMax)
  }
}

const logPath = ({ org, log }: LogName) => `log/${encodeURIComponent(org)}/${encodeURIComponent(log)}`

/** A range that the mirror answered, a whole blob that it sent instead, or that the range lies behind the end. */
function partOf({ status, bytes, headers }: HttpAnswer, { offset, length }: BlobRange): BlobPart {
  if (status === 200) return { size: bytes.length, bytes: bytes.subarray(offset, offset + length) }
  const [, start, size] = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  if (size === undefined) throw new MipRemoteError('bad_answer', 'a part without the size of the whole')
  if (status === 416) return { size: Number(size), bytes: new Uint8Array() }
  if (Number(start) !== offset) throw new MipRemoteError('bad_answer', 'another part than was asked for')
  return { size: Number(size), bytes }
}
