import { MemosError } from '../../../schemas/errors.ts'
import { schedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession, VaultSessions } from '../../infrastructure/vault/vault-session.ts'
import type { ConnectedNode } from '../../ports/node-hub.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow, TaskRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import { TaskPostponed, type TaskProgress } from '../../ports/tasks.ts'
import { entryOf, originName } from '../chat/memory-entries.ts'
import type { NodeDispatcher } from '../nodes/node-dispatcher.ts'
import { TYPE_CHANGE_TASKS } from '../schedule/type-changes.ts'
import { isValid } from './kept-caches.ts'
import type { RenditionShelf } from './rendition-shelf.ts'

/** How long a promotion waits for a node with the operation, and for one that is free. */
const NO_NODE_MS = 60_000
const BUSY_MS = 5000
/** Models that one memory is encoded for. */
const MODELS_MAX = 4

export interface PromotionComponents {
  dispatcher: NodeDispatcher
  shelf: RenditionShelf
  sessions: VaultSessions
  systemContext: (orgId: string, operation: string, nowMs: number, signal: AbortSignal) => RequestContext
  runtime: Runtime
}

/** Carries out what the scheduler has planned: text that is hot and stable gets a KV cache for each model that nodes generate with. */
export class Promotion {
  readonly #components: PromotionComponents

  constructor(components: PromotionComponents) {
    this.#components = components
  }

  /** A planned promotion. Waits, without counting as a failure, while no node can do it. */
  async promote(task: TaskRow, progress: TaskProgress): Promise<void> {
    const { dispatcher, runtime } = this.#components
    const open = await this.#open(task, progress)
    if (open === null) return
    const { session, namespace, full, context } = open
    const models = modelsOf(await dispatcher.nodes(task.orgId))
    if (models.length === 0) throw new TaskPostponed(runtime.nowMs() + NO_NODE_MS)
    for (const [done, model] of models.entries()) {
      await progress.report(done, models.length)
      await this.#encode({ session, namespace, full, context }, model, progress.signal)
    }
    await this.#components.shelf.demote(session, namespace, context)
  }

  /** A planned demotion of activation memory: what was made of its text here goes; the cube and what came with it stay. */
  async demote(task: TaskRow, progress: TaskProgress): Promise<void> {
    const open = await this.#open(task, progress)
    if (open === null) return
    const rows = await open.session.renditions.ofCube(open.full.cube.cubeId)
    await this.#components.shelf.drop(open.session, rows)
  }

  /** The memory that a plan is about; null where it is gone or says something else. */
  async #open(task: TaskRow, { signal }: TaskProgress) {
    const { sessions, systemContext, runtime } = this.#components
    const context = systemContext(task.orgId, task.kind, runtime.nowMs(), signal)
    const session = await sessions(context, 'write')
    const [full] = await session.cubes.named([String(task.input.cubeId)])
    if (full === undefined || full.cube.updatedAtMs !== task.input.updatedAtMs) return null
    const namespace = await session.namespaces.byName(full.namespace.name, 'write')
    return namespace === null ? null : { session, namespace, full, context }
  }

  async #encode(
    {
      session,
      namespace,
      full,
      context,
    }: { session: VaultSession; namespace: NamespaceRow; full: FullCube; context: RequestContext },
    model: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { dispatcher, shelf, runtime } = this.#components
    const { cube } = full
    const policy = schedulePolicy(namespace.settings)
    const origins = await session.followed.origins([cube])
    const { text, digest } = entryOf(full, originName(origins.get(cube.cubeId)))
    const [kept] = await session.renditions.ofCubes([cube.cubeId], model)
    if (text === '' || (kept !== undefined && isValid(kept, digest, policy))) return
    try {
      const input = { model, text, dtype: policy.kvDtype }
      const { rendition } = await dispatcher.output(
        {
          orgId: context.principal.orgId,
          namespaceId: namespace.id,
          kind: 'encode_kv',
          input,
          model,
          residentKeys: [],
          isBackground: true,
        },
        signal,
      )
      const cache = { cube, model, session: '', digest, rendition, sources: [] }
      await shelf.keep(session, cache, { ...context, nowMs: runtime.nowMs() })
    } catch (error) {
      if (!(error instanceof MemosError)) throw error
      if (error.code === 'no_node_free') throw new TaskPostponed(runtime.nowMs() + BUSY_MS)
      if (error.code === 'no_model_available') throw new TaskPostponed(runtime.nowMs() + NO_NODE_MS)
      // A text that the model cannot take whole stays text.
      if (error.code !== 'context_overflow') throw error
    }
  }
}

/** Models that connected nodes both encode for and generate with, in a fixed order. */
function modelsOf(nodes: readonly ConnectedNode[]): string[] {
  const able = nodes
    .flatMap(({ models }) => models)
    .filter(({ operations }) =>
      ['encode_kv', 'generate'].every((one) => (operations as readonly string[]).includes(one)),
    )
  return [...new Set(able.map(({ fingerprint }) => fingerprint))].toSorted().slice(0, MODELS_MAX)
}

export const PROMOTE_TASK = TYPE_CHANGE_TASKS.promote
export const DEMOTE_TASK = TYPE_CHANGE_TASKS.demote
