import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { bytesOfCid, cidOf } from '../../../protocol/core/cid.ts'
import { portableEd25519 } from '../../../protocol/core/ed25519-rule.ts'
import { signHead } from '../../../protocol/core/head.ts'
import { toJsonView } from '../../../protocol/core/json-view.ts'
import { encodeMipCbor, type MipValue } from '../../../protocol/core/mip-cbor.ts'
import type { MipRemoteReason } from '../../../protocol/core/mip-remote-error.ts'
import { type ReconItem, ReconSet } from '../../../protocol/core/negentropy.ts'
import {
  helloValue,
  logPageValue,
  logRangeValue,
  proofAnswerValue,
  receiptOfferValue,
  reconAnswerValue,
  reconRequestValue,
} from '../../../protocol/core/wire-codec.ts'
import type { MipHello, ReceiptOffer, SignedBytes } from '../../../protocol/core/wire-types.ts'
import { frameOf } from '../../../protocol/host/frame-buffer.ts'
import {
  blobPartValue,
  blobRequestValue,
  errorFrame,
  MIP_PROTOCOLS,
  type MipProtocol,
  objectsValue,
  okFrame,
  proofRequestValue,
  wantValue,
  writeFrame,
} from '../../../protocol/host/protocols.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MIP_BLOB_FRAME_BYTES_MAX, MIP_LOG_PAGE_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'
import { Delegations, LogWriter, person, START_MS } from '../../support/mip-log.ts'

const ROOT = person(9)
const MAIN = { org: ROOT.did, log: 'main' }
const CBOR = 'application/vnd.ipld.dag-cbor'
const OCTETS = 'application/octet-stream'

/** What the server of the recorded calls has. */
export interface WireWorld {
  hello: MipHello
  theirs: MipHello
  /** By which the caller says to speak for an organisation. */
  delegation: SignedBytes
  entries: SignedBytes[]
  head: SignedBytes
  object: Uint8Array
  blob: Uint8Array
  proof: Uint8Array
  offer: ReceiptOffer
  items: ReconItem[]
}

export async function wireWorld(): Promise<WireWorld> {
  const writer = new LogWriter(ROOT.did)
  await writer.add(ROOT, { op: 'org.genesis', sum: { next: person(10).hash } })
  for (let i = 0; i < 2; i++) await writer.add(ROOT, { op: 'cube.publish', sum: { topics: ['travel'] } })
  const { seq, epoch } = writer.entries[2]!.entry
  const place = { org: ROOT.did, log: 'main', epoch, seq, cid: writer.entries[2]!.cid, ts: START_MS }
  const opened = await signHead({ v: 1, ...place, key: ROOT.did, dlg: null }, ROOT.seed, portableEd25519)
  const serves = await new Delegations().add(ROOT, person(8), { sub: ROOT.did, cmd: '/mip/serve' })
  const head: SignedBytes = [opened.bytes, opened.signature]
  return {
    hello: { versions: [1], features: ['proof', 'tail'], heads: [head], fingerprints: [new Uint8Array(32).fill(5)] },
    delegation: [serves.bytes, serves.signature],
    theirs: { versions: [1], features: [], heads: [] },
    entries: writer.entries.map(({ bytes, signature }) => [bytes, signature]),
    head,
    object: encodeMipCbor({ v: 1, note: 'caf\u00e9' }),
    blob: Uint8Array.from({ length: MIP_BLOB_FRAME_BYTES_MAX + 1000 }, (_, i) => (7 * i + Math.floor(i / 256)) % 256),
    proof: encodeMipCbor({ v: 1 }),
    items: writer.entries.map(({ entry, cid }) => ({ ts: entry.ts, id: bytesOfCid(cid).slice(-32) })),
    offer: {
      receipt: [encodeMipCbor({ v: 1 }), new Uint8Array(64).fill(6)],
      delegations: [[serves.bytes, serves.signature]],
    },
  }
}

interface Call {
  title: string
  protocol: MipProtocol
  request: MipValue
  /** Values of the frames of the answer; or the reason of a refusal. */
  answer: MipValue[] | MipRemoteReason
  http?: { method?: 'POST'; path: string; headers?: Record<string, string>; body?: Uint8Array; status?: number } & Twin
}
/** Body of the answer over HTTP, when it is not the value of the one frame. */
interface Twin {
  type?: string
  answer?: Uint8Array
  answerHeaders?: Record<string, string>
}

const range = (seq: number, limit: number, log = MAIN) => logRangeValue({ ...log, from: { epoch: 0, seq }, limit })
const path = (org: string) => `/mip/v1/log/${encodeURIComponent(org)}`

