import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

const SECRET_BYTES = 32
const PREFIX = 'memos'

/** The text a client sends: `memos_<key id>_<64 hex digits>`. The id finds the row, the rest proves possession. */
export function mintSecret(keyId: string, randomBytes: (length: number) => Uint8Array): string {
  return `${PREFIX}_${keyId}_${bytesToHex(randomBytes(SECRET_BYTES))}`
}

/** Id inside a presented secret, or null when it has another form. */
export const keyIdOf = (secret: string): string | null =>
  /^memos_([0-9A-Z]{26})_[0-9a-f]{64}$/.exec(secret)?.[1] ?? null

/** What is stored of a secret. It carries 256 random bits, so one fast hash is as good as a slow one. */
export const hashSecret = (secret: string): string => bytesToHex(sha256(utf8ToBytes(secret)))

/** Compares two hex digests without telling by time where they differ. */
export function sameDigest(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at)
  return difference === 0
}
