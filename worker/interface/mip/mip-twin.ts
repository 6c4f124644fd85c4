import type { Context } from 'hono'
import { decodeMipCbor, encodeMipCbor } from '../../../protocol/core/mip-cbor.ts'
import { MipCborError } from '../../../protocol/core/mip-cbor-error.ts'
import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import {
  encodeHello,
  encodeLogPage,
  encodeProofAnswer,
  encodeSigned,
  readReceiptOffer,
  readReconRequest,
  reconAnswerValue,
} from '../../../protocol/core/wire-codec.ts'
import { WireShapeError } from '../../../protocol/core/wire-reader.ts'
import type { LogName } from '../../../protocol/core/wire-types.ts'
import type { MipServeOptions } from '../../../protocol/host/mip-source.ts'
import { Cid } from '../../../schemas/cid.ts'
import { Did } from '../../../schemas/did.ts'
import { MemosError } from '../../../schemas/errors.ts'
import {
  MIP_BLOB_RANGE_BYTES_MAX,
  MIP_CALL_MS_MAX,
  MIP_HTTP_CALLS_PER_MINUTE_MAX,
  MIP_LOG_PAGE_ENTRIES_MAX,
  MIP_OBJECT_BYTES_MAX,
  MIP_PROOFS_PER_MINUTE_MAX,
} from '../../../schemas/limits-mip.ts'
import { LogName as LogNameShape } from '../../../schemas/mip-entry.ts'
import { MIP_BLOB_TYPE, MIP_CBOR_TYPE, MIP_HTTP_BASE } from '../../../schemas/mip-http.ts'
import type { Edge } from '../edge.ts'
import type { EdgeApp, EdgeVariables } from '../http/bind-route.ts'
import { readBytes } from '../http/read-body.ts'
import { parseRange } from './byte-range.ts'
import { callerAddress } from './caller-address.ts'
import {
  freshAnswer,
  immutableAnswer,
  isKnown,
  lastingAnswer,
  notModified,
  partAnswer,
  refusalAnswer,
} from './mip-answers.ts'
import { followTail } from './mip-tail.ts'
import { tailFrame } from './tail-frames.ts'

type Call = Context<{ Variables: EdgeVariables }>
type Serve = (c: Call, options: MipServeOptions) => Promise<Response>

const notServed = () => new MemosError('not_found')

/**
 * The stream protocols of MIP over HTTP (MIP 4.5): two deployments without sockets federate through these alone. Open to anybody, since what is
 * served has been published; what is hidden and what is not there give the same answer. Nothing is written here but proofs and receipts.
 */
export function addMipTwin(app: EdgeApp, edge: Edge): void {
  const source = edge.mipSource
  const bind = (method: 'GET' | 'POST', path: string, name: string, serve: Serve) => {
    app.on(method, `${MIP_HTTP_BASE}${path}`, (c) => answered(edge, c, name, serve))
    // Hono answers HEAD by GET.
    app.all(`${MIP_HTTP_BASE}${path}`, async (c) => {
      const refuse: Serve = () => Promise.reject(new MemosError('method_not_allowed', { expected: method }))
      const response = await answered(edge, c, name, refuse)
      response.headers.set('allow', method)
      return response
    })
  }

  bind('GET', '/hello', 'mipHello', async (_, options) => freshAnswer(encodeHello(await source.hello(null, options))))

  bind('GET', '/log/:org/:log/head', 'mipHead', async (c, options) => {
    const head = await source.head(logOf(c), options)
    if (head === null) throw notServed()
    return freshAnswer(encodeSigned(head))
  })

  bind('GET', '/log/:org/:log', 'mipLog', async (c, options) => {
    const limit = wholeNumber(c, 'limit', MIP_LOG_PAGE_ENTRIES_MAX, { min: 1, max: MIP_LOG_PAGE_ENTRIES_MAX })
    const page = await source.readLog({ ...logOf(c), from: placeOf(c), limit }, options)
    if (page === null) throw notServed()
    // Nothing is ever put between entries, so a page that is full stays as it is until a fork is resolved for another branch. What comes
    // after it says where the log ends.
    if (page.entries.length === limit)
      return lastingAnswer(c.req.raw, encodeLogPage({ entries: page.entries, head: null }), MIP_CBOR_TYPE)
    return freshAnswer(encodeLogPage(page))
  })

  bind('GET', '/tail/:org/:log', 'mipTail', async (c, options) => {
    if (c.req.header('upgrade')?.toLowerCase() === 'websocket' && edge.tails !== null) {
      const first = await tailFrame(edge, logOf(c), options)
      if (first === null) throw notServed()
      return edge.tails.open(c.req.raw, logOf(c), first)
    }
    const page = await followTail(edge, { ...logOf(c), from: placeOf(c), limit: MIP_LOG_PAGE_ENTRIES_MAX }, options)
    if (page === null) throw notServed()
    return freshAnswer(encodeLogPage(page))
  })

  bind('GET', '/obj/:cid', 'mipObject', async (c, options) => {
    const [bytes] = await source.objects([cidOfPath(c)], options)
    if (bytes === null || bytes === undefined) throw notServed()
    return immutableAnswer(c.req.raw, bytes, MIP_CBOR_TYPE)
  })

  bind('GET', '/blob/:cid', 'mipBlob', (c, options) => serveBlob(edge, c, options))

  bind('POST', '/proof', 'mipProof', async (c, options) => {
    await takeToken(edge, `mip-proof:${options.caller.address}`, MIP_PROOFS_PER_MINUTE_MAX)
    const answer = await source.offerProof(await readBytes(c.req.raw, MIP_OBJECT_BYTES_MAX), options)
    return freshAnswer(encodeProofAnswer(answer))
  })

  bind('POST', '/recon', 'mipRecon', async (c, options) => {
    const bytes = await readBytes(c.req.raw, MIP_OBJECT_BYTES_MAX)
    const request = reading(() => readReconRequest(decodeMipCbor(bytes)))
    const message = await source.recon(request, options).catch((error: unknown) => {
      throw error instanceof MipRemoteError ? refusedAs(error) : error
    })
    if (message === null) throw notServed()
    return freshAnswer(encodeMipCbor(reconAnswerValue(message)))
  })

  bind('POST', '/receipt', 'mipReceipt', async (c, options) => {
    await takeToken(edge, `mip-proof:${options.caller.address}`, MIP_PROOFS_PER_MINUTE_MAX)
    const bytes = await readBytes(c.req.raw, MIP_OBJECT_BYTES_MAX)
    const offer = reading(() => readReceiptOffer(decodeMipCbor(bytes)))
    return freshAnswer(encodeProofAnswer(await source.offerReceipt(offer, options)))
  })
}

