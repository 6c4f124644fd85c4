import { openEntryParts } from './entry.ts'
import { openHead } from './head.ts'
import { MipError } from './mip-error.ts'
import { toWire } from './signed.ts'
import { decodeLogPage } from './wire-codec.ts'
import type { LogName } from './wire-types.ts'

/**
 * Where a log ends, as a frame of its tail says: by its head, else by its last entry (a mirror has no head to show). A hint: no signature is
 * looked at. Null: the frame says nothing.
 * @throws MipError when it cannot be read, or is about another log
 */
export function placeInTail(frame: Uint8Array, { org, log }: LogName): { epoch: number; seq: number } | null {
  const { head, entries } = decodeLogPage(frame)
  const last = entries.at(-1)
  if (head === null && last === undefined) return null
  const said =
    head === null ? openEntryParts(...last!).entry : openHead(toWire({ bytes: head[0], signature: head[1] })).head
  if (said.org !== org || said.log !== log) throw new MipError(said.org === org ? 'wrong_log' : 'wrong_org')
  return { epoch: said.epoch, seq: said.seq }
}
