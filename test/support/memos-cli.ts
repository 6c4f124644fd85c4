import type { Io } from '../../cli/io.ts'
import { runCli } from '../../cli/run.ts'

/** How a command line ended and what it printed. */
export interface Ended {
  code: number
  out: string
  err: string
}

/** Runs `memos ARGS` in this process with the key `k1`, nothing at its standard input, and no terminal around it. */
export async function runMemos(args: readonly string[], more: Partial<Io>): Promise<Ended> {
  let out = ''
  let err = ''
  const code = await runCli(args, {
    env: { MEMOS_KEY: 'k1', MEMOS_HOME: '/nonexistent' },
    stdin: (async function* () {})(),
    out: (text) => (out += text),
    err: (text) => (err += text),
    isErrTerminal: false,
    isInTerminal: false,
    columns: 100,
    ...more,
  })
  return { code, out, err }
}
