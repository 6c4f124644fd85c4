/**
 * Goal: the commands for single memories, branches, traces and principals do on a server what they say.
 * Method: they run against a Node edge over HTTP, and read back with other commands what they wrote.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EdgeUnderTest } from '../test/support/edge.ts'
import { openNodeEdge } from '../test/support/edge-node.ts'
import { runMemos } from '../test/support/memos-cli.ts'
import { tempDir } from '../test/support/temp-dir.ts'
import type { Io } from './io.ts'

let edge: EdgeUnderTest
beforeAll(async () => {
  // Found in the background; the tests wait for it.
  edge = await openNodeEdge({ MEMOS_UPKEEP_SECONDS: '1' })
})
afterAll(() => edge.close())

function memos(args: string[], more: Partial<Io> = {}) {
  const fetch: Io['fetch'] = (input, init) => {
    const { pathname, search } = new URL(String(input))
    return edge.fetch(`${pathname}${search}`, init as RequestInit)
  }
  return runMemos(args, { env: { MEMOS_KEY: edge.rootKey }, fetch, ...more })
}

/** The JSON answer of a command that must succeed. */
async function answer(...args: string[]) {
  const { code, out, err } = await memos([...args, '--json'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}

const stdinOf = (text: string): AsyncIterable<string> =>
  (async function* () {
    yield text
  })()

it('creates, changes, lists and erases a memory', async () => {
  await answer('namespaces', 'create', 'seats')
  const { cubeId } = await answer(
    'cube',
    'create',
    'Window seats.',
    '-n',
    'seats',
    '--tag',
    'train',
    '--title',
    'Seats',
  )
  const changed = await memos(['cube', 'update', cubeId, '-', '--mode', 'append'], {
    stdin: stdinOf('The aisle, too.\n'),
  })
  expect(changed.out).toMatch(/cube +01\w+[\s\S]*title +Seats[\s\S]*Window seats\.\n+The aisle, too\./)
  const untitled = await answer('cube', 'update', cubeId, '--clear', 'title', '--metadata', '{"by":"hand"}')
  expect(untitled).toMatchObject({ revision: 3, metadata: { by: 'hand' }, descriptive: { title: null } })
  expect((await memos(['cube', 'revisions', cubeId])).out).toMatch(/3 +overwrite[\s\S]*2 +append[\s\S]*1 +create/)
  expect((await memos(['cube', 'provenance', cubeId])).out).toContain('user_input')
  expect((await memos(['cube', 'list', '-n', 'seats', '--tag', 'train'])).out).toContain(cubeId)
  expect((await memos(['cube', 'list', '-n', 'seats', '--tag', 'boat'])).out).toBe('No memories.\n')
  expect((await memos(['cube', 'delete', cubeId])).out).toBe(`Deleted ${cubeId}.\n`)
  expect((await memos(['cube', 'show', cubeId])).err).toContain('code: not_found')
})

it('creates the memories of a file, all or none', async () => {
  await using folder = await tempDir()
  const file = join(folder.path, 'cubes.json')
  await answer('namespaces', 'create', 'many')
  await writeFile(
    file,
    JSON.stringify([
      { content: 'One.', namespace: 'many' },
      { content: ' ', namespace: 'many' },
    ]),
  )
  expect((await memos(['cube', 'create-many', file])).err).toContain('field: cubes.1.content')
  expect(await answer('cube', 'list', '-n', 'many')).toEqual([])
  await writeFile(file, '[')
  expect(await memos(['cube', 'create-many', file])).toMatchObject({
    code: 2,
    err: expect.stringContaining('not JSON'),
  })
  const missing = await memos(['cube', 'create-many', join(folder.path, 'none')])
  expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('cannot read') })
})

it('refuses a change of nothing before it asks the server', async () => {
  const fetch = () => Promise.reject(new Error('asked'))
  for (const args of [
    ['cube', 'update', '01ABC'],
    ['cube', 'update', '01ABC', ' '],
    ['branch', 'edit', 'idea', '01ABC'],
    ['cube', 'update', '01ABC', '--clear', 'tags'],
    ['namespaces', 'set', 'team', '{'],
    ['namespaces', 'grants', 'team', 'bob'],
    ['namespaces', 'grants', 'team', 'user:bob=read', '--none'],
  ])
    expect(await memos(args, { fetch }), args.join(' ')).toMatchObject({ code: 2, out: '' })
})

