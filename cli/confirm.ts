import { createInterface } from 'node:readline/promises'
import type { Cli } from './cli.ts'
import { CliError, EXIT } from './failure.ts'

/**
 * Lets a person type `name` again before it is deleted; `what` says what goes with it.
 * @throws CliError where nobody can answer, and when something else was typed
 */
export async function confirmDeletion({ io }: Cli, name: string, what: string): Promise<void> {
  if (!io.isInTerminal)
    throw new CliError(`this would delete ${name} with ${what}`, {
      next: 'Say --yes if that is meant.',
      exitCode: EXIT.usage,
    })
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await lines.question(`Delete ${name} with ${what}? Type its name to confirm: `)
  lines.close()
  if (answer.trim() !== name) throw new CliError('nothing was deleted')
}
