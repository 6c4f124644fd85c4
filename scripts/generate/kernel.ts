import { execFile } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const REPOSITORY = join(import.meta.dirname, '../..')
const SCRATCH = '.tsbuild/kernel.wasm'
const ASC = 'node_modules/assemblyscript/bin/asc.js'

/** Whether the committed WebAssembly is something else than its source compiles to, with the flags of `npm run build:wasm`. */
export async function isKernelStale(): Promise<boolean> {
  const { scripts } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8'))
  const [, ...args] = String(scripts['build:wasm']).split(' ')
  const outFile = args[args.indexOf('--outFile') + 1]
  if (outFile === undefined) throw new Error('package.json: build:wasm names no --outFile')
  await mkdir(join(REPOSITORY, '.tsbuild'), { recursive: true })
  const command = [ASC, ...args.map((arg) => (arg === outFile ? SCRATCH : arg))]
  await promisify(execFile)(process.execPath, command, { cwd: REPOSITORY })
  const [committed, compiled] = await Promise.all([outFile, SCRATCH].map((file) => readFile(join(REPOSITORY, file))))
  await rm(join(REPOSITORY, SCRATCH))
  return committed === undefined || compiled === undefined || !committed.equals(compiled)
}
