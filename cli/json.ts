import { readFile } from 'node:fs/promises'
import { CliError, EXIT } from './failure.ts'

/** What a JSON file holds; whether it is a T is for the server to say. @throws CliError */
export async function jsonIn<T>(file: string): Promise<T> {
  return jsonOf<T>(await textIn(file), file)
}

/** What JSON says; `name` is the option or file that it came from. @throws CliError */
export function jsonOf<T>(text: string, name: string): T {
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    throw new CliError(`${name} is not JSON: ${cause instanceof Error ? cause.message : ''}`, {
      next: 'Quote it for the shell: \'{"field": ...}\'',
      exitCode: EXIT.usage,
    })
  }
}

async function textIn(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new CliError(`cannot read ${file}: ${cause instanceof Error ? cause.message : ''}`, { exitCode: EXIT.usage })
  }
}
