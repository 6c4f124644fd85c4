import { ArchiveService } from './infrastructure/archive/archive-service.ts'
import { KeyRing } from './infrastructure/governance/key-ring.ts'
import { OrganisationDirectory } from './infrastructure/governance/organisation-directory.ts'
import { systemContext } from './infrastructure/governance/system-context.ts'
import { ActivityLog } from './infrastructure/log/activity-log.ts'
import { purgeIdempotency } from './infrastructure/log/idempotency-store.ts'
import { Metrics } from './infrastructure/log/metrics.ts'
import { OrganisationMover } from './infrastructure/placement/organisation-mover.ts'
import { MOVE_TASK, OrganisationMoves } from './infrastructure/placement/organisation-moves.ts'
import { planMissingEmbeddings } from './infrastructure/tasks/missing-embeddings.ts'
import { purgeTasks } from './infrastructure/tasks/purge-tasks.ts'
import { TaskRunner } from './infrastructure/tasks/task-runner.ts'
import { runUpkeep, type UpkeepStep } from './infrastructure/tasks/upkeep.ts'
import { BlobSweep } from './infrastructure/vault/blob-sweep.ts'
import { Eraser } from './infrastructure/vault/eraser.ts'
import { expiredCubes } from './infrastructure/vault/expired-cubes.ts'
import { encodeVector } from './infrastructure/vault/half-float.ts'
import { MemVault } from './infrastructure/vault/mem-vault.ts'
import { NamespaceDirectory } from './infrastructure/vault/namespace-directory.ts'
import { vaultSessions } from './infrastructure/vault/vault-session.ts'
import { vectorSource } from './infrastructure/vault/vector-source.ts'
import type { Edge } from './interface/edge.ts'
import { EMBED_TASK, EmbeddingBuilder } from './operation/embed/embedding-builder.ts'
import { indexText } from './operation/organise/draft-cube.ts'
import { EXPIRED_PER_SWEEP_MAX, ExpirySweep } from './operation/organise/expiry-sweep.ts'
import { MemoryWriter, storedCube } from './operation/organise/memory-writer.ts'
import { placeText } from './operation/organise/place-text.ts'
import { ANALYSER_VERSION } from './operation/retrieval/analyse.ts'
import { packContext } from './operation/retrieval/context.ts'
import { featuresOf } from './operation/retrieval/features.ts'
import { DEFAULT_WEIGHTS } from './operation/retrieval/weights.ts'
import { MemOperator } from './operation/search/mem-operator.ts'
import type { BlobStore } from './ports/blob-store.ts'
import type { Database } from './ports/database.ts'
import type { Embedder } from './ports/embedder.ts'
import type { Logger } from './ports/logger.ts'
import type { RateLimiter } from './ports/rate-limiter.ts'
import type { Reranker } from './ports/reranker.ts'
import type { Runtime } from './ports/runtime.ts'
import type { TaskHandler, TaskQueue } from './ports/tasks.ts'
import type { VectorIndex, VectorSource } from './ports/vector-index.ts'

export const VERSION = '0.1.0'
const ACTIVITY_FLUSH_MS = 250

/** What a host brings: drivers and what only it knows. */
export interface HostParts {
  databases: ReadonlyMap<string, Database>
  blobs: BlobStore
  /** First the model that embeds; a further one answers queries while the first one's vectors are being built. */
  embedders: readonly Embedder[]
  reranker: Reranker | null
  rateLimiter: RateLimiter
  runtime: Runtime
  logger: Logger
  queue: TaskQueue
  vectorIndex(source: VectorSource): VectorIndex
  rootHash: string
  /** Whether one process serves the database alone, so that it may keep in memory what only it changes. */
  singleProcess: boolean
  logRequests: boolean
  /** How background work waits; tests that step the clock bring their own. */
  sleep?(ms: number): Promise<void>
}

export interface Components {
  edge: Edge
  tasks: TaskRunner
  vectorIndex: VectorIndex
  /** To be called every minute: forgets what is too old and plans work that no request planned. */
  tick(): Promise<void>
}

