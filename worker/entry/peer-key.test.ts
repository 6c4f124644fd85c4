import { expect, it } from 'vitest'
import { ConfigError } from './config-error.ts'
import { parsePeerKey } from './peer-key.ts'

const BYTES = Uint8Array.from({ length: 32 }, (_, i) => (i * 37) % 256)

it.each(['hex', 'base64url'] as const)('reads 32 bytes of %s', (encoding) => {
  expect(parsePeerKey(`${Buffer.from(BYTES).toString(encoding)}\n`, 'MEMOS_PEER_KEY')).toEqual(BYTES)
})

it.each(['', 'short', 'x'.repeat(64), `${'A'.repeat(42)}B`, 'A'.repeat(44)])(
  'refuses "%s", names the setting and not its value',
  (text) => {
    expect(() => parsePeerKey(text, 'MEMOS_PEER_KEY')).toThrow(ConfigError)
    expect(() => parsePeerKey(text, 'MEMOS_PEER_KEY')).toThrow(
      /^MEMOS_PEER_KEY: expected 32 bytes, as 64 hex digits or 43/,
    )
  },
)
