import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import type { BlobRange, LogName, LogRange, ReceiptOffer, ReconRequest } from '../../../protocol/core/wire-types.ts'
import type { MipCallOptions, MipRemote } from '../../../protocol/host/mip-remote.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { PeerAnswer, PeerArguments, PeerMethod, PeerOutcome } from '../../ports/peer-call.ts'

/** As much of the Durable Object as is asked of it. */
export interface PeerObject {
  ask<M extends PeerMethod>(address: string, method: M, args: PeerArguments<M>): Promise<PeerOutcome<M>>
}

/** A peer that the Durable Object asks for us. */
export class ObjectRemote implements MipRemote {
  readonly name: string
  readonly #object: () => PeerObject

  /** `object`: asked for at every call, since a stub is of use only to the request that it was made in, and a remote is kept. */
  constructor(object: () => PeerObject, address: string) {
    this.name = address
    this.#object = object
  }

  hello(options: MipCallOptions) {
    return this.#ask('hello', [], options)
  }

  log(range: LogRange, options: MipCallOptions) {
    return this.#ask('log', [range], options)
  }

  head(log: LogName, options: MipCallOptions) {
    return this.#ask('head', [log], options)
  }

  objects(cids: readonly Cid[], options: MipCallOptions) {
    return this.#ask('objects', [cids], options)
  }

  blobChunk(cid: Cid, range: BlobRange, options: MipCallOptions) {
    return this.#ask('blobChunk', [cid, range], options)
  }

  offerProof(proof: Uint8Array, options: MipCallOptions) {
    return this.#ask('offerProof', [proof], options)
  }

  recon(request: ReconRequest, options: MipCallOptions) {
    return this.#ask('recon', [request], options)
  }

  offerReceipt(offer: ReceiptOffer, options: MipCallOptions) {
    return this.#ask('offerReceipt', [offer], options)
  }

  async close(): Promise<void> {}

  async #ask<M extends PeerMethod>(
    method: M,
    args: PeerArguments<M>,
    { signal }: MipCallOptions,
  ): Promise<PeerAnswer<M>> {
    signal.throwIfAborted()
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      const outcome = await Promise.race([this.#object().ask(this.name, method, args), aborted])
      if ('answer' in outcome) return outcome.answer
      const { reason, detail, retryAfterMs } = outcome.failure
      throw new MipRemoteError(reason, detail, { ...(retryAfterMs !== undefined && { retryAfterMs }) })
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }
}
