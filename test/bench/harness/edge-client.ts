import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const REQUEST_MS_MAX = 120_000
const RETRIES_MAX = 20

export interface EdgeClientInit {
  url: string
  key: string
  /** Kept-alive connections. */
  connections?: number
  /** What the server has printed; shown when it answers with an error of its own. */
  serverOutput?: () => readonly string[]
}

const OUTPUT_LINES_SHOWN = 10

/** JSON over kept-alive HTTP/1.1, as thin as possible: what is measured is the server, not a client library. */
export class EdgeClient {
  readonly #url: string
  readonly #key: string
  readonly #agent: Agent
  readonly #serverOutput: () => readonly string[]

  constructor({ url, key, connections = 4, serverOutput = () => [] }: EdgeClientInit) {
    this.#url = url
    this.#key = key
    this.#serverOutput = serverOutput
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** @throws Error with status and body when the answer is not 2xx; 429 and 503 are tried again after Retry-After */
  async post<T>(path: string, body: unknown): Promise<T> {
    return this.postText<T>(path, JSON.stringify(body))
  }

  /** Like `post` with a body that is JSON text already. */
  async postText<T>(path: string, body: string): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#send('POST', path, body)
      const isShed = answer.status === 429 || answer.status === 503
      if (!isShed || attempt === RETRIES_MAX) return this.#parse<T>(`POST ${path}`, answer)
      await sleep(1000 * (answer.retryAfterS || 1))
    }
  }

  async get<T>(path: string): Promise<T> {
    return this.#parse<T>(`GET ${path}`, await this.#send('GET', path))
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(method: string, path: string, body?: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const headers = {
      authorization: `Bearer ${this.#key}`,
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    }
    const sent = request(`${this.#url}${path}`, { method, headers, agent: this.#agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const retryAfterS = Number(response.headers['retry-after'] ?? 0)
        resolve({ status: response.statusCode ?? 0, retryAfterS, text: Buffer.concat(chunks).toString() })
      })
    })
    sent.setTimeout(REQUEST_MS_MAX, () => sent.destroy(new Error(`no answer within ${REQUEST_MS_MAX} ms`)))
    sent.on('error', reject)
    sent.end(body)
    return promise
  }

  #parse<T>(what: string, { status, text }: Answer): T {
    if (status >= 200 && status <= 299) return JSON.parse(text) as T
    const output = status >= 500 ? this.#serverOutput().slice(-OUTPUT_LINES_SHOWN) : []
    throw new Error([`${what} answered ${status}: ${text.slice(0, 500)}`, ...output].join('\n'))
  }
}

interface Answer {
  status: number
  retryAfterS: number
  text: string
}
