import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, EXIT } from './failure.ts'
import type { Io } from './io.ts'

export const DEFAULT_URL = 'http://127.0.0.1:8787'
const ROOT_KEY_FILE = 'root.key'
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

export interface GlobalOptions {
  url?: string
  key?: string
  org?: string
  json?: boolean
}

export interface Connection {
  url: string
  /** Undefined when none was given and none may be read. */
  key: string | undefined
  keySource: string
  organisation: string | undefined
}

/** Where MemOS keeps its data, as the server reads it from the same variable. */
export const homeOf = (io: Io): string => io.env.MEMOS_HOME ?? '.memos'

/** Server and key: options first, then the environment, then the server on this machine with its own root key. */
export function connectionOf({ url, key, org }: GlobalOptions, io: Io): Connection {
  const address = parseUrl(url ?? io.env.MEMOS_URL ?? DEFAULT_URL)
  const found = { url: address.href.replace(/\/+$/, ''), organisation: org ?? io.env.MEMOS_ORG }
  if (key !== undefined) return { ...found, key, keySource: '--key' }
  if (io.env.MEMOS_KEY) return { ...found, key: io.env.MEMOS_KEY, keySource: 'MEMOS_KEY' }
  // The root key of this machine must never travel to another one.
  if (!LOOPBACK.test(address.hostname)) return { ...found, key: undefined, keySource: 'none' }
  const file = join(homeOf(io), ROOT_KEY_FILE)
  return { ...found, key: readKey(file), keySource: file }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new CliError(`"${text}" is not an address of a server`, {
    next: `Give one like ${DEFAULT_URL}`,
    exitCode: EXIT.usage,
  })
}

function readKey(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch {
    return undefined // Not there, or not ours to read: either way the caller has to name a key.
  }
}