/** What the source refuses by a reason of the protocol. */
function refusedAs({ reason }: MipRemoteError): MemosError {
  if (reason === 'too_large') return new MemosError('payload_too_large')
  return new MemosError(reason === 'bad_request' ? 'invalid_request' : 'internal')
}

/** A body that is not what was agreed is the caller's fault. */
function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof MipCborError || cause instanceof WireShapeError)) throw cause
    throw new MemosError('invalid_request', { field: 'body', expected: 'a request of the protocol' }, { cause })
  }
}

async function answered(edge: Edge, c: Call, name: string, serve: Serve): Promise<Response> {
  const request = c.req.raw
  c.set('operation', name)
  try {
    const address = callerAddress(c.env, request)
    await takeToken(edge, `mip:${address}`, MIP_HTTP_CALLS_PER_MINUTE_MAX)
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(MIP_CALL_MS_MAX)])
    return await serve(c, { caller: { transport: 'http', address }, signal })
  } catch (error) {
    const known = error instanceof MemosError ? error : null
    if (known === null || known.status >= 500)
      edge.logger.error('mip_call_failed', { operation: name, name: error instanceof Error ? error.name : 'unknown' })
    return refusalAnswer(request, known ?? new MemosError('internal'), c.get('requestId'))
  }
}

async function takeToken({ rateLimiter, runtime }: Edge, name: string, perMinute: number): Promise<void> {
  const { allowed, retryAfterS } = await rateLimiter.take(name, perMinute, runtime.nowMs())
  if (!allowed) throw new MemosError('rate_limited', { retryAfterS })
}

/** The least that can be asked for, to learn the size. */
const LOOK = { offset: 0, length: 1 }

async function serveBlob({ mipSource }: Edge, c: Call, options: MipServeOptions): Promise<Response> {
  const cid = cidOfPath(c)
  const etag = `"${cid}"`
  const asked = parseRange(c.req.header('range') ?? null)
  const whole = { offset: 0, length: MIP_BLOB_RANGE_BYTES_MAX }
  const isUnchanged = isKnown(c.req.raw, etag)
  // Where a part is asked for from the end, its place is known once the size is; a caller that has the bytes needs none of them.
  const isLook = isUnchanged || (asked !== null && asked.offset < 0)
  const first = await mipSource.blob(cid, isLook ? LOOK : asked === null ? whole : rangeOf(asked, null), options)
  if (first === null) throw notServed()
  if (isUnchanged) return notModified(etag)
  const { size } = first
  const range = asked === null ? whole : rangeOf(asked, size)
  if (asked !== null && range.offset >= size)
    return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } })
  const part = asked === null || asked.offset >= 0 ? first : await mipSource.blob(cid, range, options)
  if (part === null) throw notServed()
  // A blob that does not fit one answer comes in parts, also to whoever did not ask for one.
  const isWhole = asked === null && part.bytes.length === size
  return partAnswer(part.bytes, { offset: range.offset, size, etag, type: MIP_BLOB_TYPE, isWhole })
}

function rangeOf({ offset, length }: { offset: number; length: number | null }, size: number | null) {
  const from = offset >= 0 ? offset : size === null ? 0 : Math.max(0, size + offset)
  return { offset: from, length: Math.min(length ?? MIP_BLOB_RANGE_BYTES_MAX, MIP_BLOB_RANGE_BYTES_MAX) }
}

/** A name that is none is not served either. */
function logOf(c: Call): LogName {
  const org = Did.safeParse(c.req.param('org'))
  const log = LogNameShape.safeParse(c.req.param('log'))
  if (!org.success || !log.success) throw notServed()
  return { org: org.data, log: log.data }
}

function cidOfPath(c: Call): Cid {
  const cid = Cid.safeParse(c.req.param('cid'))
  if (!cid.success) throw notServed()
  return cid.data
}

const placeOf = (c: Call) => {
  const bounds = { min: 0, max: Number.MAX_SAFE_INTEGER }
  return { epoch: wholeNumber(c, 'epoch', 0, bounds), seq: wholeNumber(c, 'from', 0, bounds) }
}

function wholeNumber(c: Call, name: string, absent: number, { min, max }: { min: number; max: number }): number {
  const text = c.req.query(name)
  if (text === undefined) return absent
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new MemosError('invalid_request', { field: name, expected: `a whole number between ${min} and ${max}` })
}
