import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { databaseBindings, runWrangler, startWrangler } from '../../../scripts/wrangler.ts'
import { freePort } from '../../support/free-port.ts'
import { tempDir } from '../../support/temp-dir.ts'
import type { EdgeClient } from './edge-client.ts'
import { createTenant } from './edge-tenant.ts'
import { REPOSITORY } from './repository.ts'

const READY_MS_MAX = 60_000
const READY_POLL_MS = 200
const STOP_MS_MAX = 5000

export const WORKERD_ENTRY = join(REPOSITORY, 'worker/entry/cloudflare.ts')

export interface WorkerdEdge extends AsyncDisposable {
  readonly client: EdgeClient
  /** Fires the cron trigger once, which a deployment does every minute and wrangler never does by itself. */
  fireTimer(): Promise<void>
}

/** The same application on local workerd with D1, R2 and Durable Objects, as `npm run dev:edge` starts it, on state of its own. */
export async function startWorkerdEdge(variables: Record<string, string>): Promise<WorkerdEdge> {
  const state = await tempDir()
  const env = { XDG_CONFIG_HOME: join(state.path, 'config') }
  for (const binding of databaseBindings()) {
    const applied = await runWrangler(['d1', 'migrations', 'apply', binding, '--local', '--persist-to', state.path], {
      env,
    })
    if (!applied) throw new Error(`the migrations of ${binding} failed`)
  }
  const rootKey = randomBytes(32).toString('base64url')
  const port = await freePort()
  const vars = Object.entries({ MEMOS_ROOT_KEY: rootKey, ...variables }).flatMap(([name, value]) => [
    '--var',
    `${name}:${value}`,
  ])
  const address = ['--ip', '127.0.0.1', '--port', String(port), '--persist-to', state.path]
  const quiet = ['--log-level', 'warn', '--show-interactive-dev-session=false']
  const child = startWrangler(['dev', ...address, ...quiet, ...vars], { env, output: 'pipe' })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => output.push(line))
  }
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
      await Promise.all([once(child, 'exit'), child.kill('SIGTERM')])
      clearTimeout(timer)
    }
    await state.remove()
  }
  try {
    const url = `http://127.0.0.1:${port}`
    await healthy(url)
    const { client } = await createTenant(url, rootKey, () => output)
    return {
      client,
      async fireTimer() {
        const answer = await fetch(`${url}/cdn-cgi/handler/scheduled`)
        await answer.body?.cancel()
      },
      async [Symbol.asyncDispose]() {
        client.close()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function healthy(url: string): Promise<void> {
  for (let waited = 0; waited < READY_MS_MAX; waited += READY_POLL_MS) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(READY_POLL_MS)
  }
  throw new Error(`workerd was not ready within ${READY_MS_MAX} ms`)
}
