import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runMemos } from '../test/support/memos-cli.ts'
import { tempDir } from '../test/support/temp-dir.ts'
import type { Io } from './io.ts'

type Reply = (request: Request) => Response | Promise<Response>

/** Runs `memos ARGS` against a server that answers with `reply`. */
async function memos(args: string[], reply: Reply = () => new Response(null, { status: 500 }), more: Partial<Io> = {}) {
  const seen: { path: string; key: string | null; body: string }[] = []
  const fetch: Io['fetch'] = async (input, init) => {
    const request = new Request(input, init as RequestInit)
    const { pathname, search } = new URL(request.url)
    seen.push({
      path: `${request.method} ${pathname}${search}`,
      key: request.headers.get('authorization'),
      body: await request.clone().text(),
    })
    return reply(request)
  }
  return { ...(await runMemos(args, { fetch, ...more })), seen }
}

const problem = (status: number, code: string, more: object = {}) =>
  Response.json({ code, title: code, status, detail: `about ${code}`, requestId: 'r9', ...more }, { status })

const memory = (content: string) => ({
  score: 0.75,
  explain: { lexical: 0.5, recency: 0.25 },
  cube: {
    cubeId: '01ABC',
    content,
    descriptive: { saidAt: '2026-03-05T09:30:00Z', speaker: 'Alice', memoryType: 'plaintext' },
  },
})
const found = (...contents: string[]) =>
  Response.json({
    results: contents.map(memory),
    retrieval: { mode: 'lexical', model: null, spelling: {}, notes: ['no model'], terms: [] },
    tookMs: 3.21,
  })

it('remembers a text with its facts', async () => {
  const receipt = { cubes: [{ cubeId: '01ABC', namespace: 'team', revision: 1, cid: 'b' }], taskId: null }
  const { code, out, seen } = await memos(['add', 'Tea at five', '-n', 'team', '--tag', 'a', '--tag', 'b'], () =>
    Response.json(receipt),
  )
  expect(code).toBe(0)
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ text: 'Tea at five', namespace: 'team', tags: ['a', 'b'] })
  expect(out).toBe('CUBE   NAMESPACE  REVISION\n01ABC  team              1\n')
})

it('reads the text from standard input', async () => {
  const stdin = (async function* () {
    yield new TextEncoder().encode('from a pipe\n')
  })()
  const { seen } = await memos(['add', '-'], () => Response.json({ cubes: [], taskId: null }), { stdin })
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ text: 'from a pipe' })
})

it('shows results as a table and how they were found beside it', async () => {
  const { out, err, seen } = await memos(
    ['search', 'seat', '--limit', '3', '--explain', '--filter', '{"field":"role","value":"user"}'],
    () => found('Window seats\nplease'),
  )
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
    query: 'seat',
    limit: 3,
    explain: true,
    filter: { field: 'role', value: 'user' },
  })
  expect(out).toContain('0.750  2026-03-05  Alice    Window seats please  01ABC')
  expect(out).toContain('1: lexical 0.500, recency 0.250')
  expect(err).toBe('lexical; 3.2 ms; no model\n')
})

it('prints nothing but JSON with --json, before or after the command', async () => {
  for (const args of [
    ['--json', 'search', 'x'],
    ['search', 'x', '--json'],
  ]) {
    const { out, err } = await memos(args, () => found('a'))
    expect(JSON.parse(out).results[0].cube.content).toBe('a')
    expect(err).toBe('')
  }
})

it('tells what is wrong, where, and what to do next', async () => {
  const refused = () => problem(400, 'invalid_request', { field: 'limit', expected: 'at most 100' })
  const { code, err } = await memos(['search', 'x'], refused)
  expect(code).toBe(1)
  expect(err).toBe(
    'error: about invalid_request\n  code: invalid_request   field: limit   expected: at most 100   request: r9\n',
  )
  const noKey = await memos(['search', 'x', '--json'], () => problem(401, 'unauthenticated'))
  expect(JSON.parse(noKey.err).error).toMatchObject({
    code: 'unauthenticated',
    requestId: 'r9',
    next: expect.stringContaining('MEMOS_KEY'),
  })
})

