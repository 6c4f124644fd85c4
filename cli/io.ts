/** What a command may touch of the process it runs in. Tests give their own. */
export interface Io {
  env: Readonly<Record<string, string | undefined>>
  stdin: AsyncIterable<Uint8Array | string>
  /** Results. */
  out(text: string): void
  /** Progress, hints and errors. */
  err(text: string): void
  /** Whether a person watches `err`. */
  isErrTerminal: boolean
  /** Whether a person can answer at `stdin`. */
  isInTerminal: boolean
  /** Width of `out`, characters. */
  columns: number
  fetch?: typeof globalThis.fetch
}

const COLUMNS_WHEN_UNKNOWN = 120

/** The process itself. Output that nobody reads any more (`memos … | head`) is dropped, so that a command still ends in order. */
export function processIo(): Io {
  process.stdout.on('error', dropClosedPipe)
  return {
    env: process.env,
    stdin: process.stdin,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    isErrTerminal: process.stderr.isTTY === true,
    isInTerminal: process.stdin.isTTY === true,
    columns: process.stdout.columns ?? COLUMNS_WHEN_UNKNOWN,
  }
}

function dropClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** All of stdin as text. */
export async function readStdin(io: Io): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of io.stdin) text += typeof part === 'string' ? part : decoder.decode(part, { stream: true })
  return text + decoder.decode()
}
