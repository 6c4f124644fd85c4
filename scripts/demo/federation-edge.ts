import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { runCli } from '../../cli/run.ts'
import type { Did } from '../../schemas/did.ts'
import { MemosClient } from '../../sdk/client.ts'
import { freePort } from '../../test/support/free-port.ts'
import { type ServerProcess, startServer } from '../../test/support/process.ts'
import { type TempDir, tempDir } from '../../test/support/temp-dir.ts'
import { migrateWorkerd, startWorkerd } from '../../test/support/workerd-process.ts'

export type Host = 'Node' | 'workerd'

export interface FederationEdgeInit {
  name: string
  host: Host
  env?: Record<string, string>
}

/** An edge with one organisation and empty data, that is stopped and started again at the same address. */
export class FederationEdge implements AsyncDisposable {
  readonly name: string
  readonly host: Host
  readonly url: string
  readonly #home: TempDir
  readonly #port: number
  readonly #env: Record<string, string>
  #server: Promise<ServerProcess & { fireTimer?: () => Promise<void> }> | null = null
  #output: () => readonly string[] = () => []
  #secret = ''
  #isClosed = false
  #client: MemosClient | null = null

  private constructor({ name, host, env = {} }: FederationEdgeInit, home: TempDir, port: number) {
    this.name = name
    this.host = host
    this.#home = home
    this.#port = port
    this.url = `http://127.0.0.1:${port}`
    const peerKey: Record<string, string> =
      host === 'workerd' ? { MEMOS_PEER_KEY: randomBytes(32).toString('hex') } : {}
    // Both organisations stand on one machine.
    const rootKey = randomBytes(32).toString('base64url')
    this.#env = { MEMOS_MIP_PRIVATE: 'on', MEMOS_ROOT_KEY: rootKey, ...peerKey, ...env }
  }

  /** Nothing is started yet, so that whoever must clean up knows it from the beginning. */
  static async create(init: FederationEdgeInit): Promise<FederationEdge> {
    return new FederationEdge(init, await tempDir(), await freePort())
  }

  /** Starts it for the first time, and makes its organisation. */
  async open(): Promise<this> {
    if (this.host === 'workerd') await migrateWorkerd(this.#home.path)
    await this.start()
    const root = new MemosClient({ baseUrl: this.url, apiKey: this.#env.MEMOS_ROOT_KEY as string })
    const { secret } = await root.organisations.create({ name: this.name })
    this.#secret = secret
    this.#client = new MemosClient({ baseUrl: this.url, apiKey: secret })
    return this
  }

  get client(): MemosClient {
    if (this.#client === null) throw new Error(`${this.name} has no organisation yet`)
    return this.#client
  }

  /** `more`: settings that differ from now on. */
  async start(more: Record<string, string> = {}): Promise<void> {
    if (this.#isClosed) throw new Error(`${this.name} is closed`)
    Object.assign(this.#env, more)
    const options = { home: this.#home.path, port: this.#port, env: this.#env }
    this.#server = this.host === 'Node' ? startServer(options) : startWorkerd(options)
    this.#output = (await this.#server).output
  }

  async stop(): Promise<void> {
    const server = await this.#server?.catch(() => null)
    this.#server = null
    await server?.stop()
  }

  async restart(more: Record<string, string>): Promise<void> {
    await this.stop()
    await this.start(more)
  }

  /** What a deployment's cron does; a process has a timer of its own. */
  async fireTimer(): Promise<void> {
    await (await this.#server)?.fireTimer?.()
  }

  /** `memos org init`: the root key is made in a file here and never sent. Resolves to the identity. */
  async init(): Promise<Did> {
    let errors = ''
    const code = await runCli(['org', 'init', '--key-file', join(this.#home.path, 'root-of-the-organisation.json')], {
      env: { MEMOS_URL: this.url, MEMOS_KEY: this.#secret, MEMOS_HOME: '/nonexistent' },
      stdin: (async function* () {})(),
      out: () => {},
      err: (text) => (errors += text),
      isErrTerminal: false,
      isInTerminal: false,
      columns: 100,
    })
    const { org } = await this.client.publishing.identity()
    if (code !== 0 || org === null) throw new Error(`memos org init ended with ${code}: ${errors}`)
    return org
  }

  /** Where libp2p reaches it. */
  async multiaddr(): Promise<string> {
    const { peerId } = await this.client.publishing.identity()
    return `/ip4/127.0.0.1/tcp/${this.#port}/ws/p2p/${peerId}`
  }

  /** What it served to anybody; null where it answers that there is none. */
  async served(path: string): Promise<Uint8Array | null> {
    const response = await fetch(`${this.url}/mip/v1/${path}`)
    const bytes = new Uint8Array(await response.arrayBuffer())
    if (response.ok) return bytes
    if (response.status === 404) return null
    throw new Error(`${this.name}: ${path} answered ${response.status}`)
  }

  output(): readonly string[] {
    return this.#output()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.stop().catch(() => undefined)
    await this.#home.remove()
  }
}
