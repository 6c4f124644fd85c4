import { AsyncLocalStorage } from 'node:async_hooks'
import openApi from '../../openapi.json'
import { INVOCATION_MS_MAX, INVOCATION_TASKS_MAX } from '../../schemas/limits.ts'
import { createApp } from '../app.ts'
import { type Components, composeEdge } from '../components.ts'
import { R2BlobStore } from '../drivers/blob-store/r2.ts'
import { jsonLinesLogger } from '../drivers/logger/json-lines.ts'
import { ObjectNodeHub } from '../drivers/node-hub/object-node-hub.ts'
import { DurableObjectRateLimiter } from '../drivers/rate-limiter/durable-object.ts'
import { HttpWebhook } from '../drivers/webhook/http.ts'
import { mipFollowObject } from '../durable-objects/mip-follow-object.ts'
import { mipPeerObject } from '../durable-objects/mip-peer-object.ts'
import { nodeHubObject } from '../durable-objects/node-hub-object.ts'
import { vectorIndexObject } from '../durable-objects/vector-index-object.ts'
import { hashSecret } from '../infrastructure/governance/key-secret.ts'
import { NodeBlobs } from '../infrastructure/nodes/node-blobs.ts'
import type { EdgeApp } from '../interface/http/bind-route.ts'
import { d1Databases, type Env } from './cloudflare/env.ts'
import { followHost, keepTails } from './cloudflare/followed-tails.ts'
import { modelsOf, vectorIndexOf } from './cloudflare/models.ts'
import { nodeGate } from './cloudflare/node-gate.ts'
import { openPeer } from './cloudflare/open-peer.ts'
import { openVectorIndex } from './cloudflare/open-vector-index.ts'
import { callPeer, isPeerCall, mipParts, wakePeer } from './cloudflare/peers.ts'
import { objectTails } from './cloudflare/tails.ts'
import { parsePeerKey } from './peer-key.ts'
import { pullingHints } from './pulling-hints.ts'
import { webhookOriginsOf } from './webhook-settings.ts'

export { MipTailObject } from '../durable-objects/mip-tail-object.ts'
export { RateLimiterObject } from '../durable-objects/rate-limiter-object.ts'

export const VectorIndexObject = vectorIndexObject(openVectorIndex)

/** An edge of its own serves the peers of this object: what one request waits for must not be another one's. */
export const MipPeerObject = mipPeerObject((env: Env) =>
  openPeer(env, () => {
    const { edge, tick } = openHost(env)
    const peerKey = parsePeerKey(env.MEMOS_PEER_KEY ?? '', 'MEMOS_PEER_KEY')
    return {
      peerKey,
      source: edge.mipSource,
      hints: pullingHints(edge.mipHints, () => tick(['mip'])),
      logger: edge.logger,
    }
  }),
)

/** Reads tails with an edge of its own, which is built when the first one says something. */
export const MipFollowObject = mipFollowObject((env: Env) =>
  followHost(env, {
    logger: jsonLinesLogger(console.log, Date.now),
    hints: () => {
      const { edge, tick } = openHost(env)
      return pullingHints(edge.mipHints, () => tick(['mip']))
    },
  }),
)

/** Admits nodes by the rows of the default database; it needs no edge of its own. */
export const NodeHubObject = nodeHubObject(nodeGate)

const ROOT_KEY_LENGTH_MIN = 32

interface Host extends Components {
  app: EdgeApp
  /** Whether this isolate has seen the default organisation in the database. */
  ready: boolean
}

// Work that outlives an answer belongs to its request: in workerd no request may wait for another one's I/O.
const deferred = new AsyncLocalStorage<Set<Promise<unknown>>>()

let host: Host | null = null

/** Builds the edge once per isolate. */
function hostOf(env: Env): Host {
  host ??= openHost(env)
  return host
}

