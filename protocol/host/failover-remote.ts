import type { Cid } from '../../schemas/cid.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import type { BlobRange, LogName, LogRange, ObjectsByCid, ReceiptOffer, ReconRequest } from '../core/wire-types.ts'
import type { MipCallOptions, MipRemote } from './mip-remote.ts'

/** Several ways to the same logs, asked one after the other until one answers. The one that answered last is asked first. */
export class FailoverRemote implements MipRemote {
  readonly #remotes: readonly MipRemote[]
  #first = 0

  /** `remotes`: at least one, the preferred one first. */
  constructor(remotes: readonly MipRemote[]) {
    if (remotes.length === 0) throw new RangeError('"remotes" expected at least one')
    this.#remotes = remotes
  }

  /** Whom it asks at the moment. */
  get name(): string {
    return this.#remotes[this.#first]!.name
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

  /** What one of them lacks is asked of the next one. */
  async objects(cids: readonly Cid[], options: MipCallOptions): Promise<ObjectsByCid> {
    const found = new Map<Cid, Uint8Array>()
    await this.#ask(options, async (remote) => {
      const missing = cids.filter((cid) => !found.has(cid))
      for (const [cid, bytes] of await remote.objects(missing, options)) found.set(cid, bytes)
      return cids.every((cid) => found.has(cid)) ? found : null
    })
    return found
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

  async close(): Promise<void> {
    await Promise.all(this.#remotes.map((remote) => remote.close()))
  }

  /** @throws the last error when none answered; what some of them do not have (null) is an answer, if only the last resort */
  async #ask<T>(options: MipCallOptions, call: (remote: MipRemote) => Promise<T>): Promise<T> {
    const start = this.#first
    let absent: { answer: T } | undefined
    let failure: MipRemoteError | undefined
    for (let i = 0; i < this.#remotes.length; i++) {
      const at = (start + i) % this.#remotes.length
      try {
        const answer = await call(this.#remotes[at]!)
        if (answer !== null) {
          this.#first = at
          return answer
        }
        absent ??= { answer }
      } catch (cause) {
        options.signal.throwIfAborted()
        if (!(cause instanceof MipRemoteError)) throw cause
        // Somebody who lies is told of before somebody who is away: that is a strike.
        if (!failure?.isFaultOfPeer) failure = cause
      }
    }
    if (absent) return absent.answer
    throw failure!
  }
}
