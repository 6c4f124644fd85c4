import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { databaseBindings, runWrangler, startWrangler } from '../../scripts/wrangler.ts'
import { freePort } from './free-port.ts'
import type { ServerOptions, ServerProcess } from './process.ts'

const READY_MS_MAX = 60_000
const READY_POLL_MS = 200
const STOP_MS_MAX = 5000
const OUTPUT_LINES_MAX = 200

export interface WorkerdProcess extends ServerProcess {
  /** Fires the cron trigger once, which a deployment does every minute and wrangler never does by itself. */
  fireTimer(): Promise<void>
}

const configIn = (home: string) => ({ XDG_CONFIG_HOME: join(home, 'config') })

/** Makes the D1 databases of an empty home. */
export async function migrateWorkerd(home: string): Promise<void> {
  for (const binding of databaseBindings()) {
    const args = ['d1', 'migrations', 'apply', binding, '--local', '--persist-to', home]
    if (!(await runWrangler(args, { env: configIn(home) }))) throw new Error(`the migrations of ${binding} failed`)
  }
}

/** The application on local workerd with D1, R2 and Durable Objects in `home`, as `npm run dev:edge` starts it; `env` are its variables. */
export async function startWorkerd({ home, port, env = {} }: ServerOptions): Promise<WorkerdProcess> {
  const at = port ?? (await freePort())
  const address = ['--ip', '127.0.0.1', '--port', String(at), '--persist-to', home]
  const quiet = ['--log-level', 'warn', '--show-interactive-dev-session=false']
  const vars = Object.entries(env).flatMap(([name, value]) => ['--var', `${name}:${value}`])
  const child = startWrangler(['dev', ...address, ...quiet, ...vars], { env: configIn(home), output: 'pipe' })
  const lines = linesOf(child)
  const url = `http://127.0.0.1:${at}`
  const stop = () => ended(child, 'SIGTERM')
  try {
    await healthy(url, child)
  } catch (error) {
    await stop()
    throw new Error([error instanceof Error ? error.message : '', ...lines].join('\n'), { cause: error })
  }
  return {
    url,
    pid: child.pid ?? 0,
    output: () => lines,
    stop,
    // workerd is a child of wrangler: killed with it, it would stay behind.
    kill: async () => void (await stop()),
    async fireTimer() {
      const answer = await fetch(`${url}/cdn-cgi/handler/scheduled`)
      await answer.body?.cancel()
    },
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}

function linesOf(child: ChildProcess): string[] {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > OUTPUT_LINES_MAX) lines.shift()
    })
  }
  return lines
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
  await Promise.all([once(child, 'exit'), child.kill(signal)])
  clearTimeout(timer)
  return child.exitCode
}

async function healthy(url: string, child: ChildProcess): Promise<void> {
  for (let waited = 0; waited < READY_MS_MAX && child.exitCode === null; waited += READY_POLL_MS) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(READY_POLL_MS)
  }
  throw new Error(`workerd was not ready within ${READY_MS_MAX} ms`)
}
