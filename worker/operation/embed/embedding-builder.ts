import { MemosError } from '../../../schemas/errors.ts'
import { EMBED_TEXTS_MAX } from '../../../schemas/limits.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession, VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow, TaskRow } from '../../ports/rows.ts'
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

  /** Embeds everything in a namespace that has no vector of the configured model yet. Goes on where an earlier run stopped. */
  async run(task: TaskRow, progress: TaskProgress): Promise<void> {
    const { embedder, sessions, systemContext, runtime } = this.#components
    const namespaceId = task.namespaceId
    if (namespaceId === null || embedder === null)
      throw new MemosError('embedder_failed', { detail: 'No embedding model is configured.' })
    this.#waiting.delete(namespaceId)
    let embedded = 0
    // Where the walk is while there is no space that could say so.
    let passed = 0
    while (!progress.signal.aborted) {
      const session = await sessions(systemContext(task.orgId, EMBED_TASK, runtime.nowMs(), progress.signal), 'write')
      const space = (await session.vectors.spaces(namespaceId)).find((one) => one.model === embedder.model)
      const lastSeq = await session.cubes.lastSeq(namespaceId)
      const after = space?.builtSeq ?? passed
      const cubes = await session.cubes.unembedded(namespaceId, embedder.model, EMBED_TEXTS_MAX, after)
      const readSeq = cubes.at(-1)?.cube.seq ?? lastSeq
      const withText = cubes.filter((full) => textOf(full) !== '')
      if (withText.length > 0) {
        await this.#embed(embedder, session, withText, {
          fromSeq: space?.builtSeq ?? null,
          readSeq,
          signal: progress.signal,
        })
        embedded += withText.length
        await progress.report(embedded, null)
      } else if (space !== undefined) {
        const isThere = await this.#advance(session, namespaceId, space, readSeq)
        if (isThere && cubes.length === 0) return this.#takeOver(session, space, namespaceId)
      } else if (cubes.length === 0) return
      passed = readSeq
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
    this.#waiting.delete(namespaceId)
    for (const { model, dimensions } of await session.vectors.spaces(namespaceId)) {
      await this.#components.vectorIndex.drop({ orgId, namespaceId, model, dimensions })
    }
  }

  async #embed(
    embedder: Embedder,
    session: VaultSession,
    cubes: readonly FullCube[],
    { fromSeq, readSeq, signal }: { fromSeq: number | null; readSeq: number; signal: AbortSignal },
  ): Promise<void> {
    const { encodeVector, vectorIndex } = this.#components
    const vectors = await embedder.embed(cubes.map(textOf), { kind: 'document', signal })
    const { namespaceId } = cubes[0]?.cube ?? { namespaceId: 0 }
    const space = { model: embedder.model, dimensions: vectors[0]?.length ?? 0 }
    const rows = cubes.map(({ cube }, at) => ({ cube, vector: vectors[at] ?? new Float32Array() }))
    const answers = await session.vault.apply([
      this.#advanced(namespaceId, { ...space, fromSeq }, readSeq),
      {
        kind: 'put_embeddings',
        namespaceId,
        model: embedder.model,
        vectors: rows.map(({ cube, vector }) => ({
          cubeId: cube.cubeId,
          cid: cube.cid,
          vector: encodeVector(vector),
        })),
      },
    ])
    const firstChange = Number(answers.at(-1)?.[0]?.[0] ?? rows.length) - rows.length
    await vectorIndex.upsert(
      { orgId: session.vault.organisation.id, namespaceId, ...space },
      rows.map(({ cube, vector }, at) => ({ seq: cube.seq, change: firstChange + at, vector })),
    )
  }

  /** Whether the space now is where it should be; it is not when a cube has changed since it was read. */
  async #advance(
    session: VaultSession,
    namespaceId: number,
    space: VectorSpaceState,
    builtSeq: number,
  ): Promise<boolean> {
    const answers = await session.vault.apply([
      this.#advanced(namespaceId, { ...space, fromSeq: space.builtSeq }, builtSeq),
    ])
    return Number(answers.at(-1)?.[0]?.[0]) === builtSeq
  }

  #advanced(
    namespaceId: number,
    { model, dimensions, fromSeq }: { model: string; dimensions: number; fromSeq: number | null },
    builtSeq: number,
  ): VaultWrite {
    const atMs = this.#components.runtime.nowMs()
    return { kind: 'advance_space', namespaceId, model, dimensions, state: 'building', fromSeq, builtSeq, atMs }
  }

  /** A space that has caught up becomes the one that searches use; the vectors of other models are removed, also those that a crash left. */
  async #takeOver(session: VaultSession, mine: VectorSpaceState, namespaceId: number): Promise<void> {
    const { vault, vectors } = session
    if (mine.state !== 'active') await vault.apply([{ kind: 'activate_space', namespaceId, model: mine.model }])
    for (const { model, dimensions } of await vectors.spaces(namespaceId)) {
      if (model === mine.model || model.startsWith('caller:')) continue
      // The index first: some can only forget rows that are still listed.
      await this.#components.vectorIndex.drop({ orgId: vault.organisation.id, namespaceId, model, dimensions })
      await vault.apply([{ kind: 'drop_space', namespaceId, model }])
    }
  }
}

const textOf = ({ cube, content }: FullCube): string =>
  [cube.title, cube.speaker === null || content === null ? content : `${cube.speaker}: ${content}`]
    .filter((part) => part !== null)
    .join('\n')
    .trim()

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
