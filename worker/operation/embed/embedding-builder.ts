import { MemosError } from '../../../schemas/errors.ts'
import { EMBED_TEXTS_MAX } from '../../../schemas/limits.ts'
import type { NamespaceRow, TaskRow } from '../../ports/rows.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession, VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { TaskProgress, TaskQueue } from '../../ports/tasks.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { VectorIndex } from '../../ports/vector-index.ts'
import type { VectorSpaceState } from '../../ports/vectors.ts'

export const EMBED_TASK = 'embed'

export interface EmbeddingBuilderComponents {
  embedder: Embedder | null
  vectorIndex: VectorIndex
  sessions: VaultSessions
  systemContext: (orgId: string, operation: string, nowMs: number, signal: AbortSignal) => RequestContext
  encodeVector: (vector: Float32Array) => Uint8Array
  runtime: Runtime
  queue: TaskQueue
  /** Whether tasks planned here are also run here, so that one that waits can take up further writes. */
  singleProcess: boolean
}

/** Background work that a write calls for: its id for the caller, and the writes that plan it in the same batch. */
export interface EmbeddingPlan {
  taskId: string | null
  writes: VaultWrite[]
}

const NOTHING: EmbeddingPlan = { taskId: null, writes: [] }

/**
 * Keeps vectors up to date with the cubes, in the background: text is searchable at once, its vector follows. A new model is built beside
 * the old one from the first cube on, and takes over when it has caught up; the walk resumes where it stopped.
 */
export class EmbeddingBuilder {
  readonly #components: EmbeddingBuilderComponents
  /** Planned tasks that have not begun: further writes need no second one. */
  readonly #waiting = new Map<number, string>()

  constructor(components: EmbeddingBuilderComponents) {
    this.#components = components
  }

  /** The task that will embed what is about to be written. Call `wake` once the batch is applied. */
  plan(namespace: Pick<NamespaceRow, 'id'>, context: RequestContext): EmbeddingPlan {
    const { embedder, runtime } = this.#components
    if (embedder === null) return NOTHING
    const known = this.#waiting.get(namespace.id)
    if (known !== undefined) return { taskId: known, writes: [] }
    const id = ulid(context.nowMs, runtime.randomBytes)
    return { taskId: id, writes: [{ kind: 'insert_task', task: newTask(id, namespace.id, embedder.model, context) }] }
  }

