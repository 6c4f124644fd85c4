import { bytesToHex } from '@noble/hashes/utils.js'

const SECRET_BYTES = 32

/** The text that lets a node join once: `node_<token id>_<64 hex digits>`. */
export const mintNodeToken = (id: string, randomBytes: (length: number) => Uint8Array): string =>
  `node_${id}_${bytesToHex(randomBytes(SECRET_BYTES))}`

/** Id inside a presented token, or null when it has another form. */
export const nodeTokenIdOf = (token: string): string | null =>
  /^node_([0-9A-Z]{26})_[0-9a-f]{64}$/.exec(token)?.[1] ?? null
