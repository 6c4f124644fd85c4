import { cidOf } from '../../protocol/core/cid.ts'
import { type ReconItem, ReconSet } from '../../protocol/core/negentropy.ts'
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
  ServingAnswer,
  SignedBytes,
} from '../../protocol/core/wire-types.ts'
import type { MipServeOptions, MipSource } from '../../protocol/host/mip-source.ts'
import type { Cid } from '../../schemas/cid.ts'

export const ORG = 'did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3'
export const LOG: LogName = { org: ORG, log: 'main' }
export const HELLO: MipHello = { versions: [1], features: ['log', 'blob'], heads: [] }

/** Serves what lies in memory; calls are written down, and a call can be held up or made to fail. */
export class MemoryMipSource implements MipSource {
  readonly entries: SignedBytes[] = []
  readonly blobs = new Map<Cid, Uint8Array>()
  readonly calls: string[] = []
  readonly hellos: (MipHello | null)[] = []
  readonly proofs: Uint8Array[] = []
  readonly receipts: ReceiptOffer[] = []
  /** What is reconciled. */
  items: ReconItem[] = []
  /** The log whose entries these are. */
  served: LogName = LOG
  headBeacon: SignedBytes | null = null
  ours: MipHello = HELLO
  /** What is thought of delegations that peers present, and which were. */
  judged: ServingAnswer = { outcome: 'unknown', reason: null }
  readonly presentations: { delegation: SignedBytes; peerId: string | undefined }[] = []
  /** Runs before every answer. */
  before: (call: string, options: MipServeOptions) => Promise<void> = async () => {}

  /** Adds entries of `bytes` bytes each; they are signed by nobody. */
  fill(entries: number, bytes = 1024): this {
    for (let i = 0; i < entries; i++) {
      const entry = new Uint8Array(bytes).fill(i % 251)
      new DataView(entry.buffer).setUint32(0, this.entries.length)
      this.entries.push([entry, new Uint8Array(64).fill(7)])
    }
    return this
  }

  addBlob(bytes: Uint8Array, codec: 'raw' | 'object' = 'raw'): Cid {
    const cid = cidOf(bytes, codec)
    this.blobs.set(cid, bytes)
    return cid
  }

  async hello(theirs: MipHello | null, options: MipServeOptions): Promise<MipHello> {
    await this.#note('hello', options)
    this.hellos.push(theirs)
    return this.ours
  }

  async presented(delegation: SignedBytes, { caller }: MipServeOptions): Promise<ServingAnswer> {
    this.presentations.push({ delegation, peerId: caller.peerId })
    return this.judged
  }

  async readLog({ org, log, from, limit }: LogRange, options: MipServeOptions): Promise<LogPage | null> {
    await this.#note('log', options)
    if (org !== this.served.org || log !== this.served.log) return null
    return { entries: this.entries.slice(from.seq, from.seq + limit), head: this.headBeacon }
  }

  async head({ log }: LogName, options: MipServeOptions): Promise<SignedBytes | null> {
    await this.#note('head', options)
    return log === this.served.log ? this.headBeacon : null
  }

  async objects(cids: readonly Cid[], options: MipServeOptions): Promise<(Uint8Array | null)[]> {
    await this.#note('objects', options)
    return cids.map((cid) => this.blobs.get(cid) ?? null)
  }

  async blob(cid: Cid, { offset, length }: BlobRange, options: MipServeOptions): Promise<BlobPart | null> {
    await this.#note('blob', options)
    const bytes = this.blobs.get(cid)
    return bytes ? { size: bytes.length, bytes: bytes.subarray(offset, offset + length) } : null
  }

  async offerProof(proof: Uint8Array, options: MipServeOptions): Promise<ProofAnswer> {
    await this.#note('proof', options)
    this.proofs.push(proof)
    return 'accepted'
  }

  async recon({ logs, message }: ReconRequest, options: MipServeOptions): Promise<Uint8Array | null> {
    await this.#note('recon', options)
    if (logs.some(({ org, log }) => org !== this.served.org || log !== this.served.log)) return null
    return new ReconSet(this.items).answer(message)
  }

  async offerReceipt(offer: ReceiptOffer, options: MipServeOptions): Promise<ProofAnswer> {
    await this.#note('receipt', options)
    this.receipts.push(offer)
    return 'accepted'
  }

  async #note(call: string, options: MipServeOptions): Promise<void> {
    this.calls.push(call)
    await this.before(call, options)
  }
}
