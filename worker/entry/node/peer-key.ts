import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parsePeerKey } from '../peer-key.ts'

const KEY_BYTES = 32

/** The peer key: from the environment, else from `peer.key` in the home folder, else made and stored there (mode 0600). */
export function peerKey(home: string, given: string | undefined): Uint8Array {
  if (given !== undefined) return parsePeerKey(given, 'MEMOS_PEER_KEY')
  const path = join(home, 'peer.key')
  try {
    return parsePeerKey(readFileSync(path, 'utf8'), path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const key = randomBytes(KEY_BYTES)
  // `wx`: of two first starts at once, one writes and the other fails loudly instead of signing with a key that nobody keeps.
  writeFileSync(path, `${key.toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  return new Uint8Array(key)
}
