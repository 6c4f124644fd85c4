import type { RouteName } from '../schemas/routes/all.ts'
import {
  type Answer,
  type Body,
  type CallArguments,
  type CallName,
  type CallOptions,
  ENDPOINTS,
  type Item,
  type ListName,
  type Query,
  REPEATABLE_POSTS,
} from './endpoints.ts'
import {
  agentsOf,
  blocksOf,
  cubesOf,
  entitiesOf,
  factsOf,
  keysOf,
  namespacesOf,
  organisationsOf,
  permissionsOf,
  publishingOf,
  rolesOf,
  scheduleOf,
  tasksOf,
  usersOf,
} from './groups.ts'
import { branchesOf, snapshotsOf } from './time-machine.ts'
import { type ClientOptions, type Outgoing, parseJson, Transport } from './transport.ts'

const ARCHIVE_TYPE = 'application/octet-stream'

/** A CallInput whose operation is not known to the compiler. */
interface LooseInput extends CallOptions {
  params?: Record<string, unknown> | undefined
  query?: Record<string, unknown> | undefined
  body?: unknown
}

/**
 * Client of a MemOS Edge server. Needs nothing but `fetch`, so it runs in Node, browsers and Workers. What was lost on the way is sent again
 * (429, 503, broken connections), never with a second effect.
 *
 * Every method throws MemosApiError when the server refuses and MemosConnectionError when there is no answer.
 */
