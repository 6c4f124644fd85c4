import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCH } from './repository.ts'

const PEERS = join(BENCH, 'peers')
const LOCK = join(PEERS, 'package-lock.json')
/** Copy of the lock file that the installed packages came from. */
const INSTALLED = join(PEERS, 'node_modules/.installed-lock.json')

/** Installs the pinned peers with `npm ci` in test/bench/peers unless they are there. They are no dependency of the project itself. */
export async function installPeers(onProgress: (line: string) => void): Promise<void> {
  const lock = readFileSync(LOCK, 'utf8')
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === lock) return
  onProgress('installing the peers (npm ci in test/bench/peers, about 250 MB, a minute)')
  const npm = spawn('npm', ['ci'], { cwd: PEERS, stdio: ['ignore', process.stderr, process.stderr] })
  const [code] = await once(npm, 'exit')
  if (code !== 0) throw new Error(`npm ci in test/bench/peers ended with ${code}`)
  writeFileSync(INSTALLED, lock)
}

/** Runs a program of test/bench/peers to its end; its last line on stdout is JSON, its stderr is shown. */
export async function runPeer<T>(program: string, args: readonly string[]): Promise<T> {
  const child = spawn(process.execPath, [join(PEERS, program), ...args], {
    cwd: PEERS,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const chunks: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [code] = await once(child, 'close')
  const lines = Buffer.concat(chunks).toString().trim().split('\n')
  if (code !== 0) throw new Error([`${program} ended with ${code}`, ...lines].join('\n'))
  return JSON.parse(lines.at(-1) ?? '') as T
}