function calls(world: WireWorld): Call[] {
  const { entries, head, object, blob } = world
  const objectCid = cidOf(object, 'object')
  const page = (from: number, to: number, beacon: SignedBytes | null = head) =>
    logPageValue({ entries: entries.slice(from, to), head: beacon })
  const other = { org: person(66).did, log: 'main' }
  return [
    {
      title: 'hello',
      protocol: 'hello',
      request: helloValue(world.theirs),
      answer: [helloValue(world.hello)],
      http: { path: '/mip/v1/hello' },
    },
    {
      title: 'hello of a node that speaks for an organisation',
      protocol: 'hello',
      request: helloValue({ ...world.theirs, delegation: world.delegation }),
      answer: [helloValue(world.hello)],
    },
    {
      title: 'a log from its start',
      protocol: 'log',
      request: range(0, 64),
      answer: [page(0, 3)],
      http: { path: `${path(MAIN.org)}/main?epoch=0&from=0&limit=64` },
    },
    {
      title: 'one entry of a log; over HTTP a full page has no head, since it never changes',
      protocol: 'log',
      request: range(1, 1),
      answer: [page(1, 2)],
      http: { path: `${path(MAIN.org)}/main?epoch=0&from=1&limit=1`, answer: encodeMipCbor(page(1, 2, null)) },
    },
    {
      title: 'nothing behind the end of a log',
      protocol: 'log',
      request: range(3, 64),
      answer: [page(3, 3)],
      http: { path: `${path(MAIN.org)}/main?epoch=0&from=3&limit=64` },
    },
    {
      title: 'a head',
      protocol: 'log',
      request: { ...MAIN },
      answer: [{ head: [...head] }],
      http: { path: `${path(MAIN.org)}/main/head`, answer: encodeMipCbor([...head]) },
    },
    {
      title: 'a log that is not served',
      protocol: 'log',
      request: range(0, 1, other),
      answer: 'not_served',
      http: { path: `${path(other.org)}/main?epoch=0&from=0&limit=1`, status: 404 },
    },
    ...objectCalls(objectCid, object),
    ...blobCalls(blob),
    {
      title: 'a proof',
      protocol: 'proof',
      request: proofRequestValue(world.proof),
      answer: [proofAnswerValue('accepted')],
      http: { method: 'POST', path: '/mip/v1/proof', headers: { 'content-type': CBOR }, body: world.proof },
    },
    ...reconCalls(world),
    {
      title: 'a receipt',
      protocol: 'receipt',
      request: receiptOfferValue(world.offer),
      answer: [proofAnswerValue('accepted')],
      http: {
        method: 'POST',
        path: '/mip/v1/receipt',
        headers: { 'content-type': CBOR },
        body: encodeMipCbor(receiptOfferValue(world.offer)),
      },
    },
    {
      title: 'a receipt without its signature',
      protocol: 'receipt',
      request: { receipt: [], delegations: [] },
      answer: 'bad_request',
    },
    { title: 'a request without its fields', protocol: 'blob', request: {}, answer: 'bad_request' },
    { title: 'a request that is no map', protocol: 'obj', request: [1], answer: 'bad_request' },
    {
      title: 'more entries than a page holds',
      protocol: 'log',
      request: range(0, MIP_LOG_PAGE_ENTRIES_MAX + 1),
      answer: 'bad_request',
    },
  ]
}

function reconCalls({ items }: WireWorld): Call[] {
  const set = new ReconSet(items)
  const message = new ReconSet(items.slice(1)).initiate()
  const path = '/mip/v1/recon'
  const post = (request: MipValue) =>
    ({ method: 'POST', path, headers: { 'content-type': CBOR }, body: encodeMipCbor(request) }) as const
  const request = reconRequestValue({ logs: [MAIN], message })
  const unheard = reconRequestValue({ logs: [MAIN, { org: person(66).did, log: 'main' }], message })
  return [
    {
      title: 'a reconciliation of a log of which the caller lacks the first entry',
      protocol: 'recon',
      request,
      answer: [reconAnswerValue(set.answer(message))],
      http: post(request),
    },
    {
      title: 'a reconciliation with a log that is not served',
      protocol: 'recon',
      request: unheard,
      answer: 'not_served',
      http: { ...post(unheard), status: 404 },
    },
    { title: 'a reconciliation of nothing', protocol: 'recon', request: { logs: [], message }, answer: 'bad_request' },
  ]
}

function objectCalls(cid: Cid, object: Uint8Array): Call[] {
  const missing = cidOf(utf8ToBytes('not here'), 'object')
  return [
    {
      title: 'objects, one of them missing',
      protocol: 'obj',
      request: wantValue([cid, missing]),
      answer: [objectsValue({ blocks: [object, null], more: false })],
    },
    {
      title: 'one object',
      protocol: 'obj',
      request: wantValue([cid]),
      answer: [objectsValue({ blocks: [object], more: false })],
      http: { path: `/mip/v1/obj/${cid}`, answer: object },
    },
    {
      title: 'a missing object',
      protocol: 'obj',
      request: wantValue([missing]),
      answer: [objectsValue({ blocks: [null], more: false })],
      http: { path: `/mip/v1/obj/${missing}`, status: 404 },
    },
  ]
}

