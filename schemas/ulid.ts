const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const TIME_CHARACTERS = 10
const RANDOM_CHARACTERS = 16

/** ULID (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits, Crockford base32, sortable by time. */
export function ulid(nowMs: number, randomBytes: (length: number) => Uint8Array): string {
  let time = ''
  for (let rest = nowMs, at = 0; at < TIME_CHARACTERS; at++) {
    time = ALPHABET[rest % 32] + time
    rest = Math.floor(rest / 32)
  }
  let random = ''
  for (const byte of randomBytes(RANDOM_CHARACTERS)) random += ALPHABET[byte % 32]
  return time + random
}
