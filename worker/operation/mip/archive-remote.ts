import { openEntryParts } from '../../../protocol/core/entry.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import { MipRemoteError } from '../../../protocol/core/mip-remote-error.ts'
import type { BlobPart, BlobRange, LogPage, LogRange, SignedBytes } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { BroughtLog } from '../../ports/mip.ts'
import type { ArchiveBranch } from './archive-branch.ts'
import type { ArchiveWindow } from './archive-windows.ts'

/** Part of an archive as a mirror: what it holds is verified as if it came from the network. It cannot be asked for what lies before. */
export class ArchiveRemote implements BroughtLog {
  readonly name = 'archive'
  readonly lastShared: number | null
  readonly #window: ArchiveWindow
  readonly #entries: readonly SignedBytes[]

  /** `last`: the entry in front of the window, for telling a fork at its edge. */
  constructor(window: ArchiveWindow, { last, lastShared }: Pick<ArchiveBranch, 'last' | 'lastShared'>) {
    this.lastShared = lastShared
    this.#window = window
    this.#entries = last === null ? window.entries : [last, ...window.entries]
  }

  async log({ org, log, from, limit }: LogRange): Promise<LogPage | null> {
    const { name } = this.#window
    if (org !== name.org || log !== name.log) return null
    const entries = this.#entries.filter((wire) => isFrom(wire, from)).slice(0, limit)
    return { entries, head: null }
  }

  async head(): Promise<null> {
    return null
  }

  async objects(cids: readonly Cid[]): Promise<Map<Cid, Uint8Array>> {
    return new Map(
      cids.flatMap((cid) => {
        const bytes = this.#window.objects.get(cid)
        return bytes === undefined ? [] : [[cid, bytes] as const]
      }),
    )
  }

  async blobChunk(cid: Cid, { offset, length }: BlobRange): Promise<BlobPart | null> {
    const bytes = this.#window.objects.get(cid)
    return bytes === undefined ? null : { size: bytes.length, bytes: bytes.slice(offset, offset + length) }
  }

  async hello(): Promise<never> {
    throw new MipRemoteError('not_served', 'an archive says no hello')
  }

  async offerProof(): Promise<never> {
    throw new MipRemoteError('not_served', 'an archive takes no proofs')
  }

  /** What a file lacks is seen by reading it. */
  async recon(): Promise<null> {
    return null
  }

  async offerReceipt(): Promise<never> {
    throw new MipRemoteError('not_served', 'an archive takes no receipts')
  }

  async close(): Promise<void> {}
}

/** What cannot be read is shown, so that whoever verifies says what is wrong with it. */
function isFrom([bytes, signature]: SignedBytes, from: { epoch: number; seq: number }): boolean {
  try {
    const { epoch, seq } = openEntryParts(bytes, signature).entry
    return epoch > from.epoch || (epoch === from.epoch && seq >= from.seq)
  } catch (error) {
    if (error instanceof MipError) return true
    throw error
  }
}
