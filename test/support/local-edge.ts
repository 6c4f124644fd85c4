import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { createApp } from '../../worker/app.ts'
import { type Components, composeEdge } from '../../worker/components.ts'
import type { NodeParts } from '../../worker/compose-node-services.ts'
import { MemoryRateLimiter } from '../../worker/drivers/rate-limiter/token-bucket.ts'
import { exactScanIndex } from '../../worker/drivers/vector-index/exact-scan-index.ts'
import { hashSecret } from '../../worker/infrastructure/governance/key-secret.ts'
import type { BlobStore } from '../../worker/ports/blob-store.ts'
import type { Database } from '../../worker/ports/database.ts'
import type { Embedder } from '../../worker/ports/embedder.ts'
import type { LanguageModel } from '../../worker/ports/language-model.ts'
import type { Logger } from '../../worker/ports/logger.ts'
import type { MipParts } from '../../worker/ports/mip.ts'
import { seededRandom } from '../conformance/seeded-random.ts'
import type { EdgeUnderTest } from './edge.ts'

const ROOT_KEY = 'root-key-of-the-tests-that-run-in-one-process'
const START_MS = Date.UTC(2026, 0, 1)

export interface LocalEdgeInit {
  databases: ReadonlyMap<string, Database>
  blobs: BlobStore
  embedder?: Embedder
  /** Answers queries while the embedder's vectors are being built. */
  previousEmbedder?: Embedder
  languageModel?: LanguageModel
  seed?: number
  /** Default: none hears what is logged. */
  logger?: Logger
  /** Default: nothing is published, and no peer is reached. */
  mip?: Partial<MipParts>
  /** Default: no GPU node may connect. */
  nodes?: NodeParts
  /** Another process that serves the same databases shares its clock. */
  clock?: { nowMs: number }
}

/** An edge inside the test: requests without sockets, a clock that only tests move, dice from a seed. */
export interface LocalEdge extends EdgeUnderTest {
  components: Components
  clock: { nowMs: number }
  /** Writes the log entries that wait; the timer that would write them finds nothing then. */
  settle(): Promise<void>
  /** Runs background tasks until none is due. */
  runTasks(): Promise<number>
}

export async function openLocalEdge({
  databases,
  blobs,
  embedder,
  previousEmbedder,
  languageModel,
  seed = 1,
  logger = { info() {}, warn() {}, error() {} },
  clock,
  mip,
  nodes,
}: LocalEdgeInit): Promise<LocalEdge> {
  const time = clock ?? { nowMs: START_MS }
  const random = seededRandom(seed)
  const deferred = new Set<Promise<unknown>>()
  const defer = (work: Promise<unknown>) => {
    const guarded = work.catch(() => undefined).finally(() => deferred.delete(guarded))
    deferred.add(guarded)
  }
  const components = composeEdge({
    databases,
    blobs,
    ...(nodes !== undefined && { nodes }),
    embedders: [embedder, previousEmbedder].filter((one) => one !== undefined),
    webhook: null,
    mip: { signer: null, ed25519: portableEd25519, mirrors: false, remotes: { open: () => null }, ...mip },
    reranker: null,
    languageModel: languageModel ?? null,
    rateLimiter: new MemoryRateLimiter(),
    runtime: {
      // Each look at the clock takes a moment, so that ids rise.
      nowMs: () => time.nowMs++,
      randomBytes: (length) => Uint8Array.from({ length }, () => random(256)),
      defer,
    },
    logger,
    queue: { wake() {} },
    vectorIndex: exactScanIndex,
    rootHash: hashSecret(ROOT_KEY),
    singleProcess: true,
    logRequests: false,
    sleep: async (ms) => {
      time.nowMs += Math.ceil(ms)
    },
  })
  await components.edge.organisations.ensureDefault()
  const app = createApp(components.edge, {
    openApi: () => ({}),
    asset: async () => null,
    ready: async () => ({ database: true, blobs: true }),
  })
  const settle = () => components.edge.activity.flush()
  return {
    components,
    clock: time,
    rootKey: ROOT_KEY,
    fetch: async (path, init) => app.fetch(new Request(new URL(path, 'http://edge.test'), init)),
    rows: (sql, ...params) => (databases.get('default') as Database).all({ sql, params }),
    settle,
    runTasks: () => components.tasks.runDue(new AbortController().signal),
    close: async () => {
      await settle()
      while (deferred.size > 0) await Promise.all(deferred)
    },
  }
}
