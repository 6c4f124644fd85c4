import { aessiv } from '@noble/ciphers/aes.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'multiformats/bases/base64'
import { MemosError } from '../../../schemas/errors.ts'

/** AES-SIV takes two keys of AES-256 (RFC 5297, section 2.6). */
const KEY_BYTES = 64
/** As many digits as the largest safe integer has: the length of a cursor does not tell how large a number is. */
const NUMBER_DIGITS = 16

/** One page of a list. `nextCursor` is null on the last one. */
export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

/**
 * Cursors of lists. A place in a list may count what its reader may not see (an order of arrival, a number of the database), so cursors
 * are sealed with a key of the deployment. AES-SIV (RFC 5297): the same place gives the same cursor, and one that was made up, or belongs to
 * another list, is refused.
 */
export class Cursors {
  readonly #key: Uint8Array

  /** `secret` is known to the deployment only; with another one, cursors from before are refused. */
  constructor(secret: string) {
    this.#key = hkdf(sha256, utf8ToBytes(secret), undefined, utf8ToBytes('memos-cursor-v1'), KEY_BYTES)
  }

  /** The place that a cursor of this list names; null without one. @throws MemosError invalid_cursor */
  read<T extends 'string' | 'number'>(
    text: string | undefined,
    list: string,
    kind: T,
  ): (T extends 'string' ? string : number) | null {
    if (text === undefined) return null
    try {
      const place = new TextDecoder().decode(this.#cipher(list, kind).decrypt(base64url.baseDecode(text)))
      return (kind === 'string' ? place : Number(place)) as T extends 'string' ? string : number
    } catch {
      throw new MemosError('invalid_cursor', { field: 'cursor', expected: 'nextCursor of a page of this very list' })
    }
  }

  /** One page from rows that were asked for one more than fits. `place`: a string, or a whole number from 0. */
  page<Row, Item>(
    rows: readonly Row[],
    limit: number,
    list: string,
    place: (row: Row) => string | number,
    view: (row: Row) => Item,
  ): Page<Item> {
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    return {
      items: shown.map(view),
      nextCursor: rows.length > limit && last !== undefined ? this.#seal(list, place(last)) : null,
    }
  }

  #seal(list: string, at: string | number): string {
    const place = typeof at === 'string' ? at : String(at).padStart(NUMBER_DIGITS, '0')
    return base64url.baseEncode(this.#cipher(list, typeof at).encrypt(utf8ToBytes(place)))
  }

  #cipher(list: string, kind: string) {
    return aessiv(this.#key, utf8ToBytes(kind), utf8ToBytes(list))
  }
}
