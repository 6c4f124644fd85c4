/**
 * Goal: runs leave no memory behind.
 * Method: the command `npm run leak:node` in its short form, which fails by its exit code.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { REPOSITORY } from '../tidy/repository.ts'

it('keeps its memory flat over 400 runs that end in every way', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', '--no-warnings', 'test/gpu-node/leak.ts', '400'],
    { cwd: REPOSITORY },
  )
  expect(stdout).toMatch(/onnxruntime-web wasm: 400 runs, grown by/)
})