const waitMs = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** The composition root: the one place that knows which class stands behind which interface. */
export function composeEdge(host: HostParts): Components {
  const { databases, blobs, runtime, logger, embedders, queue } = host
  const embedder = embedders[0] ?? null
  const vault = new MemVault({ databases })
  const vectorIndex = host.vectorIndex(vectorSource(vault, runtime.nowMs))
  const sessions = vaultSessions({ vault, blobs, vectorIndex, logger })
  const embeddings = new EmbeddingBuilder({
    embedder,
    vectorIndex,
    sessions,
    systemContext,
    encodeVector,
    runtime,
    queue,
    singleProcess: host.singleProcess,
  })
  const keyRing = new KeyRing({ vault, runtime }, { rootHash: host.rootHash, cacheRows: host.singleProcess })
  const mover = new OrganisationMover({ vault, runtime, sleep: host.sleep ?? waitMs })
  const handlers = new Map<string, TaskHandler>([
    [EMBED_TASK, (task, progress) => embeddings.run(task, progress)],
    [MOVE_TASK, (task, progress) => mover.run(task, progress)],
  ])
  const expiry = new ExpirySweep({ blobs, sessions, systemContext, embeddings, runtime, logger })
  const blobSweep = new BlobSweep({ vault, blobs, runtime })
  const edge: Edge = {
    version: VERSION,
    logRequests: host.logRequests,
    vault,
    sessions,
    keyRing,
    organisations: new OrganisationDirectory({ vault, runtime }),
    moves: new OrganisationMoves({ vault, runtime, queue, mover }),
    namespaces: new NamespaceDirectory(vault, runtime),
    writer: new MemoryWriter({ blobs, runtime, encodeVector }),
    operator: new MemOperator({ embedders, reranker: host.reranker, logger }),
    embeddings,
    eraser: new Eraser({
      blobs,
      keyRing,
      forgetVectors: (session, orgId, id) => embeddings.forgetNamespace(session, orgId, id),
    }),
    archives: new ArchiveService({
      blobs,
      organise: { analyserVersion: ANALYSER_VERSION, indexText, featuresOf, placeText, storedCube },
      embeddings,
    }),
    packContext,
    weightNames: Object.keys(DEFAULT_WEIGHTS),
    activity: new ActivityLog({ vault, runtime, logger }, { flushMs: host.singleProcess ? ACTIVITY_FLUSH_MS : 0 }),
    metrics: new Metrics(),
    blobs,
    rateLimiter: host.rateLimiter,
    runtime,
    logger,
  }
  const upkeep = upkeepSteps(host, { expiry, blobSweep })
  return {
    edge,
    tasks: new TaskRunner({ databases, runtime, logger, handlers }),
    vectorIndex,
    tick: () => runUpkeep(upkeep, logger),
  }
}

/** What is done every minute, in this order. */
function upkeepSteps(
  { databases, runtime, embedders }: HostParts,
  { expiry, blobSweep }: { expiry: ExpirySweep; blobSweep: BlobSweep },
): UpkeepStep[] {
  const embedder = embedders[0] ?? null
  const everyDatabase = (work: (database: Database) => Promise<unknown>) => async () => {
    for (const database of databases.values()) await work(database)
  }
  return [
    { name: 'idempotency', run: everyDatabase((database) => purgeIdempotency(database, runtime.nowMs())) },
    { name: 'tasks', run: everyDatabase((database) => purgeTasks(database, runtime.nowMs())) },
    {
      name: 'expiry',
      run: everyDatabase(async (database) =>
        expiry.erase(await expiredCubes(database, runtime.nowMs(), EXPIRED_PER_SWEEP_MAX)),
      ),
    },
    ...(embedder === null
      ? []
      : [
          {
            name: 'embeddings',
            run: everyDatabase((database) =>
              planMissingEmbeddings(database, { kind: EMBED_TASK, model: embedder.model }, runtime),
            ),
          },
        ]),
    { name: 'blobs', run: () => blobSweep.step() },
  ]
}
