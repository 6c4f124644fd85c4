import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** One row of an audit log as the chain covers it: everything but its row number, which changes when an organisation moves. */
export interface ChainedEntry {
  atMs: number
  requestId: string
  caller: string
  operation: string
  outcome: string
  /** Number of the namespace in its database; null for none. */
  namespaceId: number | null
  memoryType: string | null
  cubeCount: number
  cubeIds: readonly string[]
}

/** What a chain begins with: no organisation's chain continues another one's. */
export const chainStart = (orgId: string): string => bytesToHex(sha256(utf8ToBytes(`memos-audit-v1\n${orgId}`)))

/**
 * Hash of a row in its place: sha2-256 over the hash before it and the row as a JSON array, hex. JSON.stringify writes strings and safe
 * integers in one way only, so the array is a canonical form of these fields.
 */
export function chainHash(before: string, entry: ChainedEntry): string {
  const { atMs, requestId, caller, operation, outcome, namespaceId, memoryType, cubeCount, cubeIds } = entry
  const row = [atMs, requestId, caller, operation, outcome, namespaceId, memoryType, cubeCount, cubeIds]
  return bytesToHex(sha256(utf8ToBytes(`${before}\n${JSON.stringify(row)}`)))
}

/** Hashes of rows in order, after a row with the hash `before`. */
export function chainHashes(before: string, entries: readonly ChainedEntry[]): string[] {
  let last = before
  return entries.map((entry) => {
    last = chainHash(last, entry)
    return last
  })
}