/** A missing root key is a deployment fault and says what to do. */
function openHost(env: Env): Host {
  const key = env.MEMOS_ROOT_KEY ?? ''
  if (key.length < ROOT_KEY_LENGTH_MIN)
    throw new Error('MEMOS_ROOT_KEY is not set (32 characters or more): npx wrangler secret put MEMOS_ROOT_KEY')
  const logger = jsonLinesLogger(console.log, Date.now)
  const blobs = new R2BlobStore(env.BLOBS)
  const databases = d1Databases(env)
  const components = composeEdge({
    databases,
    blobs,
    ...modelsOf(env),
    webhook: new HttpWebhook(webhookOriginsOf(env)),
    rateLimiter: new DurableObjectRateLimiter(env.RATE_LIMITER),
    runtime: {
      nowMs: Date.now,
      randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
      defer: (work) => {
        deferred
          .getStore()
          ?.add(
            work.catch((error: unknown) =>
              logger.error('deferred_work_failed', { name: error instanceof Error ? error.name : 'unknown' }),
            ),
          )
      },
    },
    logger,
    queue: { wake: () => void deferred.getStore()?.add(env.REFINE.send({ wake: true }).catch(() => undefined)) },
    vectorIndex: (source) => vectorIndexOf(env, source),
    rootHash: hashSecret(key),
    singleProcess: false,
    logRequests: env.MEMOS_LOG === 'requests',
    nodes: { hub: new ObjectNodeHub(env.NODE_HUB), blobs: new NodeBlobs(blobs, Date.now) },
    mip: {
      ...mipParts(env, (work) => void deferred.getStore()?.add(work.catch(() => undefined))),
      tails: objectTails(env.MIP_TAIL),
    },
  })
  const app = createApp(components.edge, {
    openApi: () => openApi,
    asset: async (path, request) => {
      const response = await env.ASSETS.fetch(new Request(new URL(path, request.url), { headers: request.headers }))
      return response.status === 404 ? null : response
    },
    ready: async () => ({
      database:
        (await databases
          .get('default')
          ?.all({ sql: 'select 1', params: [] })
          .catch(() => null)) != null,
      blobs: await blobs.size('.ready').then(
        () => true,
        () => false,
      ),
    }),
  })
  return { ...components, app, ready: false }
}

/** Runs work that may defer more, and answers its result together with the end of what it deferred. */
async function withDeferred<T>(
  env: Env,
  work: (current: Host) => Promise<T>,
): Promise<{ result: T; rest: Promise<void> }> {
  const mine = new Set<Promise<unknown>>()
  const current = hostOf(env)
  const result = await deferred.run(mine, async () => {
    if (!current.ready) await current.edge.organisations.ensureDefault()
    current.ready = true
    return work(current)
  })
  const drain = async (): Promise<void> => {
    while (mine.size > 0) {
      const batch = [...mine]
      await Promise.all(batch)
      for (const done of batch) mine.delete(done)
    }
  }
  return { result, rest: drain() }
}

async function runTasks(env: Env): Promise<void> {
  const { rest } = await withDeferred(env, ({ tasks }) =>
    tasks.runDue(AbortSignal.timeout(INVOCATION_MS_MAX), INVOCATION_TASKS_MAX),
  )
  await rest
}

export default {
  async fetch(request, env, context) {
    if (isPeerCall(request)) return callPeer(request, env)
    const { result, rest } = await withDeferred(env, ({ app }) =>
      Promise.resolve(app.fetch(request as unknown as Request, env, context)),
    )
    context.waitUntil(rest)
    return result
  },
  async queue(_batch, env) {
    await runTasks(env)
  },
  async scheduled(_controller, env) {
    await wakePeer(env)
    await keepTails(env, d1Databases(env).values()).catch((error: unknown) =>
      hostOf(env).edge.logger.warn('mip_tail_failed', { error: error instanceof Error ? error.name : 'unknown' }),
    )
    const { rest } = await withDeferred(env, ({ tick }) => tick())
    await rest
    await runTasks(env)
  },
} satisfies ExportedHandler<Env, { wake: true }>
