/**
 * Goal: a log reaches another edge on a stick, with nothing between them.
 * Method: the commands export from one Node edge and import into another one that follows it and reaches nobody.
 */
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { EdgeUnderTest } from '../../test/support/edge.ts'
import { openNodeEdge } from '../../test/support/edge-node.ts'
import { runMemos } from '../../test/support/memos-cli.ts'
import { tempDir } from '../../test/support/temp-dir.ts'

async function opened() {
  const edge: EdgeUnderTest = await openNodeEdge()
  onTestFinished(() => edge.close())
  const memos = async (...args: string[]) => {
    const run = await runMemos([...args, '--json'], {
      env: { MEMOS_KEY: edge.rootKey },
      fetch: (input, init) => {
        const { pathname, search } = new URL(String(input))
        return edge.fetch(`${pathname}${search}`, init as RequestInit)
      },
    })
    return { ...run, answer: run.code === 0 ? JSON.parse(run.out) : null }
  }
  return memos
}

it('carries what one edge publishes to another one, once', async () => {
  const home = await tempDir()
  onTestFinished(() => home.remove())
  const file = (name: string) => join(home.path, name)
  const [harbour, office] = [await opened(), await opened()]
  expect((await harbour('org', 'init', '--key-file', file('root.json'))).code).toBe(0)
  for (const text of ['The berth is free at noon.', 'The crane stands in the east.']) await harbour('add', text)
  expect((await harbour('publish', '-n', 'default')).code).toBe(0)
  const { org } = (await harbour('org', 'show')).answer
  await harbour('mip', 'export', org, '-o', file('main.car'))
  await harbour('mip', 'export', org, 'memory', '-o', file('memory.car'))
  const early = await office('mip', 'import', file('main.car'))
  expect([early.code, early.err]).toEqual([1, expect.stringContaining('followed')])
  expect((await office('peer', 'add', org, '--tier', 'known')).code).toBe(0)
  const { namespace } = (await office('subscribe', org, '--log', 'memory')).answer
  expect((await office('mip', 'import', file('main.car'))).answer).toMatchObject({ verified: 2, error: null })
  const memory = await office('mip', 'import', file('memory.car'))
  expect(memory.answer).toMatchObject({ entries: 2, verified: 2, applied: 2, ingested: 2, error: null })
  expect((await office('mip', 'import', file('memory.car'))).answer).toMatchObject({ verified: 0, applied: 0 })
  const found = await office('search', 'crane', '-n', namespace)
  expect(JSON.stringify(found.answer)).toContain('The crane stands in the east.')
})
