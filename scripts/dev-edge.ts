/**
 * `npm run dev:edge`: the application on workerd with local D1, R2, queues and Durable Objects. Needs no account and no network.
 * Environment: HOST (127.0.0.1), PORT (8787). Data lives in .wrangler/state.
 */
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { databaseBindings, runWrangler, startWrangler } from './wrangler.ts'

const READY_POLL_MS = 100

const { HOST: host = '127.0.0.1', PORT: port = '8787' } = process.env
// wrangler writes to its config folder at start and does not come up where the home folder is read-only.
const env = { XDG_CONFIG_HOME: join(import.meta.dirname, '../.wrangler/xdg') }

for (const binding of databaseBindings()) {
  if (!(await runWrangler(['d1', 'migrations', 'apply', binding, '--local'], { env }))) process.exit(1)
}

const server = startWrangler(
  ['dev', '--ip', host, '--port', port, '--log-level', 'warn', '--show-interactive-dev-session=false'],
  { env },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill(signal))
const ended = once(server, 'exit')

const url = `http://${host}:${port}`
while (server.exitCode === null && server.signalCode === null) {
  const answer = await fetch(`${url}/healthz`).catch(() => undefined)
  if (answer?.ok) {
    console.log(`MemOS Edge listening on ${url}`)
    break
  }
  await sleep(READY_POLL_MS)
}

const [code] = await ended
process.exitCode = code ?? 0
