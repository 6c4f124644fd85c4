/**
 * Goal: the specification, not this implementation, is the authority.
 * Method: the verifier that was written from docs/mip alone replays every vector, and both implementations are asked the same random questions,
 * many of them damaged; the seed is in the title.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { crossCheck } from '../../scripts/conformance/cross-check.ts'
import { onPython } from '../../scripts/conformance/runtimes.ts'
import { startSeed } from './seeded-random.ts'

const FOLDER = join(import.meta.dirname, '../vectors')
const hasPython = spawnSync('python3', ['--version'], { stdio: 'ignore' }).status === 0
const QUESTIONS = 400
const seed = startSeed()

describe.skipIf(!hasPython)('a second implementation (needs python3)', () => {
  it.each([false, true])('agrees with every vector; with the standard library alone: %s', async (isPure) => {
    const { passed, failed } = await onPython(isPure)
    expect(failed).toEqual([])
    expect(passed).toBeGreaterThan(600)
  })

  it('knows every file of vectors', () => {
    const { stdout } = spawnSync('python3', [join(import.meta.dirname, 'verifier.py'), 'vectors'], { encoding: 'utf8' })
    const named = stdout.match(/(?<="file": ")[a-z-]+/g)
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
    expect(named).toEqual(files.map((name) => name.replace('.json', '')).sort())
  })

  it(`answers ${QUESTIONS} random questions as this one does, seed ${seed}`, async () => {
    const { asked, differences } = await crossCheck(seed, QUESTIONS)
    expect(differences).toEqual([])
    expect(asked).toBeGreaterThanOrEqual(QUESTIONS)
  })
})