function blobCalls(blob: Uint8Array): Call[] {
  const cid = cidOf(blob, 'raw')
  const size = blob.length
  const part = (from: number, to: number) => blobPartValue({ size, bytes: blob.subarray(from, to) })
  const ranged = (from: number, to: number) => ({
    path: `/mip/v1/blob/${cid}`,
    headers: { range: `bytes=${from}-${to - 1}` },
    type: OCTETS,
  })
  return [
    {
      title: 'a blob in two frames',
      protocol: 'blob',
      request: blobRequestValue(cid, { offset: 0, length: 1 << 22 }),
      answer: [part(0, MIP_BLOB_FRAME_BYTES_MAX), part(MIP_BLOB_FRAME_BYTES_MAX, size)],
    },
    {
      title: 'a part of a blob',
      protocol: 'blob',
      request: blobRequestValue(cid, { offset: 5, length: 20 }),
      answer: [part(5, 25)],
      http: {
        ...ranged(5, 25),
        status: 206,
        answer: blob.subarray(5, 25),
        answerHeaders: { 'content-range': `bytes 5-24/${size}` },
      },
    },
    {
      title: 'behind the end of a blob',
      protocol: 'blob',
      request: blobRequestValue(cid, { offset: size + 1, length: 20 }),
      answer: [part(size, size)],
      http: {
        ...ranged(size + 1, size + 21),
        status: 416,
        answer: new Uint8Array(),
        answerHeaders: { 'content-range': `bytes */${size}` },
      },
    },
  ]
}

const framed = (payload: Uint8Array) => bytesToHex(frameOf(payload))

export async function wireVectors() {
  const recorded = calls(await wireWorld()).map(({ title, protocol, request, answer, http }) => {
    const payloads = typeof answer === 'string' ? [errorFrame(answer)] : answer.map(okFrame)
    // The two frames of a blob would be half a megabyte of digits; their hashes say the same.
    const isLong = payloads.some((payload) => payload.length > 4096)
    return {
      title,
      valid: typeof answer !== 'string',
      ...(typeof answer === 'string' && { reason: answer }),
      protocol: MIP_PROTOCOLS[protocol],
      request: framed(writeFrame(request)),
      requestJson: toJsonView(request),
      ...(isLong
        ? { answerFrames: payloads.map((payload) => cidOf(frameOf(payload), 'raw')) }
        : { answer: payloads.map(framed) }),
      ...(!isLong && typeof answer !== 'string' && { answerJson: answer.map(toJsonView) }),
      ...(http && { http: twinOf(http, answer) }),
    }
  })
  return [...recorded, ...BAD_FRAMES.map((vector) => ({ ...vector, valid: false }))]
}

function twinOf(http: NonNullable<Call['http']>, answer: Call['answer']) {
  const { method = 'GET', path, headers, body, status = 200, type = CBOR, answerHeaders } = http
  const refused = typeof answer === 'string' || status === 404
  const bytes = http.answer ?? (refused ? undefined : encodeMipCbor(answer[0]!))
  const content = status === 416 ? {} : { type, body: bytesToHex(bytes ?? new Uint8Array()) }
  const answered = refused ? { status } : { status, ...answerHeaders, ...content }
  const asked = { method, path, ...headers, ...(body && { body: bytesToHex(body) }) }
  return { request: asked, answer: answered }
}

/** Bytes on a stream that are no frame of MIP, or no answer. */
const BAD_FRAMES: { title: string; frame: string; reason: string }[] = [
  { title: 'a frame of no bytes', frame: '00', reason: 'bad_answer' },
  { title: 'a length in more bytes than it needs', frame: '8100a0', reason: 'bad_answer' },
  { title: 'a length of five bytes', frame: 'ffffffff01', reason: 'too_large' },
  { title: 'a frame of 4 MiB and one byte', frame: '81808002', reason: 'too_large' },
  { title: 'a frame that is cut short', frame: '02a1', reason: 'cut_short' },
  { title: 'an answer that is no MIP-CBOR', frame: '021801', reason: 'bad_answer' },
  { title: 'an answer that is no map', frame: '0180', reason: 'bad_answer' },
  { title: 'a reason in upper case', frame: framed(writeFrame({ error: 'Busy' })), reason: 'bad_answer' },
  { title: 'a reason of a later version', frame: framed(writeFrame({ error: 'too_hot' })), reason: 'internal' },
  { title: 'a refusal with a time', frame: framed(writeFrame({ error: 'busy', retryMs: 50 })), reason: 'busy' },
]
