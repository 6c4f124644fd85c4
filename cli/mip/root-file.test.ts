/**
 * Goal: the root key stays where it was made, and signs nothing that contradicts what it has signed before.
 * Method: the commands against a Node edge over HTTP; every byte that is sent is looked at, and a server is made to forget.
 */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EdgeUnderTest } from '../../test/support/edge.ts'
import { openNodeEdge } from '../../test/support/edge-node.ts'
import { runMemos } from '../../test/support/memos-cli.ts'
import { tempDir } from '../../test/support/temp-dir.ts'

let edge: EdgeUnderTest
let home: Awaited<ReturnType<typeof tempDir>>
let sent = ''
/** What a server says instead of its log. */
let forged: ((path: string) => Promise<Response>) | null = null

beforeAll(async () => {
  edge = await openNodeEdge()
  home = await tempDir()
})
afterAll(async () => {
  await edge.close()
  await home.remove()
})

const memos = (...args: string[]) =>
  runMemos(args, {
    env: { MEMOS_KEY: edge.rootKey },
    fetch: (input, init) => {
      const { pathname, search } = new URL(String(input))
      sent += `${pathname}${search} ${JSON.stringify(init)}`
      if (forged !== null && pathname.startsWith('/mip/')) return forged(`${pathname}${search}`)
      return edge.fetch(`${pathname}${search}`, init as RequestInit)
    },
  })
const file = (name: string) => join(home.path, name)
const rootIn = async (name: string) => JSON.parse(await readFile(file(name), 'utf8')) as Record<string, string>

it('makes the key in a file that only its owner reads, and never over another one', async () => {
  expect((await memos('org', 'init', '--key-file', file('root.json'))).code).toBe(0)
  expect((await stat(file('root.json'))).mode & 0o777).toBe(0o600)
  const again = await memos('org', 'init', '--key-file', file('other.json'))
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('already')])
})

it('rotates and delegates, and sends neither of the keys', async () => {
  const before = await rootIn('root.json')
  expect((await memos('org', 'rotate', '-k', file('root.json'))).code).toBe(0)
  const after = await rootIn('root.json')
  expect([after.org, after.root]).toEqual([before.org, before.next])
  expect((await stat(file('root.json'))).mode & 0o777).toBe(0o600)
  expect((await memos('org', 'delegate', '-k', file('root.json'), '--days', '30')).code).toBe(0)
  for (const secret of [before.root, before.next, after.next]) expect(sent).not.toContain(secret)
})

it('does not sign with a key that is out of force', async () => {
  const current = await readFile(file('root.json'), 'utf8')
  const { next, ...rest } = JSON.parse(current) as Record<string, string>
  await writeFile(file('wrong.json'), JSON.stringify({ ...rest, root: next, next }))
  const refused = await memos('org', 'delegate', '-k', file('wrong.json'))
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('another root key')])
})

it('does not sign after a server that has forgotten entries, or serves others', async () => {
  const { org } = await rootIn('root.json')
  forged = (path) => edge.fetch(path.replace(/limit=\d+/, 'limit=1').replace(/from=[1-9]\d*/, 'from=99'))
  const forgotten = await memos('org', 'delegate', '-k', file('root.json'))
  expect([forgotten.code, forgotten.err]).toEqual([1, expect.stringContaining('less of the main log')])
  forged = async (path) => {
    const bytes = new Uint8Array(await (await edge.fetch(path)).arrayBuffer())
    // Somewhere inside the first entry.
    bytes[200] = (bytes[200] ?? 0) ^ 1
    return new Response(bytes)
  }
  expect((await memos('org', 'delegate', '-k', file('root.json'))).code).toBe(1)
  forged = null
  expect((await memos('mip', 'export', org ?? '', '-o', file('main.car'))).code).toBe(0)
})

it('verifies a log in a file, and refuses one that was changed or cut', async () => {
  const good = await memos('mip', 'verify', file('main.car'))
  expect([good.code, good.out]).toEqual([0, expect.stringContaining('as they were signed')])
  const bytes = await readFile(file('main.car'))
  for (let at = 0; at < bytes.length; at += 97) {
    const changed = new Uint8Array(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    await writeFile(file('changed.car'), changed)
    expect((await memos('mip', 'verify', file('changed.car'))).code, `byte ${at}`).toBe(1)
  }
  await writeFile(file('cut.car'), bytes.subarray(0, bytes.length - 300))
  expect((await memos('mip', 'verify', file('cut.car'))).code).toBe(1)
})
