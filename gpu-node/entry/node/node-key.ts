import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'

/** The seed of this node's key: made at the first start, kept for its owner alone. @throws Error for a file that holds anything else */
export function nodeKey(path: string): Uint8Array {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    const seed = new Uint8Array(randomBytes(32))
    // Fails where there is one: two starts at once must not make two.
    writeFileSync(path, `${bytesToHex(seed)}\n`, { mode: 0o600, flag: 'wx' })
    return seed
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const text = readFileSync(path, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`${path}: expected a key of 32 bytes in hex`)
  return hexToBytes(text)
}