it('has its own exit codes for wrong usage and for no answer', async () => {
  expect((await memos(['serach'])).code).toBe(2)
  expect((await memos(['search', 'x', '--limit', 'many'])).code).toBe(2)
  expect((await memos(['search', 'x', '--filter', '{'])).code).toBe(2)
  expect((await memos(['search', 'x', '--url', 'nowhere'])).code).toBe(2)
  expect((await memos(['--help'])).code).toBe(0)
  const fetch = () => Promise.reject(new TypeError('refused'))
  const stopped = await memos(['keys', 'list', '--url', 'http://127.0.0.1:9'], undefined, { fetch })
  expect(stopped).toMatchObject({ code: 3, err: expect.stringContaining('memos start') })
})

it('uses the root key of this machine for a local server and never sends it to another one', async () => {
  await using home = await tempDir()
  await writeFile(join(home.path, 'root.key'), 'secret\n')
  const env = { MEMOS_HOME: home.path }
  const page = () => Response.json({ items: [], nextCursor: null })
  expect((await memos(['keys', 'list'], page, { env })).seen[0]?.key).toBe('Bearer secret')
  const remote = await memos(['keys', 'list', '--url', 'https://memory.example'], page, { env })
  expect(remote).toMatchObject({ code: 1, seen: [], err: expect.stringContaining('no key') })
})

it('asks before it deletes a namespace, and only deletes with --yes where nobody can answer', async () => {
  const reply: Reply = ({ method }) =>
    method === 'DELETE' ? new Response(null, { status: 204 }) : Response.json({ name: 'team', cubes: 12 })
  const asked = await memos(['namespaces', 'delete', 'team'], reply)
  expect(asked).toMatchObject({ code: 2, err: expect.stringContaining('12 memories') })
  expect(asked.seen.map(({ path }) => path)).toEqual(['GET /v1/namespaces/team'])
  const told = await memos(['namespaces', 'delete', 'team', '--yes'], reply)
  expect(told).toMatchObject({ code: 0, out: 'Deleted team.\n' })
})

it('shows the secret of a new key as the last line, so that a script can take it', async () => {
  const key = {
    id: 'K1',
    name: 'app',
    scopes: ['memory:read'],
    subject: { kind: 'user', id: 'al' },
    revokedAt: null,
    expiresAt: null,
  }
  const { out, seen } = await memos(['keys', 'create', 'app', '--user', 'al', '--days', '9'], () =>
    Response.json({ key, secret: 's3' }),
  )
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
    name: 'app',
    subject: { kind: 'user', id: 'al' },
    expiresInDays: 9,
  })
  expect(out.trim().split('\n').at(-1)).toBe('s3')
})

it('exports to a file that exists only when it is whole', async () => {
  await using home = await tempDir()
  const output = join(home.path, 'out.tar')
  const { code, out } = await memos(['export', 'team', '-o', output], () => new Response('archive'))
  expect({ code, out }).toEqual({ code: 0, out: `Wrote ${output} (7 bytes).\n` })
  expect(await readFile(output, 'utf8')).toBe('archive')
  const broken = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(3))
      controller.error(new Error('gone'))
    },
  })
  const cutOff = await memos(['export', 'team', '-o', join(home.path, 'two.tar')], () => new Response(broken))
  expect(cutOff.code).toBe(1)
  const empty = await memos(['export', 'team', '-o', join(home.path, 'three.tar')], () => new Response(''))
  expect(empty).toMatchObject({ code: 1, err: expect.stringContaining('empty archive') })
  expect(await readdir(home.path)).toEqual(['out.tar'])
})

it('imports a file and lists what was skipped', async () => {
  await using home = await tempDir()
  const file = join(home.path, 'in.tar')
  await writeFile(file, 'bytes')
  const report = { created: 2, updated: 0, unchanged: 1, skipped: [{ line: 4, reason: 'too large' }] }
  const { out, seen } = await memos(['import', file, '-n', 'team', '--format', 'mem0'], () => Response.json(report))
  expect(seen[0]).toMatchObject({ path: 'POST /v1/import?namespace=team&format=mem0', body: 'bytes' })
  expect(out).toContain('entry 4: too large')
  expect((await memos(['import', join(home.path, 'none')])).code).toBe(2)
})

