import { randomFillSync } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { useNativeSha256 } from '../../../protocol/host/native-sha256.ts'
import { STOP_MS_MAX, VECTOR_INDEX_BYTES_MAX } from '../../../schemas/limits.ts'
import { createApp } from '../../app.ts'
import { composeEdge } from '../../components.ts'
import { FileSystemBlobStore } from '../../drivers/blob-store/file-system.ts'
import { filePath, type OpenDatabase, openLibsql } from '../../drivers/database/open-libsql.ts'
import { OpenAiCompatibleEmbedder } from '../../drivers/embedder/openai-compatible.ts'
import { OpenAiCompatibleModel } from '../../drivers/language-model/openai-compatible.ts'
import { jsonLinesLogger } from '../../drivers/logger/json-lines.ts'
import { ProcessNodeHub } from '../../drivers/node-hub/process-node-hub.ts'
import { MemoryRateLimiter } from '../../drivers/rate-limiter/token-bucket.ts'
import { HttpReranker } from '../../drivers/reranker/http.ts'
import { fastestEd25519 } from '../../drivers/signer/web-crypto-ed25519.ts'
import { EmbeddedVectorIndex } from '../../drivers/vector-index/embedded-vector-index.ts'
import { exactScanIndex } from '../../drivers/vector-index/exact-scan-index.ts'
import { readKernel } from '../../drivers/vector-index/kernel/read-kernel.ts'
import { HttpWebhook } from '../../drivers/webhook/http.ts'
import { DEFAULT_ORGANISATION } from '../../infrastructure/governance/key-ring.ts'
import { hashSecret } from '../../infrastructure/governance/key-secret.ts'
import { NodeBlobs } from '../../infrastructure/nodes/node-blobs.ts'
import { NodeGatekeeper } from '../../infrastructure/nodes/node-gatekeeper.ts'
import type { Edge } from '../../interface/edge.ts'
import type { Pages } from '../../interface/pages.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import type { Database } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import { consoleAsset } from './assets.ts'
import { Background } from './background.ts'
import type { NodeConfig } from './config.ts'
import { EmbeddedNode } from './embedded-node.ts'
import { lockDatabase } from './lock.ts'
import { NodePeers } from './peers.ts'
import { rootKey } from './root-key.ts'

/** Time for the first connection of the node of this edge. */
const JOIN_MS = 10 * 60_000

const ROOT = join(import.meta.dirname, '..', '..', '..')

export interface RunningServer {
  url: string
  /** The root key when it was made by this start. */
  newRootKey: string | null
  stop(): Promise<void>
}

/** Opens everything, serves, and says where. */
export async function startServer(config: NodeConfig): Promise<RunningServer> {
  useNativeSha256()
  mkdirSync(config.home, { recursive: true, mode: 0o700 })
  const files = [config.databaseUrl, ...config.furtherDatabases.values()].filter((url) => url.startsWith('file:'))
  const locks: (() => void)[] = []
  const release = () => {
    for (const unlock of locks.splice(0)) unlock()
  }
  try {
    for (const url of files) locks.push(lockDatabase(filePath(url)))
    return await serve(config, release)
  } catch (error) {
    release()
    throw error
  }
}

