import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import {
  MIP_BLOB_FRAME_BYTES_MAX,
  MIP_CALL_MS_MAX,
  MIP_OBJECTS_FRAME_BYTES_MAX,
  MIP_REQUEST_BYTES_MAX,
  MIP_STREAM_IDLE_MS_MAX,
} from '../../schemas/limits-mip.ts'
import type { MipValue } from '../core/mip-cbor.ts'
import { MipCborError } from '../core/mip-cbor-error.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import {
  helloValue,
  logPageValue,
  proofAnswerValue,
  readHello,
  readLogName,
  readLogRange,
  readReceiptOffer,
  readReconRequest,
  reconAnswerValue,
} from '../core/wire-codec.ts'
import { WireReader, WireShapeError } from '../core/wire-reader.ts'
import { beforeAbort } from './before-abort.ts'
import { type AdmittedCall, CallGate, type CallLimits } from './call-limits.ts'
import { asError, bytesOf, FrameStream } from './frames.ts'
import type { MipServeOptions, MipSource } from './mip-source.ts'
import {
  blobPartFrame,
  errorFrame,
  MIP_PROTOCOLS,
  type MipProtocol,
  objectsValue,
  okFrame,
  readBlobRequest,
  readFrame,
  readProofRequest,
  readWant,
} from './protocols.ts'

/** Streams of one protocol that one connection may open: as many as calls that are served at once, and some that wait for reuse. */
const INBOUND_STREAMS_MAX = 8

/** One request, and a way to send frames of its answer. */
interface Call {
  request: MipValue
  source: MipSource
  options: MipServeOptions
  answer(value: MipValue): Promise<void>
  /** A frame that is encoded already. */
  send(frame: readonly Uint8Array[]): Promise<void>
}

export interface ServeStreamsInit {
  source: MipSource
  limits?: Partial<CallLimits>
  /** Hears of what the source threw; the caller only sees `internal`. */
  onError?: (error: unknown, protocol: MipProtocol) => void
  signal: AbortSignal
}

/** Serves the stream protocols of MIP from a source. Limits hold per PeerId. */
export async function serveStreams(libp2p: Libp2p, init: ServeStreamsInit): Promise<void> {
  const gate = new CallGate(init.limits)
  for (const name of Object.keys(SERVERS) as MipProtocol[]) {
    const serve = (stream: Stream, connection: Connection) => serveStream(name, stream, connection, gate, init)
    // Blobs would use up the few bytes that a relayed connection may carry.
    await libp2p.handle(MIP_PROTOCOLS[name], serve, {
      maxInboundStreams: INBOUND_STREAMS_MAX,
      runOnLimitedConnection: name !== 'blob',
    })
  }
}

async function serveStream(
  name: MipProtocol,
  stream: Stream,
  { remotePeer, remoteAddr }: Connection,
  gate: CallGate,
  init: ServeStreamsInit,
): Promise<void> {
  // Of requests that nobody serves yet no more is held than one of them may be.
  const frames = new FrameStream(stream, {
    readBytesMax: MIP_REQUEST_BYTES_MAX,
    waitingBytesMax: MIP_REQUEST_BYTES_MAX,
  })
  const caller = { transport: 'libp2p', peerId: remotePeer.toString(), address: remoteAddr.toString() } as const
  try {
    for (;;) {
      const idle = AbortSignal.any([init.signal, AbortSignal.timeout(MIP_STREAM_IDLE_MS_MAX)])
      const request = await frames.read(idle)
      if (request === null) break
      const signal = AbortSignal.any([init.signal, AbortSignal.timeout(MIP_CALL_MS_MAX)])
      await serveCall(name, request, frames, { caller, signal }, gate, init)
    }
    await frames.end(AbortSignal.timeout(MIP_CALL_MS_MAX))
  } catch (cause) {
    frames.abort(asError(cause))
  }
}

