import { CommanderError } from 'commander'
import type { GlobalOptions } from './connection.ts'
import { describeFailure, EXIT, failureOf } from './failure.ts'
import type { Io } from './io.ts'
import { buildProgram } from './program.ts'

/** Runs one command line (without `node memos`) and returns the exit code. Never throws. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  const program = buildProgram(io)
  try {
    await program.parseAsync(args, { from: 'user' })
    return EXIT.done
  } catch (error) {
    // Commander has printed its message; its own codes are 0 for help and 1 for any mistake.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    const failure = failureOf(error)
    const isJson = program.opts<GlobalOptions>().json === true
    io.err(isJson ? `${JSON.stringify({ error: failure })}\n` : describeFailure(failure))
    return failure.exitCode
  }
}
