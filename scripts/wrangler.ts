import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const REPOSITORY = join(import.meta.dirname, '..')
const WRANGLER = join(REPOSITORY, 'node_modules/wrangler/bin/wrangler.js')

/** Bindings of all D1 databases in wrangler.toml: the main one, then the shards. */
export function databaseBindings(): string[] {
  const toml = readFileSync(join(REPOSITORY, 'wrangler.toml'), 'utf8')
  return [...toml.matchAll(/^binding = "(DB\w*)"$/gm)].map(([, binding]) => binding as string)
}

/** Starts wrangler in the repository with our own Node. `env` is added to the environment of this process. */
export function startWrangler(
  args: readonly string[],
  { env = {}, output = 'inherit' }: { env?: Record<string, string>; output?: 'inherit' | 'pipe' | 'ignore' } = {},
): ChildProcess {
  return spawn(process.execPath, [WRANGLER, ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  })
}

/** Runs wrangler to its end. Its output is shown only when it fails, unless `output` is `inherit` (shown) or `ignore` (never). */
export async function runWrangler(
  args: readonly string[],
  { env, output = 'pipe' }: { env?: Record<string, string>; output?: 'inherit' | 'pipe' | 'ignore' } = {},
): Promise<boolean> {
  const child = startWrangler(args, { ...(env && { env }), output })
  const chunks: Uint8Array[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  const [code] = await once(child, 'close')
  if (code !== 0) for (const chunk of chunks) process.stderr.write(chunk)
  return code === 0
}
