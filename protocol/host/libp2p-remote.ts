import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Cid } from '../../schemas/cid.ts'
import type { MipValue } from '../core/mip-cbor.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import {
  helloValue,
  logRangeValue,
  readHello,
  readLogPage,
  readProofAnswer,
  readReconAnswer,
  readSigned,
  receiptOfferValue,
  reconRequestValue,
} from '../core/wire-codec.ts'
import { WireReader } from '../core/wire-reader.ts'
import type {
  BlobPart,
  BlobRange,
  LogName,
  LogPage,
  LogRange,
  MipHello,
  ReceiptOffer,
  ReconRequest,
} from '../core/wire-types.ts'
import { framePool } from './buffer-pool.ts'
import { CallStreams } from './call-streams.ts'
import { checkedBlobPart, checkedObject, checkedPage, portionsOf } from './checked-answers.ts'
import type { MipCallOptions, MipRemote } from './mip-remote.ts'
import {
  blobRequestValue,
  type MipProtocol,
  proofRequestValue,
  readBlobPart,
  readingAnswer,
  readObjects,
  valueOfAnswer,
  wantValue,
  writeFrame,
} from './protocols.ts'

export interface Libp2pRemoteInit {
  libp2p: Pick<Libp2p, 'dialProtocol'>
  /** A PeerId that is connected or known, or addresses of one peer. */
  peer: PeerId | Multiaddr | Multiaddr[]
  name: string
  /** What we say of ourselves in a hello. */
  hello: (options: MipCallOptions) => Promise<MipHello>
}

/** A peer over libp2p streams. */
export class Libp2pRemote implements MipRemote {
  readonly name: string
  readonly #streams: CallStreams
  readonly #hello: Libp2pRemoteInit['hello']

  constructor({ libp2p, peer, name, hello }: Libp2pRemoteInit) {
    this.name = name
    this.#streams = new CallStreams(libp2p, peer)
    this.#hello = hello
  }

  async hello(options: MipCallOptions): Promise<MipHello> {
    return this.#ask('hello', helloValue(await this.#hello(options)), readHello, options)
  }

  log(range: LogRange, options: MipCallOptions): Promise<LogPage | null> {
    const read = (value: MipValue) => checkedPage(range, readLogPage(value))
    return orNull(this.#ask('log', logRangeValue(range), read, options))
  }

  head({ org, log }: LogName, options: MipCallOptions) {
    const read = (value: MipValue) => readSigned(new WireReader(value, 'answer').value('head') ?? null, 'head')
    return orNull(this.#ask('log', { org, log }, read, options))
  }

  async objects(cids: readonly Cid[], options: MipCallOptions): Promise<Map<Cid, Uint8Array>> {
    const found = new Map<Cid, Uint8Array>()
    for (const portion of portionsOf(cids)) {
      const read = (next: () => Promise<Uint8Array>) => readBlocks(portion, found, next)
      await this.#streams.call('obj', writeFrame(wantValue(portion)), read, options.signal)
    }
    return found
  }

  async blobChunk(cid: Cid, range: BlobRange, options: MipCallOptions): Promise<BlobPart | null> {
    const read = (next: () => Promise<Uint8Array>) => readParts(range, next)
    const part = await orNull(
      this.#streams.call('blob', writeFrame(blobRequestValue(cid, range)), read, options.signal),
    )
    return part && checkedBlobPart(cid, range, part)
  }

  offerProof(proof: Uint8Array, options: MipCallOptions) {
    return this.#ask('proof', proofRequestValue(proof), readProofAnswer, options)
  }

  recon(request: ReconRequest, options: MipCallOptions): Promise<Uint8Array | null> {
    return orNull(this.#ask('recon', reconRequestValue(request), readReconAnswer, options))
  }

  offerReceipt(offer: ReceiptOffer, options: MipCallOptions) {
    return this.#ask('receipt', receiptOfferValue(offer), readProofAnswer, options)
  }

  close(): Promise<void> {
    return this.#streams.close()
  }

  #ask<T>(protocol: MipProtocol, request: MipValue, read: (value: MipValue) => T, { signal }: MipCallOptions) {
    const readOne = async (next: () => Promise<Uint8Array>) => {
      const frame = await next()
      return readingAnswer(() => read(valueOfAnswer(frame)))
    }
    return this.#streams.call(protocol, writeFrame(request), readOne, signal)
  }
}

/** What is not served there is no error for whoever asks. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (cause) {
    if (cause instanceof MipRemoteError && cause.reason === 'not_served') return null
    throw cause
  }
}

async function readBlocks(cids: readonly Cid[], found: Map<Cid, Uint8Array>, next: () => Promise<Uint8Array>) {
  for (let at = 0, more = true; more; ) {
    const frame = await next()
    const answer = readingAnswer(() => readObjects(valueOfAnswer(frame)))
    const isProgress = answer.blocks.length > 0 || !answer.more
    if (!isProgress || at + answer.blocks.length > cids.length)
      throw new MipRemoteError('bad_answer', 'other objects than were asked for')
    for (const block of answer.blocks) {
      const cid = cids[at++]!
      if (block) found.set(cid, checkedObject(cid, block))
    }
    more = answer.more
    if (!more && at !== cids.length) throw new MipRemoteError('bad_answer', 'fewer objects than were asked for')
  }
}

async function readParts(range: BlobRange, next: () => Promise<Uint8Array>): Promise<BlobPart> {
  const pieces: Uint8Array[] = []
  for (let done = 0; ; ) {
    const frame = await next()
    const part = readingAnswer(() => readBlobPart(valueOfAnswer(frame)))
    done += part.bytes.length
    pieces.push(part.bytes)
    const expected = Math.max(0, Math.min(range.length, part.size - range.offset))
    if (done > expected || (part.bytes.length === 0 && done < expected))
      throw new MipRemoteError('bad_answer', 'a part of another length than was said')
    if (done === expected) return { size: part.size, bytes: joined(pieces, done) }
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const bytes = framePool.take(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
    framePool.give(piece)
  }
  return bytes
}
