import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../config-error.ts'

const ROOT_KEY_LENGTH_MIN = 32

export interface RootKey {
  key: string
  /** Whether it was made just now: it is shown once. */
  isNew: boolean
}

/** The root key: from the environment, else from `root.key` in the home folder, else made and stored there (mode 0600). */
export function rootKey(home: string, given: string | undefined): RootKey {
  if (given !== undefined) return { key: given, isNew: false }
  const path = join(home, 'root.key')
  try {
    const key = readFileSync(path, 'utf8').trim()
    if (key.length < ROOT_KEY_LENGTH_MIN)
      throw new ConfigError(
        `${path}: expected a key of at least ${ROOT_KEY_LENGTH_MIN} characters. Remove the file to get a new key.`,
      )
    return { key, isNew: false }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const key = `memos_root_${randomBytes(32).toString('hex')}`
  // `wx`: of two first starts at once, one writes and the other fails loudly instead of locking the first one out.
  writeFileSync(path, `${key}\n`, { mode: 0o600, flag: 'wx' })
  return { key, isNew: true }
}