  /**
   * Tells the workers about an applied plan. A write that joined a waiting task may be applied after that task has looked for the last time;
   * the regular look for missing vectors then plans it again.
   */
  wake(namespace: Pick<NamespaceRow, 'id'>, plan: EmbeddingPlan): void {
    if (plan.taskId === null) return
    if (plan.writes.length > 0 && this.#components.singleProcess) this.#waiting.set(namespace.id, plan.taskId)
    this.#components.queue.wake()
  }

  /** Embeds everything in a namespace that has no vector of the configured model yet. */
  async run(task: TaskRow, progress: TaskProgress): Promise<void> {
    const { embedder, sessions, systemContext, runtime } = this.#components
    const namespaceId = task.namespaceId
    if (namespaceId === null || embedder === null)
      throw new MemosError('embedder_failed', { detail: 'No embedding model is configured.' })
    this.#waiting.delete(namespaceId)
    let embedded = 0
    for (;;) {
      const session = await sessions(systemContext(task.orgId, EMBED_TASK, runtime.nowMs(), progress.signal), 'write')
      const space = (await session.vectors.spaces(namespaceId)).find((one) => one.model === embedder.model)
      const lastSeq = await session.cubes.lastSeq(namespaceId)
      const cubes = await session.cubes.unembedded(namespaceId, embedder.model, EMBED_TEXTS_MAX, space?.builtSeq ?? 0)
      if (cubes.length === 0 || progress.signal.aborted) {
        if (space !== undefined && !progress.signal.aborted) await this.#takeOver(session, space, namespaceId, lastSeq)
        return
      }
      await this.#embed(session, cubes, progress.signal)
      embedded += cubes.length
      await progress.report(embedded, null)
    }
  }

  /** Forgets vectors of deleted cubes in the index; their rows are gone already. */
  async forget(session: VaultSession, orgId: string, namespaceId: number, seqs: readonly number[]): Promise<void> {
    for (const { model, dimensions } of await session.vectors.spaces(namespaceId)) {
      await this.#components.vectorIndex.remove({ orgId, namespaceId, model, dimensions }, seqs)
    }
  }

  /** Forgets all vectors of a namespace in the index. To be called before its rows go. */
  async forgetNamespace(session: VaultSession, orgId: string, namespaceId: number): Promise<void> {
    for (const { model, dimensions } of await session.vectors.spaces(namespaceId)) {
      await this.#components.vectorIndex.drop({ orgId, namespaceId, model, dimensions })
    }
  }

  async #embed(session: VaultSession, cubes: readonly FullCube[], signal: AbortSignal): Promise<void> {
    const { embedder, encodeVector, vectorIndex, runtime } = this.#components
    if (embedder === null) return
    const vectors = await embedder.embed(cubes.map(textOf), { kind: 'document', signal })
    const { namespaceId } = cubes[0]?.cube ?? { namespaceId: 0 }
    const dimensions = vectors[0]?.length ?? 0
    const answers = await session.vault.apply([
      {
        kind: 'advance_space',
        namespaceId,
        model: embedder.model,
        dimensions,
        state: 'building',
        builtSeq: cubes.at(-1)?.cube.seq ?? 0,
        atMs: runtime.nowMs(),
      },
      {
        kind: 'put_embeddings',
        namespaceId,
        model: embedder.model,
        vectors: cubes.map(({ cube }, at) => ({
          cubeId: cube.cubeId,
          cid: cube.cid,
          vector: encodeVector(vectors[at] ?? new Float32Array()),
        })),
      },
    ])
    const firstChange = Number(answers.at(-1)?.[0]?.[0] ?? 0)
    const entries = cubes.map(({ cube }, at) => ({
      seq: cube.seq,
      change: firstChange + at,
      vector: vectors[at] ?? new Float32Array(),
    }))
    await vectorIndex.upsert(
      { orgId: session.vault.organisation.id, namespaceId, model: embedder.model, dimensions },
      entries,
    )
  }

  /** A space that has caught up becomes the one that searches use; the vectors of others are removed. */
  async #takeOver(session: VaultSession, mine: VectorSpaceState, namespaceId: number, lastSeq: number): Promise<void> {
    const { vectorIndex, runtime } = this.#components
    const { model, dimensions } = mine
    await session.vault.apply([
      {
        kind: 'advance_space',
        namespaceId,
        model,
        dimensions,
        state: 'building',
        builtSeq: lastSeq,
        atMs: runtime.nowMs(),
      },
    ])
    if (mine.state === 'active') return
    const spaces = await session.vectors.spaces(namespaceId)
    const others = spaces.filter((one) => one.model !== mine.model && !one.model.startsWith('caller:'))
    await session.vault.apply([{ kind: 'activate_space', namespaceId, model: mine.model }])
    for (const other of others) {
      await vectorIndex.drop({
        orgId: session.vault.organisation.id,
        namespaceId,
        model: other.model,
        dimensions: other.dimensions,
      })
      await session.vault.apply([{ kind: 'drop_space', namespaceId, model: other.model }])
    }
  }
}

const textOf = ({ cube, content }: FullCube): string =>
  [cube.title, cube.speaker === null ? content : `${cube.speaker}: ${content}`]
    .filter((part) => part !== null)
    .join('\n')

const newTask = (id: string, namespaceId: number, model: string, { principal, nowMs }: RequestContext): TaskRow => ({
  id,
  orgId: principal.orgId,
  namespaceId,
  kind: EMBED_TASK,
  state: 'queued',
  input: { model },
  progress: 0,
  total: null,
  attempts: 0,
  error: null,
  leaseUntilMs: null,
  createdAtMs: nowMs,
  updatedAtMs: nowMs,
})
