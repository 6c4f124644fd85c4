import {
  MIP_DELEGATION_DEPTH_MAX,
  MIP_FRAME_BYTES_MAX,
  MIP_HELLO_FEATURES_MAX,
  MIP_HELLO_FINGERPRINTS_MAX,
  MIP_HELLO_HEADS_MAX,
  MIP_LOG_PAGE_ENTRIES_MAX,
  MIP_OBJECT_BYTES_MAX,
  MIP_RECON_LOGS_MAX,
  MIP_RECON_MESSAGE_BYTES_MAX,
} from '../../schemas/limits-mip.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from './mip-cbor.ts'
import { expectWireBytes, WireReader, WireShapeError } from './wire-reader.ts'
import type {
  LogName,
  LogPage,
  LogRange,
  MipHello,
  ProofAnswer,
  ReceiptOffer,
  ReconRequest,
  SignedBytes,
} from './wire-types.ts'
import { PROOF_ANSWERS } from './wire-types.ts'

export const ORG_DID = /^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$/
export const LOG_NAME = /^[a-z][a-z0-9-]{0,62}$/

const SIGNATURE_BYTES = 64
const FINGERPRINT_BYTES = 32
const FEATURE_NAME = /^[a-z][a-z0-9./-]{0,63}$/
const VERSIONS_MAX = 8

/** Body of a page of a log over HTTP, and payload of the log stream. @throws MipCborError when it takes more than a frame. */
export function encodeLogPage(page: LogPage): Uint8Array {
  return encodeMipCbor(logPageValue(page), MIP_FRAME_BYTES_MAX)
}

/** @throws MipCborError or WireShapeError for anything else than a page. */
export function decodeLogPage(bytes: Uint8Array): LogPage {
  return readLogPage(decodeMipCbor(bytes, MIP_FRAME_BYTES_MAX))
}

/** Body of a hello over HTTP, and payload of the hello stream. */
export function encodeHello(hello: MipHello): Uint8Array {
  return encodeMipCbor(helloValue(hello), MIP_FRAME_BYTES_MAX)
}

/** @throws MipCborError or WireShapeError for anything else than a hello. */
export function decodeHello(bytes: Uint8Array): MipHello {
  return readHello(decodeMipCbor(bytes, MIP_FRAME_BYTES_MAX))
}

/** Body of something signed over HTTP: a head beacon. */
export function encodeSigned(signed: SignedBytes): Uint8Array {
  return encodeMipCbor([...signed])
}

/** @throws MipCborError or WireShapeError for anything else than bytes and a signature. */
export function decodeSigned(bytes: Uint8Array): SignedBytes {
  return readSigned(decodeMipCbor(bytes), 'signed')
}

/** Answer to an offered proof over HTTP. */
export function encodeProofAnswer(answer: ProofAnswer): Uint8Array {
  return encodeMipCbor(proofAnswerValue(answer))
}

/** @throws MipCborError or WireShapeError for anything else than such an answer. */
export function decodeProofAnswer(bytes: Uint8Array): ProofAnswer {
  return readProofAnswer(decodeMipCbor(bytes))
}

export function logPageValue({ entries, head }: LogPage): MipValue {
  return { entries: entries.map((entry) => [...entry]), head: head && [...head] }
}

export function readLogPage(value: MipValue): LogPage {
  const fields = new WireReader(value, 'page')
  const head = fields.value('head') ?? null
  return {
    entries: fields.list('entries', MIP_LOG_PAGE_ENTRIES_MAX, readSigned),
    head: head === null ? null : readSigned(head, 'head'),
  }
}

export function helloValue({ versions, features, heads, delegation, fingerprints }: MipHello): MipValue {
  return {
    versions: [...versions],
    features: [...features],
    heads: heads.map((head) => [...head]),
    ...(delegation && { delegation: [...delegation] }),
    ...(fingerprints && { fingerprints: [...fingerprints] }),
  }
}

export function readHello(value: MipValue): MipHello {
  const fields = new WireReader(value, 'hello')
  const delegation = fields.value('delegation')
  return {
    versions: fields.list('versions', VERSIONS_MAX, readVersion),
    features: fields.list('features', MIP_HELLO_FEATURES_MAX, readFeature),
    heads: fields.list('heads', MIP_HELLO_HEADS_MAX, readSigned),
    ...(delegation && { delegation: readSigned(delegation, 'delegation') }),
    ...(fields.has('fingerprints') && {
      fingerprints: fields.list('fingerprints', MIP_HELLO_FINGERPRINTS_MAX, readFingerprint),
    }),
  }
}

