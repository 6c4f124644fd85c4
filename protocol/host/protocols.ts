import type { Cid } from '../../schemas/cid.ts'
import {
  MIP_BLOB_FRAME_BYTES_MAX,
  MIP_BLOB_RANGE_BYTES_MAX,
  MIP_FRAME_BYTES_MAX,
  MIP_OBJECT_BYTES_MAX,
  MIP_OBJECTS_PER_CALL_MAX,
} from '../../schemas/limits-mip.ts'
import { linkOf } from '../core/cid.ts'
import { decodeMipCbor, encodeMipCbor, type MipValue } from '../core/mip-cbor.ts'
import { byteStringHead } from '../core/mip-cbor-encode.ts'
import { MIP_REMOTE_REASONS, MipRemoteError, type MipRemoteReason } from '../core/mip-remote-error.ts'
import { expectWireBytes, expectWireCid, WireReader } from '../core/wire-reader.ts'
import type { BlobPart, BlobRange } from '../core/wire-types.ts'

/** Stream protocols (MIP 4.5). On each, the caller sends a request frame, reads the answer, and may ask again on the same stream. */
export const MIP_PROTOCOLS = {
  hello: '/mip/hello/1.0.0',
  log: '/mip/log/1.0.0',
  obj: '/mip/obj/1.0.0',
  blob: '/mip/blob/1.0.0',
  proof: '/mip/proof/1.0.0',
  receipt: '/mip/receipt/1.0.0',
  recon: '/mip/recon/1.0.0',
} as const
export type MipProtocol = keyof typeof MIP_PROTOCOLS

const RETRY_MS_MAX = 3_600_000

/** @throws MipCborError or WireShapeError; whoever reads decides whose fault that is. */
export const readFrame = (bytes: Uint8Array): MipValue => decodeMipCbor(bytes, MIP_FRAME_BYTES_MAX)
export const writeFrame = (value: MipValue): Uint8Array => encodeMipCbor(value, MIP_FRAME_BYTES_MAX)

/** An answer is `{ok: value}` or `{error: reason, retryMs?}`. */
export const okFrame = (value: MipValue): Uint8Array => writeFrame({ ok: value })

export function errorFrame(reason: MipRemoteReason, retryMs?: number): Uint8Array {
  return writeFrame({ error: reason, ...(retryMs !== undefined && { retryMs: Math.ceil(retryMs) }) })
}

/** The value of an answer. @throws MipRemoteError with the reason that the other side gave, or `bad_answer`. */
export function valueOfAnswer(frame: Uint8Array): MipValue {
  return readingAnswer(() => {
    const answer = new WireReader(readFrame(frame), 'answer')
    if (!answer.has('error')) return answer.value('ok') ?? null
    const given = answer.text('error', /^[a-z_]{1,40}$/)
    // A reason of a later version says at least that the other side failed.
    const reason = MIP_REMOTE_REASONS.find((known) => known === given) ?? 'internal'
    const retryAfterMs = answer.has('retryMs') ? answer.integer('retryMs', 0, RETRY_MS_MAX) : undefined
    throw new MipRemoteError(reason, 'the peer said so', { ...(retryAfterMs !== undefined && { retryAfterMs }) })
  })
}

/** Runs what reads an answer; bytes or shapes that are wrong become `bad_answer`. */
export function readingAnswer<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof MipRemoteError) throw cause
    throw new MipRemoteError('bad_answer', cause instanceof Error ? cause.message : 'unreadable', { cause })
  }
}

export const wantValue = (cids: readonly Cid[]): MipValue => ({ want: cids.map(linkOf) })

export function readWant(value: MipValue): Cid[] {
  return new WireReader(value, 'request').list('want', MIP_OBJECTS_PER_CALL_MAX, expectWireCid)
}

export interface ObjectsFrame {
  blocks: readonly (Uint8Array | null)[]
  /** More frames of this answer follow. */
  more: boolean
}

export const objectsValue = ({ blocks, more }: ObjectsFrame): MipValue => ({ blocks: [...blocks], more })

export function readObjects(value: MipValue): ObjectsFrame {
  const fields = new WireReader(value, 'objects')
  const blocks = fields.list('blocks', MIP_OBJECTS_PER_CALL_MAX, (item, title) =>
    item === null ? null : expectWireBytes(item, title, MIP_OBJECT_BYTES_MAX),
  )
  return { blocks, more: fields.flag('more') }
}

export const blobRequestValue = (cid: Cid, { offset, length }: BlobRange): MipValue => ({
  cid: linkOf(cid),
  offset,
  length,
})

export function readBlobRequest(value: MipValue): { cid: Cid; range: BlobRange } {
  const fields = new WireReader(value, 'request')
  return {
    cid: fields.cid('cid'),
    range: {
      offset: fields.integer('offset', 0, Number.MAX_SAFE_INTEGER),
      length: fields.integer('length', 1, MIP_BLOB_RANGE_BYTES_MAX),
    },
  }
}

export const blobPartValue = ({ size, bytes }: BlobPart): MipValue => ({ size, bytes })

const NO_BYTES = new Uint8Array()

/** The answer with a part, in pieces: its bytes, which are nearly all of it, stand last in canonical order and are not copied. */
export function blobPartFrame({ size, bytes }: BlobPart): Uint8Array[] {
  const withoutBytes = okFrame(blobPartValue({ size, bytes: NO_BYTES }))
  // An empty byte string is its head, of one byte; here it gives way to the head of the real one.
  return [withoutBytes.subarray(0, -1), byteStringHead(bytes.length), bytes]
}

export function readBlobPart(value: MipValue): BlobPart {
  const fields = new WireReader(value, 'part')
  return {
    size: fields.integer('size', 0, Number.MAX_SAFE_INTEGER),
    bytes: fields.bytes('bytes', MIP_BLOB_FRAME_BYTES_MAX),
  }
}

export const proofRequestValue = (proof: Uint8Array): MipValue => ({ proof })

export function readProofRequest(value: MipValue): Uint8Array {
  return new WireReader(value, 'request').bytes('proof', MIP_OBJECT_BYTES_MAX)
}
