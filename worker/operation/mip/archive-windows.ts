import type { LogArchiveItem } from '../../../protocol/core/log-archive.ts'
import type { LogName, SignedBytes } from '../../../protocol/core/wire-types.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { MIP_ARCHIVE_WINDOW_BYTES_MAX, MIP_LOG_PAGE_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'

/** Some entries of an archive, in order, with what stands in front of them. */
export interface ArchiveWindow {
  name: LogName
  entries: SignedBytes[]
  objects: Map<Cid, Uint8Array>
}

/**
 * An archive in portions that fit into memory, as they arrive.
 * @throws MemosError invalid_archive when one entry brings more than MIP_ARCHIVE_WINDOW_BYTES_MAX
 */
export async function* archiveWindows(items: AsyncIterable<LogArchiveItem>): AsyncGenerator<ArchiveWindow> {
  let window: ArchiveWindow = { name: { org: '', log: '' }, entries: [], objects: new Map() }
  /** What the next entry needs. */
  let pending = new Map<Cid, Uint8Array>()
  let [held, waiting] = [0, 0]
  const next = () => {
    const full = window
    window = { name: full.name, entries: [], objects: new Map() }
    held = 0
    return full
  }
  for await (const item of items) {
    if (item.kind === 'header') window.name = { org: item.org, log: item.log }
    else if (item.kind === 'object') {
      waiting += item.bytes.length
      if (waiting > MIP_ARCHIVE_WINDOW_BYTES_MAX) throw tooMuch()
      if (held + waiting > MIP_ARCHIVE_WINDOW_BYTES_MAX) yield next()
      pending.set(item.cid, item.bytes)
    } else {
      window.entries.push([item.wire[0], item.wire[1]])
      for (const [cid, bytes] of pending) window.objects.set(cid, bytes)
      held += waiting
      pending = new Map()
      waiting = 0
      if (window.entries.length === MIP_LOG_PAGE_ENTRIES_MAX) yield next()
    }
  }
  if (window.entries.length > 0) yield next()
}

const tooMuch = () =>
  new MemosError('invalid_archive', {
    field: 'body',
    expected: `at most ${MIP_ARCHIVE_WINDOW_BYTES_MAX} bytes that one entry needs`,
  })
