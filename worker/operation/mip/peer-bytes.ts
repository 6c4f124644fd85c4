import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { codecOf, matchesCid } from '../../../protocol/core/cid.ts'
import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import type { BlobRef } from '../../../schemas/blob-ref.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MIP_BLOB_RANGE_BYTES_MAX } from '../../../schemas/limits-mip.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { type Mirror, strike } from './mirrors.ts'

/** `unreachable`: some mirror could not be asked, so that nothing is known; else the bytes are at none of them. */
export type Fetched<T> = { bytes: T } | { missing: 'nowhere' | 'unreachable' }

/** Objects and blobs from whichever mirror has them, each checked against its address. */
export class PeerBytes {
  readonly #session: VaultSession
  readonly #did: string
  readonly #mirrors: readonly Mirror[]
  readonly #signal: AbortSignal
  readonly #nowMs: number

  constructor(
    session: VaultSession,
    did: string,
    mirrors: readonly Mirror[],
    { signal, nowMs }: { signal: AbortSignal; nowMs: number },
  ) {
    this.#session = session
    this.#did = did
    this.#mirrors = mirrors
    this.#signal = signal
    this.#nowMs = nowMs
  }

  /** Objects that are here or that a mirror has. `isWhole`: every mirror was asked for those that are absent. */
  async objects(cids: readonly Cid[]): Promise<{ found: Map<string, Uint8Array>; isWhole: boolean }> {
    const found = await this.#session.followed.objects(cids)
    let isWhole = true
    for (const mirror of this.#mirrors) {
      const absent = cids.filter((cid) => !found.has(cid))
      if (absent.length === 0) break
      const answer = await this.#ask(mirror, () => mirror.remote.objects(absent, { signal: this.#signal }))
      if (answer === null) isWhole = false
      for (const [cid, bytes] of answer ?? []) if (matchesCid(cid, bytes)) found.set(cid, bytes)
    }
    return { found, isWhole: isWhole && this.#mirrors.length > 0 }
  }

  /** A whole blob. */
  async blob(ref: BlobRef): Promise<Fetched<Uint8Array>> {
    let missing: 'nowhere' | 'unreachable' = this.#mirrors.length === 0 ? 'unreachable' : 'nowhere'
    for (const mirror of this.#mirrors) {
      const bytes = await this.#ask(mirror, () => this.#whole(mirror, ref))
      if (bytes === null) missing = 'unreachable'
      else if (bytes !== 'absent') return { bytes }
    }
    return { missing }
  }

  async #whole({ remote }: Mirror, ref: BlobRef): Promise<Uint8Array | 'absent'> {
    const whole = new Uint8Array(ref.bytes)
    for (let offset = 0; offset < ref.bytes; ) {
      const length = Math.min(MIP_BLOB_RANGE_BYTES_MAX, ref.bytes - offset)
      const part = await remote.blobChunk(ref.cid, { offset, length }, { signal: this.#signal })
      if (part === null) return 'absent'
      if (part.size !== ref.bytes || part.bytes.length !== length)
        throw new MipRemoteError('wrong_bytes', 'a blob of another size than it is said to have')
      whole.set(part.bytes, offset)
      offset += length
    }
    const isRight = codecOf(ref.cid) === 'raw' ? matchesCid(ref.cid, whole) : bytesToHex(sha256(whole)) === ref.sha256
    if (!isRight) throw new MipRemoteError('wrong_bytes', 'a blob that is not what its address names')
    return whole
  }

  /** null: it did not answer. A lie is a strike. */
  async #ask<T>(mirror: Mirror, call: () => Promise<T>): Promise<T | null> {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof MipRemoteError)) throw error
      if (error.isFaultOfPeer) await strike(this.#session, this.#did, mirror, error.reason, this.#nowMs)
      return null
    }
  }
}
