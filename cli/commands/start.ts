import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { CliError } from '../failure.ts'

const ENTRY = join(import.meta.dirname, '../../worker/entry/node.ts')

interface Options {
  port?: string
  host?: string
  home?: string
}

export const startCommand = (cli: Cli): Command =>
  new Command('start')
    .description('run the server until it is stopped')
    .option('--port <number>', 'port to listen on (PORT, 8787)')
    .option('--host <address>', 'address to listen on (HOST, 127.0.0.1)')
    .option('--home <folder>', 'where data and keys live (MEMOS_HOME, .memos)')
    .action((options: Options) => start(cli, options))

async function start({ io }: Cli, { port, host, home }: Options): Promise<void> {
  const given = Object.entries({ PORT: port, HOST: host, MEMOS_HOME: home }).filter(([, value]) => value !== undefined)
  const server = spawn(process.execPath, [ENTRY], {
    env: { ...io.env, ...Object.fromEntries(given) },
    stdio: 'inherit',
  })
  // A terminal sends SIGINT to both processes; ours has to stay until the server has closed its database.
  const forward = (signal: NodeJS.Signals) => server.kill(signal)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, forward)
  const [code] = (await once(server, 'exit')) as [number | null]
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, forward)
  if (code !== 0 && code !== null)
    throw new CliError(`the server ended with code ${code}`, {
      next: 'memos doctor looks for the usual causes.',
      exitCode: code,
    })
}
