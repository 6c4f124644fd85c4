import { InvalidArgumentError } from 'commander'
import { MemosClient } from '../sdk/client.ts'
import { type Connection, connectionOf, type GlobalOptions } from './connection.ts'
import { CliError, EXIT } from './failure.ts'
import { type Io, readStdin } from './io.ts'
import { Progress } from './progress.ts'

/** What every command works with. */
export class Cli {
  readonly io: Io
  readonly #options: () => GlobalOptions

  constructor(io: Io, options: () => GlobalOptions) {
    this.io = io
    this.#options = options
  }

  get isJson(): boolean {
    return this.#options().json === true
  }

  connection(): Connection {
    return connectionOf(this.#options(), this.io)
  }

  /** @throws CliError when no key is known */
  client(): MemosClient {
    const { url, key, keySource, organisation } = this.connection()
    if (key === undefined)
      throw new CliError(`no key for ${url}${keySource === 'none' ? '' : ` (none in ${keySource})`}`, {
        next: 'Give one with --key or MEMOS_KEY. For a local server, run this where MEMOS_HOME is the one of the server.',
      })
    return new MemosClient({ baseUrl: url, apiKey: key, organisation, fetch: this.io.fetch })
  }

  /** The text of an argument; `-` stands for standard input. @throws CliError when it is blank */
  async textOf(given: string): Promise<string> {
    const text = given === '-' ? (await readStdin(this.io)).trim() : given
    if (text.trim() === '') throw new CliError('there is no text', { exitCode: EXIT.usage })
    return text
  }

  /** Prints a result: the value for programs with --json, else `text` for people. */
  show(value: unknown, text: () => string): void {
    this.io.out(this.isJson ? `${JSON.stringify(value, null, 2)}\n` : text())
  }

  /** Something good to know beside the result; not for programs. */
  note(text: string): void {
    if (!this.isJson) this.io.err(`${text}\n`)
  }

  progress(title: string, show?: (amount: number) => string): Progress {
    return new Progress(this.io, title, show)
  }
}

/** Parses the value of an option that counts something. */
export function wholeNumber(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(value)
}

/** All items of a list that comes in pages. */
export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** For options that may be given more than once. */
export const collect = (value: string, previous: string[] | undefined): string[] => [...(previous ?? []), value]

/** Help text behind the options: how the command is typed. */
export const examples = (...lines: string[]): string =>
  `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  memos ${line}\n`).join('')}`
