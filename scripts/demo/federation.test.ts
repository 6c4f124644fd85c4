/**
 * Goal: the demo of two organisations shows what it says, fails when something does not hold, and leaves nothing behind.
 * Method: it is run as a reader runs it, with all edges on Node; its temporary folders are counted. DEMO=all runs it in every way.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempDir } from '../../test/support/temp-dir.ts'

const SCRIPT = join(import.meta.dirname, '../demo-federation.ts')
const RUN_MS_MAX = 180_000
/** `npm run test:demo` sets it; otherwise one pass has to do. */
const isShort = process.env.DEMO !== 'all'

interface Ran {
  code: number | null
  output: string
  /** What is left in the folder for temporary files. */
  left: string[]
}

/** `stopAt`: a text of the output at which somebody presses Ctrl-C. */
async function run(args: readonly string[], { stopAt }: { stopAt?: string } = {}): Promise<Ran> {
  await using temp = await tempDir()
  const child = spawn(process.execPath, [SCRIPT, '--nodes', ...args], {
    env: { ...process.env, TMPDIR: temp.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      const before = output
      output += chunk.toString()
      if (stopAt !== undefined && output.includes(stopAt) && !before.includes(stopAt)) child.kill('SIGINT')
    })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output, left: await readdir(temp.path) }
}

describe.concurrent('the demo of two organisations', { timeout: RUN_MS_MAX }, () => {
  it('goes through everything over HTTP', async () => {
    const { code, output, left } = await run(['--http', '--more', '30'])
    expect(code, output).toBe(0)
    expect(left).toEqual([])
    expect(output).toMatch(/B has 112 of 112 memories/)
    expect(output).toMatch(/17 checks hold/)
  })

  it.skipIf(isShort)('goes through everything over libp2p and then over HTTP (slow: npm run test:demo)', async () => {
    const { code, output, left } = await run(['--more', '30'])
    expect(code, output).toBe(0)
    expect(left).toEqual([])
    expect(output).toMatch(/heard of it by gossip/)
    expect(output.match(/B has 112 of 112 memories/g), output).toHaveLength(1)
    expect(output.match(/the last 20 from the mirror/g)).toHaveLength(2)
    expect(output.match(/both end at entry/g)).toHaveLength(2)
    expect(output).toMatch(/36 checks hold/)
  })

  it.skipIf(isShort)('exits with 1 at what does not hold (slow: npm run test:demo)', async () => {
    await using folder = await tempDir()
    const data = join(folder.path, 'talk.json')
    const turn = (id: string, text: string) => ({ id, speaker: 'Ada', text })
    const turns = [turn('1', 'The bridge is closed.'), turn('2', 'Nobody was there.')]
    const sessions = [{ id: 'S1', startedAt: '2026-01-01T08:00:00Z', turns }]
    const question = {
      id: 'q',
      category: 'single-hop',
      question: 'Is the bridge closed?',
      answer: '-',
      evidence: ['2'],
    }
    await writeFile(data, JSON.stringify({ title: 'A talk', sessions, questions: [question] }))
    const { code, output, left } = await run(['--http', '--data', data])
    expect(output).toMatch(/✗ some question finds its evidence first/)
    expect({ code, left }).toEqual({ code: 1, left: [] })
  })

  it.skipIf(isShort)('leaves nothing behind when it is interrupted (slow: npm run test:demo)', async () => {
    const { code, output, left } = await run(['--http'], { stopAt: 'A is did:key' })
    expect(output).not.toMatch(/checks hold/)
    expect({ code, left }).toEqual({ code: 1, left: [] })
  })
})
