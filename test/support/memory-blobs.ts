import { cidOf } from '../../protocol/core/cid.ts'

/** Blobs in memory, as the edge would keep them. */
export class MemoryBlobs {
  readonly #blobs = new Map<string, Uint8Array>()

  /** How often something was read. */
  reads = 0

  async put(bytes: Uint8Array) {
    const cid = cidOf(bytes, 'raw')
    this.#blobs.set(cid, bytes)
    return { cid, bytes: bytes.length }
  }

  async get(cid: string): Promise<Uint8Array> {
    this.reads += 1
    const bytes = this.#blobs.get(cid)
    if (bytes === undefined) throw new RangeError(`no blob ${cid}`)
    return bytes
  }
}
