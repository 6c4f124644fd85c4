import { openHead } from '../../../protocol/core/head.ts'
import { toWire } from '../../../protocol/core/signed.ts'
import { encodeLogPage } from '../../../protocol/core/wire-codec.ts'
import type { LogName } from '../../../protocol/core/wire-types.ts'
import type { MipServeOptions } from '../../../protocol/host/mip-source.ts'
import { MIP_CALL_MS_MAX, MIP_TAIL_FRAME_BYTES_MAX, MIP_TAIL_FRAME_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'
import type { Edge } from '../edge.ts'

type Source = Pick<Edge, 'mipSource'>

/**
 * A page with the signed end of a log and as many of the entries before it as fit a frame; null where the log is not served. Of a log that is
 * mirrored nobody here may sign the end: its last entries say where it is.
 */
export async function tailFrame({ mipSource }: Source, log: LogName, options: MipServeOptions) {
  const head = await mipSource.head(log, options)
  const end = head === null ? await mipSource.end(log) : openHead(toWire({ bytes: head[0], signature: head[1] })).head
  if (end === null) return null
  const { epoch, seq } = end
  const from = { epoch, seq: Math.max(0, seq - MIP_TAIL_FRAME_ENTRIES_MAX + 1) }
  const page = await mipSource.readLog({ ...log, from, limit: MIP_TAIL_FRAME_ENTRIES_MAX }, options)
  let room = MIP_TAIL_FRAME_BYTES_MAX - 2048
  const entries = (page?.entries ?? []).toReversed().filter(([bytes, signature]) => {
    room -= bytes.length + signature.length + 16
    return room >= 0
  })
  return encodeLogPage({ entries: entries.toReversed(), head })
}

/** Tells whoever hears of a log that it has moved, after the request that moved it. */
export function tellTails(edge: Pick<Edge, 'mipSource' | 'tails' | 'runtime' | 'logger'>, log: LogName): void {
  const { tails, logger } = edge
  if (tails === null) return
  const tell = async () => {
    const options = { caller: { transport: 'http' as const }, signal: AbortSignal.timeout(MIP_CALL_MS_MAX) }
    const frame = await tailFrame(edge, log, options)
    if (frame !== null) await tails.send(log, frame)
  }
  edge.runtime.defer(
    tell().catch((error: unknown) => {
      logger.warn('mip_tail_failed', { error: error instanceof Error ? error.name : 'unknown' })
    }),
  )
}