export function logRangeValue({ org, log, from, limit }: LogRange): MipValue {
  return { org, log, from: { epoch: from.epoch, seq: from.seq }, limit }
}

export function readLogRange(value: MipValue): LogRange {
  const fields = new WireReader(value, 'range')
  const from = new WireReader(fields.value('from'), 'from')
  return {
    ...readLogName(value),
    from: {
      epoch: from.integer('epoch', 0, Number.MAX_SAFE_INTEGER),
      seq: from.integer('seq', 0, Number.MAX_SAFE_INTEGER),
    },
    limit: fields.integer('limit', 1, MIP_LOG_PAGE_ENTRIES_MAX),
  }
}

export function readLogName(value: MipValue): LogName {
  const fields = new WireReader(value, 'log')
  return { org: fields.text('org', ORG_DID), log: fields.text('log', LOG_NAME) }
}

export const proofAnswerValue = (answer: ProofAnswer): MipValue => ({ answer })

export function readProofAnswer(value: MipValue): ProofAnswer {
  const given = new WireReader(value, 'answer').value('answer')
  const answer = PROOF_ANSWERS.find((known) => known === given)
  if (answer) return answer
  throw new WireShapeError('answer', PROOF_ANSWERS.join(', '))
}

/** Request of a reconciliation on a stream, and its body over HTTP. */
export const reconRequestValue = ({ logs, message }: ReconRequest): MipValue => ({
  logs: logs.map(({ org, log }) => [org, log]),
  message,
})

export function readReconRequest(value: MipValue): ReconRequest {
  const fields = new WireReader(value, 'request')
  const logs = fields.list('logs', MIP_RECON_LOGS_MAX, (item, title): LogName => {
    const [org, log] = Array.isArray(item) && item.length === 2 ? item : []
    const isName = typeof org === 'string' && typeof log === 'string' && ORG_DID.test(org) && LOG_NAME.test(log)
    if (!isName) throw new WireShapeError(title, 'pairs of an organisation and a log')
    return { org, log }
  })
  if (logs.length === 0) throw new WireShapeError('logs', 'at least one log')
  return { logs, message: fields.bytes('message', MIP_RECON_MESSAGE_BYTES_MAX) }
}

/** Answer to it. */
export const reconAnswerValue = (message: Uint8Array): MipValue => ({ message })

export const readReconAnswer = (value: MipValue): Uint8Array =>
  new WireReader(value, 'answer').bytes('message', MIP_RECON_MESSAGE_BYTES_MAX)

/** Request of a receipt on a stream, and its body over HTTP. */
export const receiptOfferValue = ({ receipt, delegations }: ReceiptOffer): MipValue => ({
  receipt: [...receipt],
  delegations: delegations.map((one) => [...one]),
})

export function readReceiptOffer(value: MipValue): ReceiptOffer {
  const fields = new WireReader(value, 'request')
  return {
    receipt: readSigned(fields.value('receipt') ?? null, 'receipt'),
    delegations: fields.list('delegations', MIP_DELEGATION_DEPTH_MAX, readSigned),
  }
}

/** Signed bytes as they lie inside another object. @throws WireShapeError */
export function readSigned(value: MipValue, title: string): SignedBytes {
  if (!Array.isArray(value) || value.length !== 2) throw new WireShapeError(title, 'bytes and a signature')
  const signature = expectWireBytes(value[1], title, SIGNATURE_BYTES)
  if (signature.length !== SIGNATURE_BYTES) throw new WireShapeError(title, `a signature of ${SIGNATURE_BYTES} bytes`)
  return [expectWireBytes(value[0], title, MIP_OBJECT_BYTES_MAX), signature]
}

function readVersion(value: MipValue, title: string): number {
  if (typeof value === 'number' && value >= 1) return value
  throw new WireShapeError(title, 'major versions')
}

function readFeature(value: MipValue, title: string): string {
  if (typeof value === 'string' && FEATURE_NAME.test(value)) return value
  throw new WireShapeError(title, 'names')
}

function readFingerprint(value: MipValue, title: string): Uint8Array {
  const bytes = expectWireBytes(value, title, FINGERPRINT_BYTES)
  if (bytes.length === FINGERPRINT_BYTES) return bytes
  throw new WireShapeError(title, `${FINGERPRINT_BYTES} bytes each`)
}