it('edits on a branch only, until the branch is merged', async () => {
  const { cubeId } = await answer('cube', 'create', 'The ferry leaves at dawn.')
  const other = await answer('cube', 'create', 'The harbour is closed.')
  await answer('branch', 'create', 'noon')
  const made = await answer('branch', 'add', 'noon', 'It is blue.', '--tag', 'ferry')
  expect((await memos(['branch', 'edit', 'noon', cubeId, 'The ferry leaves at noon.'])).out).toContain('at noon.')
  expect((await memos(['branch', 'remove', 'noon', other.cubeId])).out).toBe(`Removed ${other.cubeId} on noon.\n`)
  const shown = await memos(['branch', 'show', 'noon'])
  for (const line of [`added +${made.cubeId}`, `revised +${cubeId}`, `removed +${other.cubeId}`])
    expect(shown.out).toMatch(new RegExp(line))
  expect((await answer('cube', 'show', cubeId)).content).toBe('The ferry leaves at dawn.')
  expect((await answer('cube', 'show', cubeId, '--as-of', 'branch:noon')).content).toBe('The ferry leaves at noon.')
  expect((await memos(['branch', 'merge', 'noon'])).out).toBe('1 added, 1 revised, 1 archived, 0 kept.\n')
  expect((await answer('cube', 'show', cubeId)).content).toBe('The ferry leaves at noon.')
})

it('traces a text to the memory that holds its words, and to the export whose mark it carries', async () => {
  const text = 'The lighthouse keeper writes down every ship that passes the northern cape.'
  await answer('namespaces', 'create', 'cape')
  const { cubeId } = await answer('cube', 'create', text, '-n', 'cape')
  const plain = await memos(['audit', 'trace', text, '-n', 'cape'])
  expect(plain.out).toMatch(new RegExp(`^No mark of this server\\.\\n[\\s\\S]*${cubeId} +100 %`))
  await using folder = await tempDir()
  const file = join(folder.path, 'cape.tar')
  await answer('export', 'cape', '-o', file, '--watermark')
  const encoded = [...(await readFile(file, 'utf8')).matchAll(/"bytes":"([^"]+)"/g)]
  const revisions = encoded.map(([, base64 = '']) => Buffer.from(base64, 'base64').toString())
  // The mark stands behind the first word.
  const [marked = ''] = /The[^T]*lighthouse[^T]*cape\./.exec(revisions.join('\n')) ?? []
  expect(marked).not.toBe(text)
  const traced = await memos(['audit', 'trace', '-'], { stdin: stdinOf(marked) })
  expect(traced.err).toBe('')
  expect(traced.out).toMatch(/^[1-9]\d* genuine marks\.\n/)
  expect(traced.out).toContain('cape')
  expect((await memos(['audit', 'trace', 'Nobody wrote this sentence down anywhere.', '-n', 'cape'])).out).toBe(
    'No mark of this server.\nNo memory holds its words.\n',
  )
})

it('shows what a memory speaks of as its predicted tags', async () => {
  const { cubeId } = await answer('cube', 'create', 'Melanie Smith works in Lisbon.')
  expect((await memos(['cube', 'tags', cubeId])).code).toBe(0)
  await expect
    .poll(async () => (await memos(['cube', 'tags', cubeId])).out, { timeout: 20_000 })
    .toMatch(/melanie smith +Melanie Smith +person +1/)
})

it('registers users and agents, grants them a namespace, and deletes them only when told so', async () => {
  await answer('namespaces', 'create', 'shared')
  for (const kind of ['user', 'agent']) {
    await answer(kind, 'create', 'kim', '--name', 'Kim')
    expect((await memos([kind, 'list'])).out).toMatch(/kim +Kim/)
    expect((await memos(['namespaces', 'grants', 'shared', `${kind}:kim=read`])).out).toBe(`${kind}:kim=read\n`)
    const asked = await memos([kind, 'delete', 'kim'])
    expect(asked).toMatchObject({ code: 2, err: expect.stringContaining('keys, grants and private memory') })
    await answer(kind, 'delete', 'kim', '--yes')
    expect(await answer(kind, 'list')).toEqual([])
    expect((await memos(['namespaces', 'grants', 'shared'])).out).toBe('No grants.\n')
  }
})

it('changes a group of settings and leaves the others', async () => {
  await answer('namespaces', 'create', 'kept')
  await answer('namespaces', 'set', 'kept', '{"lifecycle":{"idleDays":30}}')
  const { out } = await memos(['namespaces', 'set', 'kept', '{"weights":{"session":0.5}}'])
  expect(out).toContain('"idleDays": 30')
  expect((await answer('namespaces', 'show', 'kept')).settings).toMatchObject({ weights: { session: 0.5 } })
  expect((await memos(['usage'])).out).toMatch(/^\d+ memories, [\d.]+ \w+\.\nDAY/)
})