async function serve(config: NodeConfig, release: () => void): Promise<RunningServer> {
  const { key, isNew } = rootKey(config.home, config.rootKey)
  const logger = jsonLinesLogger((line) => process.stderr.write(`${line}\n`), Date.now)
  const opened = await openDatabases(config)
  const background = new Background(logger)
  const blobs = new FileSystemBlobStore(join(config.home, 'blobs'))
  const kernel = await readKernel()
  let index: EmbeddedVectorIndex | null = null
  const ed25519 = await fastestEd25519()
  const peers = new NodePeers(config, {
    ed25519,
    logger,
    defer: (work) => background.defer(work),
  })
  const databases = new Map([...opened].map(([name, { database }]) => [name, database]))
  const nodeHub = new ProcessNodeHub()
  const { edge, tasks, tick } = composeEdge({
    databases,
    blobs,
    embedders: config.models.embedders.map((setting) => new OpenAiCompatibleEmbedder(setting)),
    reranker: config.models.reranker === null ? null : new HttpReranker(config.models.reranker),
    webhook: new HttpWebhook(config.webhookOrigins),
    languageModel: config.models.languageModel === null ? null : new OpenAiCompatibleModel(config.models.languageModel),
    rateLimiter: new MemoryRateLimiter(),
    runtime: {
      nowMs: Date.now,
      randomBytes: (length) => randomFillSync(new Uint8Array(length)),
      defer: (work) => background.defer(work),
    },
    logger,
    queue: background,
    vectorIndex: (source) => {
      if (config.vectorIndex === 'exact') return exactScanIndex()
      index = new EmbeddedVectorIndex({ source, blobs, kernel, logger }, { budgetBytes: VECTOR_INDEX_BYTES_MAX })
      return index
    },
    rootHash: hashSecret(key),
    singleProcess: config.databaseUrl.startsWith('file:'),
    logRequests: config.logRequests,
    mip: peers.parts,
    nodes: { hub: nodeHub, blobs: new NodeBlobs(blobs, Date.now) },
  })
  nodeHub.admitThrough(new NodeGatekeeper({ vault: edge.vault, ed25519, runtime: edge.runtime }))
  await edge.organisations.ensureDefault()
  const app = openApp(edge, { database: databases.get('default'), blobs })
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(config.port, config.host, resolve)
  })
  background.start(tasks, () => tick().then(() => peers.keepTails(databases.values())), config.upkeepMs)
  const { port } = server.address() as AddressInfo
  const fetch = async (request: Request, env: object) => app.fetch(request, env)
  peers.start(server as Server, { edge, tick, port, fetch })
  nodeHub.listen(server as Server, fetch)
  const embedded = startEmbedded(config, { edge, port, logger })
  const stop = async () => {
    await embedded?.stop()
    nodeHub.close()
    await peers.stop()
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    if ('closeIdleConnections' in server) server.closeIdleConnections()
    const cut = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), STOP_MS_MAX)
    await closed
    clearTimeout(cut)
    await edge.activity.flush()
    await background.stop()
    await index?.stop()
    for (const one of opened.values()) await one.close()
    release()
  }
  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    newRootKey: isNew ? key : null,
    stop,
  }
}

/** The GPU node of this edge; null where none is wanted, or there is no model. */
function startEmbedded(
  { gpuModel: model, home, host }: NodeConfig,
  { edge, port, logger }: { edge: Edge; port: number; logger: Logger },
): EmbeddedNode | null {
  if (model === null) return null
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const node = new EmbeddedNode({
    ...{ model, home, logger, edge: `http://${address.includes(':') ? `[${address}]` : address}:${port}` },
    joinToken: async () => {
      const { runtime, systemContext, nodes } = edge
      const { principal } = systemContext(
        DEFAULT_ORGANISATION,
        'embeddedNode',
        runtime.nowMs(),
        new AbortController().signal,
      )
      const made = await nodes?.directory.createToken(principal, { name: 'embedded', lifeMs: JOIN_MS })
      return made?.secret ?? ''
    },
  })
  return node.start() ? node : null
}

/** The application with the pages that only a process has. */
function openApp(edge: Edge, { database, blobs }: { database: Database | undefined; blobs: BlobStore }) {
  edge.metrics.gauge('process_resident_memory_bytes', 'Resident memory of the process.', () =>
    process.memoryUsage.rss(),
  )
  edge.metrics.gauge('process_uptime_seconds', 'Time since the start.', () => process.uptime())
  return createApp(edge, {
    openApi: () => JSON.parse(readFileSync(join(ROOT, 'openapi.json'), 'utf8')),
    asset: consoleAsset,
    ready: async () => ({
      database: (await database?.all({ sql: 'select 1', params: [] }).catch(() => null)) != null,
      blobs: await blobs.put('.ready', new Uint8Array(1)).then(
        () => true,
        () => false,
      ),
    }),
  } satisfies Pages)
}

async function openDatabases(config: NodeConfig): Promise<Map<string, OpenDatabase>> {
  const opened = new Map([['default', await openLibsql('default', config.databaseUrl, config.databaseToken)]])
  for (const [name, url] of config.furtherDatabases) opened.set(name, await openLibsql(name, url, config.databaseToken))
  for (const url of [config.databaseUrl, ...config.furtherDatabases.values()]) {
    // Memory of people: nobody else on the machine reads it.
    if (url.startsWith('file:')) chmodSync(filePath(url), 0o600)
  }
  return opened
}
