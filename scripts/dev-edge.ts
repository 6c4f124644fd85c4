/**
 * `npm run dev:edge`: the application on workerd with local D1, R2, queues and Durable Objects. Needs no account and no network.
 * Environment: HOST (127.0.0.1), PORT (8787), MEMOS_ROOT_KEY (else made, and kept in .wrangler/root.key). Data lives in .wrangler/state.
 */
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { rootKey } from '../worker/entry/node/root-key.ts'
import { copyConsoleAssets } from './console-assets.ts'
import { databaseBindings, runWrangler, startWrangler } from './wrangler.ts'

const READY_POLL_MS = 100

const { HOST: host = '127.0.0.1', PORT: port = '8787' } = process.env
// wrangler writes to its config folder at start and does not come up where the home folder is read-only.
const home = join(import.meta.dirname, '../.wrangler')
const env = { XDG_CONFIG_HOME: join(home, 'xdg') }

mkdirSync(home, { recursive: true })
const { key, isNew } = rootKey(home, process.env.MEMOS_ROOT_KEY || undefined)
copyConsoleAssets()
for (const binding of databaseBindings()) {
  if (!(await runWrangler(['d1', 'migrations', 'apply', binding, '--local'], { env }))) process.exit(1)
}

const server = startWrangler(
  [
    ...['dev', '--ip', host, '--port', port, '--var', `MEMOS_ROOT_KEY:${key}`],
    ...['--log-level', 'warn', '--show-interactive-dev-session=false'],
  ],
  { env },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill(signal))
const ended = once(server, 'exit')

const url = `http://${host}:${port}`
while (server.exitCode === null && server.signalCode === null) {
  const answer = await fetch(`${url}/healthz`).catch(() => undefined)
  if (answer?.ok) {
    if (isNew) console.log(`Root key (shown once, kept in .wrangler/root.key): ${key}`)
    console.log(`MemOS Edge listening on ${url}`)
    break
  }
  await sleep(READY_POLL_MS)
}

const [code] = await ended
process.exitCode = code ?? 0