async function serveCall(
  name: MipProtocol,
  request: Uint8Array,
  frames: FrameStream,
  options: MipServeOptions & { caller: { peerId: string } },
  gate: CallGate,
  { source, onError }: ServeStreamsInit,
): Promise<void> {
  let admitted: AdmittedCall | undefined
  const send = async (frame: readonly Uint8Array[]) => {
    admitted?.served(bytesOf(frame))
    await frames.write(frame, options.signal)
  }
  try {
    admitted = gate.admit(options.caller.peerId, name)
    const answer = (value: MipValue) => send([okFrame(value)])
    await beforeAbort(SERVERS[name]({ request: readFrame(request), source, options, answer, send }), options.signal)
  } catch (cause) {
    const refusal = refusalOf(cause)
    if (refusal.reason === 'cut_short' || options.signal.aborted) throw cause
    if (refusal.reason === 'internal') onError?.(cause, name)
    await send([errorFrame(refusal.reason, refusal.retryAfterMs)])
  } finally {
    admitted?.done()
  }
}

/** What the caller is told: its own faults by name, everything else as `internal`. */
function refusalOf(cause: unknown): MipRemoteError {
  if (cause instanceof MipRemoteError) return cause
  if (cause instanceof MipCborError || cause instanceof WireShapeError)
    return new MipRemoteError('bad_request', cause.message, { cause })
  return new MipRemoteError('internal', 'the source failed', { cause })
}

const notServed = () => new MipRemoteError('not_served', 'nothing of that name')

const SERVERS: Record<MipProtocol, (call: Call) => Promise<void>> = {
  hello: async ({ request, source, options, answer }) => {
    const theirs = readHello(request)
    const judged = theirs.delegation && (await source.presented(theirs.delegation, options))
    if (judged?.outcome === 'refused') throw new MipRemoteError('bad_delegation', judged.reason ?? '')
    await answer(helloValue(await source.hello(theirs, options)))
  },
  log: async ({ request, source, options, answer }) => {
    if (new WireReader(request, 'request').has('from')) {
      const page = await source.readLog(readLogRange(request), options)
      if (!page) throw notServed()
      await answer(logPageValue(page))
    } else {
      const head = await source.head(readLogName(request), options)
      if (!head) throw notServed()
      await answer({ head: [...head] })
    }
  },
  obj: serveObjects,
  blob: serveBlob,
  proof: async ({ request, source, options, answer }) => {
    await answer(proofAnswerValue(await source.offerProof(readProofRequest(request), options)))
  },
  recon: async ({ request, source, options, answer }) => {
    const message = await source.recon(readReconRequest(request), options)
    if (!message) throw notServed()
    await answer(reconAnswerValue(message))
  },
  receipt: async ({ request, source, options, answer }) => {
    await answer(proofAnswerValue(await source.offerReceipt(readReceiptOffer(request), options)))
  },
}

/** Objects in the order of the request, over as many frames as they need. */
async function serveObjects({ request, source, options, answer }: Call): Promise<void> {
  const blocks = await source.objects(readWant(request), options)
  let start = 0
  let bytes = 0
  for (let i = 0; i < blocks.length; i++) {
    bytes += blocks[i]?.length ?? 0
    if (bytes <= MIP_OBJECTS_FRAME_BYTES_MAX) continue
    await answer(objectsValue({ blocks: blocks.slice(start, i + 1), more: true }))
    start = i + 1
    bytes = 0
  }
  await answer(objectsValue({ blocks: blocks.slice(start), more: false }))
}

/** The parts of a blob one after the other: one piece is in memory at a time, however slowly the other side reads. */
async function serveBlob({ request, source, options, send }: Call): Promise<void> {
  const { cid, range } = readBlobRequest(request)
  for (let done = 0; done < range.length; ) {
    const length = Math.min(MIP_BLOB_FRAME_BYTES_MAX, range.length - done)
    const part = await source.blob(cid, { offset: range.offset + done, length }, options)
    if (!part) throw notServed()
    await send(blobPartFrame(part))
    if (part.bytes.length === 0 || range.offset + done + part.bytes.length >= part.size) return
    done += part.bytes.length
  }
}
