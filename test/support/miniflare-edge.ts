import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare, type MiniflareOptions } from 'miniflare'
import { runWrangler } from '../../scripts/wrangler.ts'
import type { PeerObject } from '../../worker/entry/cloudflare/object-remote.ts'
import type { PeerHostStatus } from '../../worker/ports/peer-host.ts'
import type { EdgeUnderTest } from './edge.ts'
import { freePort } from './free-port.ts'
import { type TempDir, tempDir } from './temp-dir.ts'

const REPOSITORY = join(import.meta.dirname, '../..')
const MIGRATIONS = join(REPOSITORY, 'schemas/migrations')
const COMPATIBILITY = /^compatibility_date = "(.+)"$/m
const FLAGS = /^compatibility_flags = \[(.+)\]$/m

/** What `npm run deploy` would upload, in a folder. */
export async function bundleWorker(folder: TempDir): Promise<string> {
  const out = join(folder.path, 'bundle')
  const env = { XDG_CONFIG_HOME: join(folder.path, 'config') }
  if (!(await runWrangler(['deploy', '--dry-run', '--outdir', out], { env })))
    throw new Error('wrangler did not bundle')
  return out
}

export interface MiniflareEdge extends EdgeUnderTest {
  url: string
  /** Where peers call it, without its PeerId. */
  address: string
  /** Of the Durable Object that holds the connections. */
  peer: PeerObject & { status(): Promise<PeerHostStatus>; wake(): Promise<void> }
  /** Of the Durable Object that reads tails. */
  follow: { openTails(): Promise<number> }
  /** Fires the timer of the deployment once. */
  fireTimer(): Promise<void>
  /** Ends workerd as a crash does, and starts it on the same state at the same port. */
  restart(variables?: Record<string, string>): Promise<void>
}

/** The bundle of the Worker on a real workerd, with D1, R2, a queue and Durable Objects, reachable for other processes. */
export async function openMiniflareEdge(
  bundle: string,
  variables: Record<string, string> = {},
): Promise<MiniflareEdge> {
  const state = await tempDir()
  const rootKey = randomBytes(32).toString('base64url')
  const port = await freePort()
  const start = async (more: Record<string, string> = {}) => {
    const bindings = { MEMOS_ROOT_KEY: rootKey, MEMOS_EMBEDDER: '', MEMOS_EMBEDDER_MODEL: '', ...variables, ...more }
    const running = new Miniflare(optionsOf(bundle, state.path, port, bindings))
    await running.ready
    return running
  }
  let miniflare = await start()
  await migrate(miniflare)
  const url = `http://127.0.0.1:${port}`
  const peer = async () => {
    const namespace = await miniflare.getDurableObjectNamespace('MIP_PEER')
    return namespace.getByName('peer') as unknown as MiniflareEdge['peer']
  }
  return {
    url,
    address: `/ip4/127.0.0.1/tcp/${port}/ws`,
    rootKey,
    fetch: (path, init) => fetch(new URL(path, url), init),
    rows: async (sql, ...params) => {
      const database = await miniflare.getD1Database('DB')
      return database
        .prepare(sql)
        .bind(...params)
        .raw<unknown[]>()
    },
    peer: {
      status: async () => (await peer()).status(),
      wake: async () => (await peer()).wake(),
      ask: async (address, method, args) => (await peer()).ask(address, method, args),
    },
    follow: {
      openTails: async () => {
        const namespace = await miniflare.getDurableObjectNamespace('MIP_FOLLOW')
        return (namespace.getByName('tails') as unknown as MiniflareEdge['follow']).openTails()
      },
    },
    fireTimer: async () => {
      await (await miniflare.getWorker()).scheduled()
    },
    restart: async (more) => {
      await miniflare.dispose()
      miniflare = await start(more)
    },
    close: async () => {
      await miniflare.dispose()
      await state.remove()
    },
  }
}

function optionsOf(bundle: string, state: string, port: number, bindings: Record<string, string>): MiniflareOptions {
  const toml = readFileSync(join(REPOSITORY, 'wrangler.toml'), 'utf8')
  const modules = readdirSync(bundle)
    .filter((name) => /\.(js|wasm)$/.test(name))
    .toSorted((a, b) => Number(b === 'cloudflare.js') - Number(a === 'cloudflare.js'))
    .map((name) => ({
      type: name.endsWith('.js') ? ('ESModule' as const) : ('CompiledWasm' as const),
      path: join(bundle, name),
    }))
  return convertV4MiniflareOptions({
    modules,
    modulesRoot: bundle,
    compatibilityDate: COMPATIBILITY.exec(toml)?.[1] ?? '',
    compatibilityFlags: (FLAGS.exec(toml)?.[1] ?? '').split(',').map((flag) => flag.trim().replaceAll('"', '')),
    host: '127.0.0.1',
    port,
    cf: false,
    bindings,
    d1Databases: { DB: 'main', DB_SHARD_1: 'shard-1' },
    r2Buckets: ['BLOBS'],
    queueProducers: { REFINE: 'refine' },
    durableObjects: {
      VECTOR_INDEX: { className: 'VectorIndexObject', useSQLite: true },
      RATE_LIMITER: { className: 'RateLimiterObject', useSQLite: true },
      MIP_PEER: { className: 'MipPeerObject', useSQLite: true },
      MIP_TAIL: { className: 'MipTailObject', useSQLite: true },
      MIP_FOLLOW: { className: 'MipFollowObject', useSQLite: true },
    },
    serviceBindings: { ASSETS: () => new Response(null, { status: 404 }) as never },
    resourcePersistencePath: state,
  })
}

async function migrate(miniflare: Miniflare): Promise<void> {
  const files = readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql'))
  for (const binding of ['DB', 'DB_SHARD_1']) {
    const database = await miniflare.getD1Database(binding)
    for (const file of files.toSorted()) {
      const statements = readFileSync(join(MIGRATIONS, file), 'utf8').split('--> statement-breakpoint')
      await database.batch(statements.map((statement) => database.prepare(statement)))
    }
  }
}
