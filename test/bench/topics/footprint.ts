import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { runWrangler } from '../../../scripts/wrangler.ts'
import { freePort } from '../../support/free-port.ts'
import { startServer } from '../../support/process.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { rssMiB } from '../harness/process-usage.ts'
import type { Recorder } from '../harness/report.ts'
import { REPOSITORY } from '../harness/repository.ts'
import { percentile } from '../harness/statistics.ts'
import { WORKERD_ENTRY } from '../harness/workerd.ts'

const STARTS = 5
const IDLE_MS = 5000
const READY_MS_MAX = 60_000
const READY_LINE = 'MemOS Edge listening on '

/** What the edge needs before it has done anything: start, memory, size of the Worker. */
export async function footprint(recorder: Recorder): Promise<void> {
  const times: number[] = []
  for (let start = 1; start <= STARTS; start++) {
    recorder.progress(`npm start on an empty home, ${start} of ${STARTS}`)
    times.push(await readyMs())
  }
  recorder.figure('ready.best', Math.min(...times) / 1000, 's')
  recorder.figure('ready.median', percentile(times, 0.5) / 1000, 's')
  recorder.figure('rss.idle', await idleRss(), 'MiB')
  await bundle(recorder)
  recorder.target('ready.best', '<=', 3)
  recorder.target('bundle.gzip', '<=', 1)
}

/** Milliseconds from spawning `npm start` to its ready line, on an empty home. */
async function readyMs(): Promise<number> {
  await using home = await tempDir()
  const env = { ...process.env, HOST: '127.0.0.1', PORT: String(await freePort()), MEMOS_HOME: home.path }
  const start = performance.now()
  // A process group of its own: npm does not pass every signal on to the server.
  const npm = spawn('npm', ['start'], { cwd: REPOSITORY, env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    await readyLine(npm)
    return performance.now() - start
  } finally {
    if (npm.exitCode === null && npm.signalCode === null) {
      await Promise.all([once(npm, 'close'), process.kill(-(npm.pid as number), 'SIGTERM')])
    }
  }
}

async function readyLine(npm: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error(`no ready line within ${READY_MS_MAX} ms`)), READY_MS_MAX)
  if (npm.stdout) {
    createInterface({ input: npm.stdout }).on('line', (line) => {
      if (line.startsWith(READY_LINE)) resolve()
    })
  }
  npm.once('error', reject)
  npm.once('exit', (code) => reject(new Error(`npm start ended with ${code} before it was ready`)))
  await promise.finally(() => clearTimeout(timer))
}

async function idleRss(): Promise<number> {
  await using home = await tempDir()
  await using server = await startServer({ home: home.path })
  await sleep(IDLE_MS)
  return rssMiB(server.pid)
}

/** Size of what `npm run deploy` uploads; Cloudflare counts it compressed. */
async function bundle(recorder: Recorder): Promise<void> {
  if (!existsSync(WORKERD_ENTRY)) return recorder.skip('bundle', 'worker/entry/cloudflare.ts does not exist')
  await using folder = await tempDir()
  recorder.progress('bundling the Worker')
  const env = { XDG_CONFIG_HOME: join(folder.path, 'config') }
  const out = join(folder.path, 'out')
  if (!(await runWrangler(['deploy', '--dry-run', '--outdir', out], { env }))) {
    return recorder.skip('bundle', 'wrangler deploy --dry-run failed')
  }
  const modules = readdirSync(out).filter((name) => /\.(js|wasm|bin)$/.test(name))
  const files = modules.map((name) => readFileSync(join(out, name)))
  const mebibytes = (sizes: number[]) => sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20
  recorder.figure('bundle', mebibytes(files.map((file) => file.length)), 'MiB')
  recorder.figure('bundle.gzip', mebibytes(files.map((file) => gzipSync(file, { level: 9 }).length)), 'MiB')
}
