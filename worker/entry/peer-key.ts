import { ConfigError } from './config-error.ts'

const PEER_KEY_BYTES = 32
const HEX = /^[0-9a-f]{64}$/i
/** The last of 43 characters carries four bits. */
const BASE64URL = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** The 32 bytes of a peer key. @throws ConfigError naming where it came from, never the key */
export function parsePeerKey(text: string, from: string): Uint8Array {
  const trimmed = text.trim()
  if (HEX.test(trimmed)) return Uint8Array.from(trimmed.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  if (!BASE64URL.test(trimmed))
    throw new ConfigError(`${from}: expected ${PEER_KEY_BYTES} bytes, as 64 hex digits or 43 characters of base64url`)
  const binary = atob(`${trimmed.replaceAll('-', '+').replaceAll('_', '/')}=`)
  return Uint8Array.from(binary, (char) => char.charCodeAt(0))
}
