/** `npm run deploy`: the edge to Cloudflare. Databases, bucket and queue are created by the first run. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { copyConsoleAssets } from './console-assets.ts'
import { databaseBindings, runWrangler } from './wrangler.ts'

const NO_ACCOUNT = `No Cloudflare account is configured, so nothing was deployed.

Either log in on this machine:
  npx wrangler login
or, without a browser, create an API token with the template "Edit Cloudflare Workers" plus "D1: Edit" and "Queues: Edit", and run
  CLOUDFLARE_API_TOKEN=... CLOUDFLARE_ACCOUNT_ID=... npm run deploy

To run without any account: npm start`

const AFTER_FIRST_DEPLOY = `Deployed for the first time. Set the root key, then call GET /healthz:
  npx wrangler secret put MEMOS_ROOT_KEY`

async function deploy(): Promise<boolean> {
  copyConsoleAssets()
  // New code must never meet an old schema: migrate first, except on the first run, where the deployment creates the databases.
  const isFirst = !(await runWrangler(['d1', 'info', 'DB', '--json'], { output: 'ignore' }))
  if (!isFirst && !(await migrate())) return false
  if (!(await runWrangler(['deploy'], { output: 'inherit' }))) return false
  if (!isFirst) return true
  if (!(await migrate())) return false
  console.log(AFTER_FIRST_DEPLOY)
  return true
}

async function migrate(): Promise<boolean> {
  for (const binding of databaseBindings()) {
    if (!(await runWrangler(['d1', 'migrations', 'apply', binding, '--remote'], { output: 'inherit' }))) return false
  }
  return true
}

/** Where wrangler keeps its login: XDG on Linux, ~/.wrangler for installations from before it followed XDG. */
function hasLogin(): boolean {
  const folders = [
    join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), '.wrangler'),
    join(homedir(), 'Library/Preferences/.wrangler'),
    join(homedir(), '.wrangler'),
  ]
  return folders.some((folder) => existsSync(join(folder, 'config/default.toml')))
}

if (!process.env.CLOUDFLARE_API_TOKEN && !hasLogin()) {
  console.error(NO_ACCOUNT)
  process.exit(1)
}
process.exitCode = (await deploy()) ? 0 : 1
