import type { FeedbackItem, FeedbackReceipt, Outcome } from '../../../schemas/block.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { BLOCK_EVOLVE_DELAY_MS, FEEDBACK_PER_CUBE_MAX } from '../../../schemas/limits.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { FeedbackKey } from '../../infrastructure/blocks/block-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { CubeRow, FeedbackRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { finish, storedCube } from '../organise/memory-writer.ts'
import { outdated, reviseCube } from '../organise/revise-cube.ts'
import { usefulnessChange } from '../schedule/usefulness.ts'

/** Feedback that another request has sent meanwhile is left out and the rest is tried again, so often. */
const ATTEMPTS_MAX = 3

export interface FeedbackDeskComponents {
  runtime: Runtime
  embeddings: Pick<EmbeddingBuilder, 'plan' | 'wake'>
}

/** Takes down what became of memory that was handed out, and lets it tell at once: in usefulness, in weights, in corrected text. */
export class FeedbackDesk {
  readonly #components: FeedbackDeskComponents

  constructor(components: FeedbackDeskComponents) {
    this.#components = components
  }

  /**
   * Records feedback, all or none; what a caller sent before under the same request counts once.
   * @throws MemosError not_found, invalid_request, cube_frozen, cube_archived, revision_conflict
   */
  async record(
    session: VaultSession,
    items: readonly FeedbackItem[],
    context: RequestContext,
  ): Promise<FeedbackReceipt> {
    const cubes = await this.#cubes(session, items)
    for (let attempt = 1; ; attempt++) {
      const fresh = await this.#fresh(session, items, context)
      try {
        return await this.#apply(session, fresh, cubes, context)
      } catch (error) {
        if (error instanceof GuardError) throw outdated()
        if (!(error instanceof UniqueError) || attempt === ATTEMPTS_MAX) throw error
      }
    }
  }

  async #cubes({ blocks }: VaultSession, items: readonly FeedbackItem[]): Promise<Map<string, CubeRow>> {
    const corrected = items.filter(({ correction }) => correction !== undefined).map(({ cubeId }) => cubeId)
    if (new Set(corrected).size < corrected.length)
      throw new MemosError('invalid_request', { field: 'items', expected: 'one correction of a cube at most' })
    const found = await blocks.writable([...new Set(items.map(({ cubeId }) => cubeId))])
    const cubes = new Map(found.map((cube) => [cube.cubeId, cube]))
    if (items.some(({ cubeId }) => !cubes.has(cubeId))) throw new MemosError('not_found')
    return cubes
  }

  async #fresh(
    { blocks }: VaultSession,
    items: readonly FeedbackItem[],
    context: RequestContext,
  ): Promise<FeedbackItem[]> {
    const keys = items.flatMap(({ cubeId, requestId, outcome }) =>
      requestId === undefined ? [] : [{ cubeId, requestId, outcome }],
    )
    const known = new Set((await blocks.known(keys, context.principal.keyId)).map(nameOf))
    return items.filter(({ cubeId, requestId, outcome }) => {
      if (requestId === undefined) return true
      const name = nameOf({ cubeId, requestId, outcome })
      const isNew = !known.has(name)
      known.add(name)
      return isNew
    })
  }

  async #apply(
    session: VaultSession,
    items: readonly FeedbackItem[],
    cubes: ReadonlyMap<string, CubeRow>,
    context: RequestContext,
  ): Promise<FeedbackReceipt> {
    const { embeddings } = this.#components
    const revised: FeedbackReceipt['revised'] = []
    const writes: VaultWrite[] = []
    const plans: { namespaceId: number; plan: ReturnType<EmbeddingBuilder['plan']> }[] = []
    for (const [namespaceId, list] of Map.groupBy(items, ({ cubeId }) => cubes.get(cubeId)?.namespaceId ?? 0)) {
      const corrections = await this.#corrections(session, list, context)
      revised.push(...corrections.revised)
      const plan = corrections.writes.length > 0 ? embeddings.plan({ id: namespaceId }, context) : NO_PLAN
      plans.push({ namespaceId, plan })
      const cubeIds = [...new Set(list.map(({ cubeId }) => cubeId))]
      writes.push(
        ...plan.writes,
        ...corrections.writes,
        ...this.#rows(namespaceId, list, context),
        auditOf(
          context,
          namespaceId,
          cubeIds,
          cubeIds.flatMap((id) => cubes.get(id)?.memoryType ?? []),
        ),
      )
    }
    const receipt = { recorded: items.length, revised }
    await session.vault.apply([...writes, ...finish(context, 200, receipt)])
    for (const { namespaceId, plan } of plans) embeddings.wake({ id: namespaceId }, plan)
    return receipt
  }

  async #corrections(session: VaultSession, items: readonly FeedbackItem[], { nowMs, principal }: RequestContext) {
    const { randomBytes } = this.#components.runtime
    const revised: FeedbackReceipt['revised'] = []
    const writes: VaultWrite[] = []
    for (const { cubeId, correction } of items) {
      if (correction === undefined) continue
      const stored = await session.cubes.get(cubeId, 'write')
      const update = { mode: 'overwrite', content: correction } as const
      const { cube, textChanged } = reviseCube(stored, update, { nowMs, randomBytes, author: principal.keyId })
      if (!textChanged) continue
      revised.push({ cubeId, revision: cube.record.revision })
      writes.push({ kind: 'update_cube', stored: storedCube(stored, []), cube, textChanged })
    }
    return { revised, writes }
  }

  #rows(namespaceId: number, items: readonly FeedbackItem[], { nowMs, principal }: RequestContext): VaultWrite[] {
    const feedback = items.map(
      ({ cubeId, outcome, requestId = null, query = null }): FeedbackRow => ({
        id: ulid(nowMs, this.#components.runtime.randomBytes),
        namespaceId,
        cubeId,
        outcome,
        requestId,
        query,
        caller: principal.keyId,
        atMs: nowMs,
      }),
    )
    const changes = [...Map.groupBy(items, ({ cubeId }) => cubeId)].map(([cubeId, list]) => ({
      cubeId,
      ...usefulnessChange(list.map(weighedOutcome)),
    }))
    return [
      { kind: 'insert_feedback', feedback, perCubeMax: FEEDBACK_PER_CUBE_MAX },
      { kind: 'change_usefulness', namespaceId, changes },
      { kind: 'weigh_members', namespaceId, changes, dueMs: nowMs + BLOCK_EVOLVE_DELAY_MS },
    ]
  }
}

const NO_PLAN = { taskId: null, writes: [] }

/** What was wrong and is corrected says the right thing now, and is not held down for what it said before. */
const weighedOutcome = ({ outcome, correction }: FeedbackItem): Outcome => (correction === undefined ? outcome : 'used')

const nameOf = ({ cubeId, requestId, outcome }: FeedbackKey): string => JSON.stringify([cubeId, requestId, outcome])
