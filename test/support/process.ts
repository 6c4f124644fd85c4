import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

const REPOSITORY = join(import.meta.dirname, '../..')
const READY_LINE = /^MemOS Edge listening on (http:\/\/\S+)$/
const READY_MS_MAX = 30_000
const STOP_MS_MAX = 10_000
const OUTPUT_LINES_MAX = 200

export interface ServerOptions {
  /** MEMOS_HOME of the server: database, blobs, keys. */
  home: string
  /** Default: a free port. Give the old one to restart at the same address. */
  port?: number
  env?: Record<string, string>
}

/** `await using server = await startServer(...)` kills it at the end of the block. */
export interface ServerProcess extends AsyncDisposable {
  /** Base URL from the ready line, without a trailing slash. */
  readonly url: string
  readonly pid: number
  /** The last lines of stdout and stderr, oldest first. */
  output(): readonly string[]
  /** SIGTERM, then waits for the exit. Resolves to the exit code; a server that does not end is killed and rejects. */
  stop(): Promise<number | null>
  /** SIGKILL: the machine lost power. Resolves when the process is gone. */
  kill(): Promise<void>
}

/** Starts what `npm start` starts, as a separate process, and waits for its ready line. Rejects with the output when it ends first. */
export async function startServer({ home, port, env = {} }: ServerOptions): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['worker/entry/node.ts'], {
    cwd: REPOSITORY,
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port ?? (await freePort())), MEMOS_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const url = await readyUrl(child, lines)
  const kill = async () => {
    if (!hasEnded(child)) await Promise.all([once(child, 'exit'), child.kill('SIGKILL')])
  }
  return {
    url,
    pid: child.pid ?? 0,
    output: () => lines,
    stop: () => stopGently(child, lines),
    kill,
    [Symbol.asyncDispose]: kill,
  }
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

function readyUrl(child: ChildProcess, lines: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const fail = (why: string) => {
    child.kill('SIGKILL')
    reject(new Error([why, ...lines].join('\n')))
  }
  const timer = setTimeout(() => fail(`no ready line within ${READY_MS_MAX} ms`), READY_MS_MAX)
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > OUTPUT_LINES_MAX) lines.shift()
      const ready = READY_LINE.exec(line)
      if (ready?.[1]) resolve(ready[1].replace(/\/$/, ''))
    })
  }
  child.once('error', (error) => fail(error.message))
  child.once('exit', (code, signal) => fail(`the server ended with ${signal ?? code} before it was ready`))
  return promise.finally(() => clearTimeout(timer))
}

async function stopGently(child: ChildProcess, lines: readonly string[]): Promise<number | null> {
  if (hasEnded(child)) return child.exitCode
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await ended
  clearTimeout(timer)
  if (child.signalCode === 'SIGKILL') throw new Error(['the server ignored SIGTERM', ...lines].join('\n'))
  return child.exitCode
}