it('checks machine, server, database, key and clock', async () => {
  await using home = await tempDir()
  await mkdir(join(home.path, 'data'))
  const env = { MEMOS_KEY: 'k1', MEMOS_HOME: join(home.path, 'data') }
  const headers = { date: new Date().toUTCString() }
  const good = await memos(['doctor', '--json'], () => Response.json({ items: [], nextCursor: null }, { headers }), {
    env,
  })
  expect(
    JSON.parse(good.out).findings.map(({ check, state }: { check: string; state: string }) => [check, state]),
  ).toEqual(
    ['Node.js', 'MEMOS_HOME', 'root key file', 'disk', 'server', 'database', 'key', 'clock'].map((check) => [
      check,
      'ok',
    ]),
  )
  const bad = await memos(
    ['doctor'],
    ({ url }) => (url.endsWith('/healthz') ? Response.json({}) : problem(503, 'database_busy')),
    { env },
  )
  expect(bad.code).toBe(1)
  expect(bad.out).toMatch(/FAIL {2}database: \/readyz answered 503\n {6}next: /)
  expect(bad.out).toMatch(/FAIL {2}key: MEMOS_KEY/)
})

it('completes commands, options and what is below a command, in bash', async () => {
  const { out } = await memos(['completion', 'bash'])
  const complete = (...words: string[]) => {
    const line = words.map((word) => `'${word}'`).join(' ')
    const script = `${out}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _memos; echo "\${COMPREPLY[*]}"`
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split(' ')
  }
  expect(complete('memos', 'na')).toEqual(['namespaces'])
  expect(complete('memos', 'keys', '')).toEqual(
    expect.arrayContaining(['create', 'list', 'rotate', 'revoke', '--json']),
  )
  expect(complete('memos', '--json', 'keys', 'create', '--sc')).toEqual(['--scope'])
})

it('moves an organisation, and ends a move', async () => {
  const task = { id: '01TASK', kind: 'move_organisation', state: 'queued' }
  const asked = await memos(['org', 'move', '01ORG', 'shard-1'], () => Response.json(task, { status: 202 }))
  expect(asked).toMatchObject({ code: 0, out: '01TASK\n' })
  expect(asked.seen[0]).toMatchObject({
    path: 'POST /v1/organisations/01ORG/move',
    body: JSON.stringify({ database: 'shard-1' }),
  })
  const kept = {
    id: '01ORG',
    name: 'Acme',
    database: 'default',
    state: 'active',
    cubesMax: null,
    createdAt: '2026-03-05T09:30:00Z',
  }
  const ended = await memos(['org', 'move', '01ORG', '--abort'], () => Response.json(kept))
  expect(ended.seen[0]?.path).toBe('DELETE /v1/organisations/01ORG/move')
  expect(ended.out).toContain('active')
  for (const args of [[], ['shard-1', '--abort']])
    expect(await memos(['org', 'move', '01ORG', ...args])).toMatchObject({ seen: [], out: '' })
})

it('shows what is at hand, chooses it anew, and lists decisions', async () => {
  const decision = {
    id: 7,
    namespace: 'n',
    at: '2026-03-05T09:30:00Z',
    kind: 'hot_set',
    strategy: 'label',
    inputs: {},
    choice: {},
    reason: 'Those with the most labels in common.',
    caller: 'k1',
    cubeId: null,
    taskId: null,
  }
  const cube = { cubeId: '01ABC', rank: 1, score: 0.5, heat: 2.25, accessCount: 3, lastUsedAt: '2026-03-05T09:30:00Z' }
  const set = { namespace: 'n', cubes: [cube], decision }
  const run = await memos(
    ['schedule', 'run', 'n', '--strategy', 'label', '--label', 'sea', '--label', 'boat', '--max', '4'],
    () => Response.json(set),
  )
  expect(run.seen[0]).toMatchObject({
    path: 'POST /v1/namespaces/n/schedule',
    body: JSON.stringify({ strategy: 'label', labels: ['sea', 'boat'], hotMax: 4 }),
  })
  expect(run.out).toMatch(/RANK\s+CUBE[\s\S]*1\s+01ABC\s+0\.5\s+2\.25\s+3[\s\S]*labels in common/)
  const shown = await memos(['schedule', 'show', 'n', '--json'], () => Response.json(set))
  expect(JSON.parse(shown.out)).toEqual(set)
  const listed = await memos(['decisions', '--namespace', 'n', '--kind', 'hot_set'], () =>
    Response.json({ items: [decision, decision], nextCursor: null }),
  )
  expect(listed.seen[0]?.path).toBe('GET /v1/decisions?namespace=n&kind=hot_set')
  expect(listed.out.trim().split('\n')).toHaveLength(3)
})

