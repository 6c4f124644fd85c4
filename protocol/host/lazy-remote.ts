import type { Cid } from '../../schemas/cid.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import type { BlobRange, LogName, LogRange, ReceiptOffer, ReconRequest } from '../core/wire-types.ts'
import type { MipCallOptions, MipRemote } from './mip-remote.ts'

/** A peer that is connected when it is first asked, and again when it was lost. */
export class LazyRemote implements MipRemote {
  readonly name: string
  readonly #connect: (options: MipCallOptions) => Promise<MipRemote>

  /** `connect`: gives the peer, connected; rejects when it cannot be reached. */
  constructor(name: string, connect: (options: MipCallOptions) => Promise<MipRemote>) {
    this.name = name
    this.#connect = connect
  }

  hello(options: MipCallOptions) {
    return this.#ask(options, (remote) => remote.hello(options))
  }

  log(range: LogRange, options: MipCallOptions) {
    return this.#ask(options, (remote) => remote.log(range, options))
  }

  head(log: LogName, options: MipCallOptions) {
    return this.#ask(options, (remote) => remote.head(log, options))
  }

  objects(cids: readonly Cid[], options: MipCallOptions) {
    return this.#ask(options, (remote) => remote.objects(cids, options))
  }

  blobChunk(cid: Cid, range: BlobRange, options: MipCallOptions) {
    return this.#ask(options, (remote) => remote.blobChunk(cid, range, options))
  }

  offerProof(proof: Uint8Array, options: MipCallOptions) {
    return this.#ask(options, (remote) => remote.offerProof(proof, options))
  }

  recon(request: ReconRequest, options: MipCallOptions) {
    return this.#ask(options, (remote) => remote.recon(request, options))
  }

  offerReceipt(offer: ReceiptOffer, options: MipCallOptions) {
    return this.#ask(options, (remote) => remote.offerReceipt(offer, options))
  }

  /** The streams belong to the peer, which others ask too. */
  async close(): Promise<void> {}

  async #ask<T>(options: MipCallOptions, call: (remote: MipRemote) => Promise<T>): Promise<T> {
    const remote = await this.#connect(options).catch((cause: unknown) => {
      options.signal.throwIfAborted()
      throw cause instanceof MipRemoteError ? cause : new MipRemoteError('unreachable', this.name, { cause })
    })
    return call(remote)
  }
}
