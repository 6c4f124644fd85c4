import { openEntryParts } from '../../../protocol/core/entry.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import type { SignedBytes } from '../../../protocol/core/wire-types.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_ARCHIVE_WINDOW_BYTES_MAX } from '../../../schemas/limits-mip.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { LogPlace } from '../../ports/writes/mip.ts'
import type { ArchiveWindow } from './archive-windows.ts'

/** Codes with which a log stands still until a root has named the branch that stands. */
const FORKED: ReadonlySet<string> = new Set(['fork', 'frozen', 'resync'])

interface Placed extends LogPlace {
  cid: string
}

/**
 * What an archive holds of another branch than the one that is here. Whether that branch stands is said at its end, so it is kept until there:
 * a file cannot be asked again. Entries that both have are let go, and texts before entries, where there is no room.
 */
export class ArchiveBranch {
  #held: ArchiveWindow | null = null
  /** The first place that the archive has. */
  #first: number | null = null
  /** Where the latest epoch of it begins; null while it has one only. */
  #resolvedAt: number | null = null
  /** The last place where the archive and this deployment have the same entry; -1: the archive has all, and nothing is shared. null: it begins later. */
  lastShared: number | null = null
  /** The entry in front of what `next` gave. */
  last: SignedBytes | null = null

  /** What to read now: a window, and before it what is kept. */
  async next(session: VaultSession, window: ArchiveWindow): Promise<ArchiveWindow> {
    const entries = window.entries.flatMap(placed)
    const first = entries[0]?.seq ?? 0
    if (this.#first === null) {
      this.#first = first
      this.lastShared = first === 0 ? -1 : null
    }
    const epoch = entries[0]?.epoch ?? 0
    this.#resolvedAt ??= entries.find((one) => one.epoch > epoch)?.seq ?? null
    const log = await session.followed.log(window.name.org, window.name.log)
    const rows =
      log === null
        ? []
        : await session.followed.entriesAt(
            log.id,
            entries.map(({ seq }) => seq),
          )
    const here = new Set(rows.map(({ cid }) => cid))
    const shared = entries.findLast(({ cid }) => here.has(cid))
    if (shared !== undefined) this.lastShared = shared.seq
    if (this.#held === null) return window
    return {
      name: window.name,
      entries: [...this.#held.entries, ...window.entries],
      objects: new Map([...this.#held.objects, ...window.objects]),
    }
  }

  /** Says how reading went: after a fork the window is kept for the next one. Answers whether to read on. */
  read(window: ArchiveWindow, error: string | null): boolean {
    if (error !== null && !FORKED.has(error)) return false
    const shared = error === null ? Number.POSITIVE_INFINITY : (this.lastShared ?? -1)
    const kept = window.entries.filter((wire) => placed(wire).every(({ seq }) => seq > shared))
    this.last = window.entries[window.entries.length - kept.length - 1] ?? this.last
    this.#held = error === null ? null : fitted({ ...window, entries: kept })
    return true
  }

  /** @throws MemosError precondition_failed when the archive tells which branch stands, and lacks where it begins */
  finish({ log }: { log: string }, error: string | null): void {
    if (error === null || this.#resolvedAt === null || this.lastShared !== null) return
    const from = Math.max(0, (this.#first ?? 0) - 1)
    throw new MemosError('precondition_failed', {
      field: 'body',
      expected: `an archive of "${log}" that begins at entry ${from} or before and reaches entry ${this.#resolvedAt}, where the fork is resolved`,
    })
  }
}

/** @throws MemosError precondition_failed */
function fitted(window: ArchiveWindow): ArchiveWindow {
  const entries = window.entries.reduce((sum, [bytes, signature]) => sum + bytes.length + signature.length, 0)
  const objects = [...window.objects.values()].reduce((sum, bytes) => sum + bytes.length, 0)
  if (entries > MIP_ARCHIVE_WINDOW_BYTES_MAX)
    throw new MemosError('precondition_failed', {
      field: 'body',
      expected: `at most ${MIP_ARCHIVE_WINDOW_BYTES_MAX} bytes of entries since the fork; follow the log over the network instead`,
    })
  return entries + objects > MIP_ARCHIVE_WINDOW_BYTES_MAX ? { ...window, objects: delegationsOf(window) } : window
}

/** What says who may sign is needed to read on; a revision is fetched, or brought again. */
function delegationsOf({ entries, objects }: ArchiveWindow): ArchiveWindow['objects'] {
  const bodies = new Set(entries.flatMap((wire) => opened(wire).flatMap(({ entry }) => entry.dlg ?? [])))
  return new Map([...objects].filter(([cid]) => bodies.has(cid)))
}

const placed = (wire: SignedBytes): Placed[] =>
  opened(wire).map(({ entry: { epoch, seq }, cid }) => ({ epoch, seq, cid }))

/** What cannot be read has no place; whoever verifies says what is wrong with it. */
function opened([bytes, signature]: SignedBytes) {
  try {
    return [openEntryParts(bytes, signature)]
  } catch (error) {
    if (error instanceof MipError) return []
    throw error
  }
}
