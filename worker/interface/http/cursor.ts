import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { MemosError } from '../../../schemas/errors.ts'

/** Place in a list, bound to the list: a cursor of another list is refused instead of silently skipping. */
export interface Cursor {
  list: string
  at: string | number
}

export function encodeCursor({ list, at }: Cursor): string {
  return btoa(encodeURIComponent(JSON.stringify([fingerprint(list), at])))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

/** @throws MemosError invalid_cursor */
export function decodeCursor<T extends 'string' | 'number'>(
  text: string | undefined,
  list: string,
  kind: T,
): (T extends 'string' ? string : number) | null {
  if (text === undefined) return null
  try {
    const [owner, at] = JSON.parse(decodeURIComponent(atob(text.replaceAll('-', '+').replaceAll('_', '/'))))
    if (owner === fingerprint(list) && isOf(kind, at)) return at
  } catch {
    // Falls through: whatever is wrong with the text, the answer is the same.
  }
  throw new MemosError('invalid_cursor', { field: 'cursor', expected: 'nextCursor of a page of this very list' })
}

/** A list is told from others by a short digest: its name may hold filters and is nobody's business. */
const fingerprint = (list: string): string => bytesToHex(sha256(utf8ToBytes(list)).subarray(0, 6))

const isOf = (kind: 'string' | 'number', value: unknown): boolean =>
  kind === 'string' ? typeof value === 'string' : Number.isSafeInteger(value)

/** One page from rows that were asked for one more than fits. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  list: string,
  place: (row: Row) => string | number,
  view: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(view),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor({ list, at: place(last) }) : null,
  }
}