it('shows what a text would change, and carries it out on request', async () => {
  const operation = {
    op: 'skip',
    reason: 'greeting',
    message: 0,
    span: { start: 0, end: 3 },
    content: null,
    semanticType: null,
    target: null,
    by: 'rules',
    applied: false,
  }
  const plan = { namespace: 'default', operations: [operation], notes: ['a note'] }
  const planned = await memos(['add', 'Hi!', '--plan'], () => Response.json(plan))
  expect(planned.seen[0]?.path).toBe('POST /v1/memories/plan')
  expect(planned.out).toBe('DO    BECAUSE   TEXT  MEMORY  DONE\nskip  greeting  -     -       no\n')
  expect(planned.err).toContain('a note')
  const applied = await memos(['add', 'Hi!', '--apply', '--confirm'], () =>
    Response.json({ cubes: [], taskId: null, plan }),
  )
  expect(JSON.parse(applied.seen[0]?.body ?? '')).toEqual({ text: 'Hi!', mode: 'plan', confirm: true })
})

it('reads a prompt in its conversation', async () => {
  const call = {
    callerId: 'k',
    scope: [],
    memoryType: null,
    semanticType: 'event',
    intent: 'recall',
    target: 'answer',
    needsMemory: true,
    reason: 'follow_up',
    window: { from: null, to: null },
    entities: ['Tom'],
    topics: [],
    speakers: [],
    by: 'rules',
  }
  const { out, seen } = await memos(['read', 'and Tom?', '--turn', 'Where is Ana?', '--turn', 'Here.'], () =>
    Response.json({ call, rewritten: 'Where is Tom?', notes: [] }),
  )
  expect(JSON.parse(seen[0]?.body ?? '').turns).toEqual([
    { role: 'user', content: 'Where is Ana?' },
    { role: 'assistant', content: 'Here.' },
  ])
  expect(out).toContain('Where is Tom?')
  expect(out).toContain('yes (follow_up)')
})

it('pins, compares and brings back a namespace', async () => {
  const pin = { name: 'pin', cubes: 3, createdBy: 'k', createdAt: '2026-03-05T09:30:00Z', digest: 'abc' }
  const made = await memos(['snapshot', 'create', 'pin'], () => Response.json(pin, { status: 201 }))
  expect(made).toMatchObject({ code: 0, err: 'digest abc\n' })
  expect(made.seen[0]?.path).toBe('POST /v1/namespaces/default/snapshots')
  const side = { revision: 2, cid: 'b', state: 'generated' }
  const entry = { cubeId: '01ABC', change: 'revised', from: { ...side, revision: null }, to: side }
  const diff = await memos(['snapshot', 'diff', 'snapshot:pin', '-n', 'team'], () =>
    Response.json({ items: [entry], nextCursor: null }),
  )
  expect(diff.seen[0]?.path).toBe('GET /v1/namespaces/team/diff?from=snapshot%3Apin&to=now')
  expect(diff.out).toContain('revised  01ABC  purged generated  2 generated')
  const report = { revised: ['a'], archived: [], broughtBack: ['b', 'c'], erased: 1 }
  const restored = await memos(['snapshot', 'restore', 'pin'], () => Response.json(report))
  expect(restored.out).toBe('1 revised, 0 archived, 2 brought back.\n')
  expect(restored.err).toContain('1 memories of the snapshot have been erased')
})

it.each([
  [['snapshot', 'delete', 'pin', '-n', 'team'], 'DELETE /v1/namespaces/team/snapshots/pin', 'pin'],
  [['role', 'delete', 'manager'], 'DELETE /v1/roles/manager', 'manager'],
  [['block', 'delete', '01ABC'], 'DELETE /v1/blocks/01ABC', '01ABC'],
])('deletes: memos %j', async (args, path, name) => {
  const done = await memos(args, () => new Response(null, { status: 204 }))
  expect(done).toMatchObject({ code: 0, out: `Deleted ${name}.\n`, err: '' })
  expect(done.seen.map((one) => one.path)).toEqual([path])
})