export class MemosClient {
  readonly cubes = cubesOf(this)
  readonly facts = factsOf(this)
  readonly namespaces = namespacesOf(this)
  readonly entities = entitiesOf(this)
  readonly snapshots = snapshotsOf(this)
  readonly branches = branchesOf(this)
  readonly keys = keysOf(this)
  readonly users = usersOf(this)
  readonly agents = agentsOf(this)
  readonly organisations = organisationsOf(this)
  readonly blocks = blocksOf(this)
  readonly schedule = scheduleOf(this)
  readonly tasks = tasksOf(this)
  readonly permissions = permissionsOf(this)
  readonly roles = rolesOf(this)
  readonly publishing = publishingOf(this)
  readonly #transport: Transport

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options)
  }

  /** Any operation of the API by its name: `call('getCube', { params: { cubeId } })`. */
  async call<Name extends CallName>(name: Name, ...[input]: CallArguments<Name>): Promise<Answer<Name>> {
    return (await this.#transport.json(requestOf(name, input as LooseInput | undefined))) as Answer<Name>
  }

  /** The items of a list, page after page as they are asked for. */
  async *iterate<Name extends ListName>(name: Name, ...[input]: CallArguments<Name>): AsyncGenerator<Item<Name>, void> {
    const { query, ...rest } = (input ?? {}) as LooseInput
    for (let cursor = query?.cursor; ; ) {
      const request = requestOf(name, { ...rest, query: { ...query, cursor } })
      const page = (await this.#transport.json(request)) as { items: Item<Name>[]; nextCursor: string | null }
      yield* page.items
      if (page.nextCursor === null) return
      cursor = page.nextCursor
    }
  }

  /** Remembers a text or the messages of a conversation. */
  remember(body: Body<'remember'>, options?: CallOptions): Promise<Answer<'remember'>> {
    return this.call('remember', { ...options, body })
  }

  /** What a text or messages would change in memory; nothing is changed. */
  plan(body: Body<'planMemories'>, options?: CallOptions): Promise<Answer<'planMemories'>> {
    return this.call('planMemories', { ...options, body })
  }

  /** What a prompt wants of memory, and what it means in its conversation. */
  read(prompt: string | Body<'read'>, options?: CallOptions): Promise<Answer<'read'>> {
    return this.call('read', { ...options, body: typeof prompt === 'string' ? { prompt } : prompt })
  }

  /** Finds memories. */
  search(query: string | Body<'search'>, options?: CallOptions): Promise<Answer<'search'>> {
    return this.call('search', { ...options, body: typeof query === 'string' ? { query } : query })
  }

  /** Packs memories for a prompt. */
  context(query: string | Body<'context'>, options?: CallOptions): Promise<Answer<'context'>> {
    return this.call('context', { ...options, body: typeof query === 'string' ? { query } : query })
  }

  /** Has a model of a GPU node answer with memory; whole, not as a stream. A text is one message of the user. */
  chat(
    prompt: string | Omit<Body<'createChatCompletion'>, 'stream'>,
    options?: CallOptions,
  ): Promise<Answer<'createChatCompletion'>> {
    const body =
      typeof prompt === 'string'
        ? { model: 'default', messages: [{ role: 'user' as const, content: prompt }] }
        : { ...prompt, stream: false }
    return this.call('createChatCompletion', { ...options, body })
  }

  /** Models of the GPU nodes that are connected now. */
  models(options?: CallOptions): Promise<Answer<'listModels'>> {
    return this.call('listModels', { ...options })
  }

  /** Tells what became of memory that was handed out; the same feedback on one request counts once. */
  feedback(body: Body<'sendFeedback'>, options?: CallOptions): Promise<Answer<'sendFeedback'>> {
    return this.call('sendFeedback', { ...options, body })
  }

  /** The audit log, newest first. */
  log(query: Query<'queryLog'> = {}, options?: CallOptions): AsyncGenerator<Item<'queryLog'>, void> {
    return this.iterate('queryLog', { ...options, query })
  }

  /** The audit log as lines of JSON, oldest first. */
  async exportLog(query: Query<'exportLog'> = {}, options?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#transport.stream(requestOf('exportLog', { ...options, query }))
    return (response.body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>
  }

  /** Checks the hash chain of the audit log. */
  verifyLog(options?: CallOptions): Promise<Answer<'verifyLog'>> {
    return this.call('verifyLog', { ...options })
  }

  usage(options?: CallOptions): Promise<Answer<'getUsage'>> {
    return this.call('getUsage', { ...options })
  }

  /** A namespace as one archive. Cancel the stream, or abort the signal, to stop early. */
  async export(query: Query<'exportNamespace'>, options?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#transport.stream(requestOf('exportNamespace', { ...options, query }))
    return (response.body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>
  }

  /** Imports an archive. A Blob or bytes are sent again when the connection breaks; a stream is not, but may be imported again as a whole. */
  async import(
    archive: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
    query: Query<'importArchive'>,
    options?: CallOptions,
  ): Promise<Answer<'importArchive'>> {
    return (await this.#upload(requestOf('importArchive', { ...options, query }), archive)) as Answer<'importArchive'>
  }

  /** Reads a log that is followed from a file, as `memos mip export` writes it; verified as from the network, and applied once. */
  async importLog(
    archive: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
    options?: CallOptions,
  ): Promise<Answer<'importMipArchive'>> {
    return (await this.#upload(requestOf('importMipArchive', { ...options }), archive)) as Answer<'importMipArchive'>
  }

  async #upload({ body: _, ...request }: Outgoing, archive: NonNullable<Outgoing['body']>): Promise<unknown> {
    const headers = { ...request.headers, 'content-type': ARCHIVE_TYPE }
    const response = await this.#transport.stream({ ...request, headers, body: archive })
    return parseJson(await response.text(), response.status)
  }
}

function requestOf(name: RouteName, input: LooseInput = {}): Outgoing {
  const { params, query, body, signal, idempotencyKey, headers } = input
  const [method, path] = ENDPOINTS[name].split(' ') as [string, string]
  const needsKey = method === 'post' && !REPEATABLE_POSTS.has(name)
  const key = idempotencyKey ?? (needsKey ? crypto.randomUUID() : undefined)
  return {
    method: method.toUpperCase(),
    path: `${fillPath(path, params)}${queryString(query)}`,
    headers: {
      ...headers,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    isRepeatable: method !== 'patch',
    signal,
  }
}

function fillPath(path: string, params: Record<string, unknown> = {}): string {
  return path.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name]
    if (typeof value !== 'string' || value === '') throw new TypeError(`"params.${name}" expected a non-empty string`)
    return encodeURIComponent(value)
  })
}

function queryString(query: Record<string, unknown> = {}): string {
  const fields = Object.entries(query).filter(([, value]) => value !== undefined)
  return fields.length === 0
    ? ''
    : `?${new URLSearchParams(fields.map(([name, value]): [string, string] => [name, String(value)]))}`
}
