import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'
import { runMemos } from '../../support/memos-cli.ts'
import { type ServerProcess, startServer } from '../../support/process.ts'
import { type TempDir, tempDir } from '../../support/temp-dir.ts'

export const ROOT_KEY = 'root-key-of-edges-that-are-killed-often'
const RETRY_MS = 100
const ANSWER_MS_MAX = 60_000

export interface Answer {
  status: number
  body: Record<string, unknown>
}

/** The real server as a process that may be gone at any moment, over one home and at one port. */
export class KilledEdge {
  readonly name: string
  readonly home: TempDir
  readonly url: string
  readonly #port: number
  readonly #env: Record<string, string>
  #server: ServerProcess | null = null
  kills = 0

  private constructor(name: string, home: TempDir, port: number, env: Record<string, string>) {
    this.name = name
    this.home = home
    this.#port = port
    this.#env = { MEMOS_ROOT_KEY: ROOT_KEY, MEMOS_MIP_PRIVATE: 'on', ...env }
    this.url = `http://127.0.0.1:${port}`
  }

  static async open(name: string, env: Record<string, string>): Promise<KilledEdge> {
    const edge = new KilledEdge(name, await tempDir(), await freePort(), env)
    await edge.start()
    return edge
  }

  async start(): Promise<void> {
    this.#server = await startServer({ home: this.home.path, port: this.#port, env: this.#env })
  }

  /** Power is lost, and comes back. */
  async killAndStart(): Promise<void> {
    this.kills += 1
    await this.#server?.kill()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.#server?.stop()
    this.#server = null
  }

  async close(): Promise<void> {
    await this.#server?.kill()
    await this.home.remove()
  }

  output(): readonly string[] {
    return this.#server?.output() ?? []
  }

  /** Null when the server is gone before it has answered: nobody knows what it did. */
  async send(method: string, path: string, body?: object): Promise<Answer | null> {
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: { authorization: `Bearer ${ROOT_KEY}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      })
      const text = await response.text()
      return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
    } catch {
      return null
    }
  }

  /** Asks until there is an answer, however often the server dies meanwhile. @throws Error for a refusal */
  async insist(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    for (;;) {
      const answer = await this.send(method, path, body)
      if (answer !== null && answer.status < 300) return answer.body
      // Busy or starting: not a refusal.
      if (answer !== null && answer.status !== 503 && answer.status !== 409 && answer.status !== 429)
        throw new Error(`${this.name}: ${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
      await sleep(RETRY_MS)
    }
  }

  /** `memos org init`; nobody is killed yet. */
  async init(): Promise<string> {
    const env = { MEMOS_URL: this.url, MEMOS_KEY: ROOT_KEY, MEMOS_HOME: '/nonexistent' }
    const { code, err } = await runMemos(['org', 'init', '--key-file', join(this.home.path, 'org.root.json')], { env })
    if (code !== 0) throw new Error(err)
    return String((await this.insist('GET', '/v1/mip/identity')).org)
  }
}