it('lists what a task waits for, and stops it', async () => {
  const at = '2026-03-05T09:30:00Z'
  const task = { id: '01T', kind: 'promote', state: 'queued', progress: 0, total: 2, attempts: 0, error: null }
  const waiting = { ...task, waitingFor: 'a GPU node', createdAt: at, updatedAt: at }
  const listed = await memos(['task', 'list', '--state', 'queued'], () =>
    Response.json({ items: [waiting], nextCursor: null }),
  )
  expect(listed.seen[0]?.path).toBe('GET /v1/tasks?state=queued')
  expect(listed.out).toMatch(/01T +promote +queued +0\/2 .* a GPU node/)
  const shown = await memos(['task', 'show', '01T'], () => Response.json(waiting))
  expect(shown.seen[0]?.path).toBe('GET /v1/tasks/01T')
  expect(shown.out).toBe(listed.out)
  const stopped = await memos(['task', 'cancel', '01T'], () => Response.json({ ...waiting, state: 'cancelled' }))
  expect(stopped.seen[0]?.path).toBe('POST /v1/tasks/01T/cancel')
  expect(stopped.out).toContain('cancelled')
})

it('lists the side effects that failed, and tries one again', async () => {
  const at = '2026-03-05T09:30:00Z'
  const effect = { id: '01E', kind: 'notify', state: 'failed', attempts: 9, nextAt: at, error: '503', createdAt: at }
  const listed = await memos(['pipeline', 'effects', '--state', 'failed'], () =>
    Response.json({ items: [effect], nextCursor: null }),
  )
  expect(listed.seen[0]?.path).toBe('GET /v1/effects?state=failed')
  expect(listed.out).toMatch(/01E +notify +failed +9 +2026-03-05 09:30 +503/)
  const again = await memos(['pipeline', 'retry', '01E'], () => Response.json({ ...effect, state: 'waiting' }))
  expect(again.seen[0]?.path).toBe('POST /v1/effects/01E/retry')
  expect(again.out).toContain('waiting')
})

it('adds and removes members of a block, and lists what it holds then', async () => {
  const member = { cubeId: '01ABC', weight: 0, usefulness: 0.5, state: 'activated', retiredAt: null }
  const { out, seen } = await memos(['block', 'members', 'b', '--add', '01ABC', '--remove', '01OLD'], ({ method }) => {
    if (method === 'POST') return Response.json({ added: 1 })
    if (method === 'DELETE') return new Response(null, { status: 204 })
    return Response.json({ items: [{ ...member, addedAt: '2026-03-05T09:30:00Z' }], nextCursor: null })
  })
  expect(seen.map((one) => one.path)).toEqual([
    'POST /v1/blocks/b/members',
    'DELETE /v1/blocks/b/members/01OLD',
    'GET /v1/blocks/b/members',
  ])
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ cubeIds: ['01ABC'] })
  expect(out).toMatch(/01ABC +activated +0\.500/)
})

it('opens, merges and discards branches, and reverts a memory', async () => {
  const branch = {
    name: 'idea',
    cubeId: null,
    state: 'open',
    createdBy: 'k',
    createdAt: '2026-03-05T09:30:00Z',
    closedAt: null,
  }
  const made = await memos(['branch', 'create', 'idea', '--cube', '01ABC'], () =>
    Response.json(branch, { status: 201 }),
  )
  expect(JSON.parse(made.seen[0]?.body ?? '')).toEqual({ name: 'idea', cubeId: '01ABC' })
  const conflict = { cubeId: '01ABC', field: 'title' }
  const report = { branch: 'idea', added: [], revised: ['01ABC'], archived: [], kept: [], conflicts: [conflict] }
  const merged = await memos(['branch', 'merge', 'idea', '--strategy', 'theirs'], () => Response.json(report))
  expect(merged).toMatchObject({
    out: '0 added, 1 revised, 0 archived, 0 kept.\n',
    err: 'theirs decided title of 01ABC\n',
  })
  const refused = await memos(['branch', 'merge', 'idea'], () =>
    problem(409, 'merge_conflict', { conflicts: [conflict] }),
  )
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('  title of 01ABC\n  next: Settle them on the branch')
  const gone = await memos(['branch', 'discard', 'idea'], () => new Response(null, { status: 204 }))
  expect(gone.out).toBe('Discarded idea.\n')
  const { cube } = memory('as it was')
  const reverted = await memos(['cube', 'revert', '01ABC', '2'], () => Response.json({ ...cube, revision: 4 }))
  expect(reverted.seen[0]).toMatchObject({ path: 'POST /v1/cubes/01ABC/restore', body: '{"revision":2}' })
  expect([reverted.out, reverted.err]).toEqual(['as it was\n', '01ABC is at revision 4\n'])
})

it('looks at another point with --as-of', async () => {
  const { seen } = await memos(['search', 'boat', '--as-of', 'snapshot:pin'], () => found('a'))
  expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ query: 'boat', asOf: 'snapshot:pin' })
})
