import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { ConfigError } from '../config-error.ts'
import { peerKey } from './peer-key.ts'

it('is made once, kept where only its owner reads it, and the same ever after', async () => {
  await using home = await tempDir()
  const made = peerKey(home.path, undefined)
  const path = join(home.path, 'peer.key')
  expect(made).toHaveLength(32)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readFileSync(path, 'utf8')).toBe(`${Buffer.from(made).toString('hex')}\n`)
  expect(peerKey(home.path, undefined)).toEqual(made)
})

it('prefers the setting, and refuses a file that holds no key', async () => {
  await using home = await tempDir()
  const given = Buffer.alloc(32, 7)
  expect(peerKey(home.path, given.toString('base64url'))).toEqual(new Uint8Array(given))
  writeFileSync(join(home.path, 'peer.key'), 'half a key\n')
  expect(() => peerKey(home.path, undefined)).toThrow(ConfigError)
})
