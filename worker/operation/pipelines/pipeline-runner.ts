import { isoOf } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { PIPELINE_CUBES_MAX } from '../../../schemas/limits.ts'
import type { Pipeline, PipelineRun, PipelineStep, StepReport } from '../../../schemas/pipeline.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { applyWithBlobs, finish } from '../organise/memory-writer.ts'
import type { MemOperator } from '../search/mem-operator.ts'
import { fillStep, parameterValues } from './fill.ts'
import { orderSteps } from './order-steps.ts'
import { augment, retrieve, select, transform } from './read-steps.ts'
import { type Item, RunState } from './run-state.ts'
import { archive, create, forget, link, restore, update, type WriteContext } from './write-steps.ts'

export interface PipelineRunnerComponents {
  blobs: BlobStore
  runtime: Runtime
  operator: MemOperator
  embeddings: EmbeddingBuilder
}

export interface RunInput {
  name: string
  pipeline: Pipeline
  parameters: Record<string, string>
  dryRun: boolean
  /** The namespace of the run, and any other by its name. */
  namespace: NamespaceRow
  namespaceOf(name: string, access: 'read' | 'write'): Promise<NamespaceRow>
}

/**
 * Runs pipelines (MemOS paper, section 5.3.3). Steps read and decide over one shared context; what they decide is applied as one atomic batch
 * together with the row of the run and its side effects, so a run that fails anywhere leaves everything as it was.
 */
export class PipelineRunner {
  readonly #components: PipelineRunnerComponents

  constructor(components: PipelineRunnerComponents) {
    this.#components = components
  }

  /**
   * @throws MemosError invalid_request naming step or parameter, not_found, cube_frozen, revision_conflict (a cube changed meanwhile: run again),
   * quota_exceeded, and what the operations of the steps throw
   */
  async run(session: VaultSession, input: RunInput, context: RequestContext): Promise<PipelineRun> {
    const { runtime } = this.#components
    const state = new RunState(context)
    const id = ulid(context.nowMs, runtime.randomBytes)
    const steps = await this.#steps(session, input, state, id, context)
    const report = { namespace: input.namespace.name, steps, effects: state.effects.map((effect) => effect.id) }
    const { name, dryRun } = input
    const run: PipelineRun = { id, name, caller: context.principal.keyId, at: isoOf(context.nowMs), dryRun, ...report }
    if (!dryRun) {
      const row = { id, namespaceId: input.namespace.id, name, caller: run.caller, report, createdAtMs: context.nowMs }
      await this.#apply(session, state, { kind: 'insert_run', run: row }, finish(context, 201, run), input, context)
    }
    return run
  }

  async #steps(
    session: VaultSession,
    { pipeline, parameters, namespace, namespaceOf }: RunInput,
    state: RunState,
    runId: string,
    request: RequestContext,
  ): Promise<StepReport[]> {
    const { operator, runtime } = this.#components
    const values = parameterValues(pipeline, parameters)
    const context: WriteContext = {
      session,
      operator,
      request,
      state,
      namespaceOf: async (name, access) => namespaceOf(name ?? namespace.name, access),
      draft: { nowMs: request.nowMs, randomBytes: runtime.randomBytes, author: request.principal.keyId },
    }
    const reports: StepReport[] = []
    for (const placed of orderSteps(pipeline)) {
      if (request.signal.aborted) throw new MemosError('deadline_exceeded')
      const step = fillStep(placed, values)
      const items = await runStep(step, placed.field, context, { runId, namespaceId: namespace.id })
      if (items.length > PIPELINE_CUBES_MAX)
        throw new MemosError('invalid_request', {
          field: placed.field,
          expected: `at most ${PIPELINE_CUBES_MAX} cubes or texts`,
        })
      state.outputs.set(step.id, items)
      const cubes = items.filter(({ cube }) => cube !== null).length
      reports.push({ id: step.id, kind: step.kind, cubes, texts: items.length, written: state.writtenBy(step.id) })
    }
    return reports
  }

  async #apply(
    session: VaultSession,
    state: RunState,
    run: VaultWrite,
    answer: readonly VaultWrite[],
    { namespace }: RunInput,
    context: RequestContext,
  ): Promise<void> {
    const { blobs, embeddings } = this.#components
    const { cubesMax } = session.vault.organisation
    const plans = [...state.texts].map((id) => ({ id, plan: embeddings.plan({ id }, context) }))
    const writes: VaultWrite[] = [
      ...(cubesMax === null || state.created === 0
        ? []
        : [{ kind: 'expect_quota' as const, cubes: state.created, cubesMax }]),
      ...state.writes,
      ...plans.flatMap(({ plan }) => plan.writes),
      ...(state.effects.length === 0 ? [] : [{ kind: 'insert_effects' as const, effects: state.effects }]),
      run,
      ...answer,
      auditOf(context, namespace.id, state.written),
    ]
    await applyWithBlobs(blobs, session.vault, state.drafts, context, writes).catch((error: unknown) => {
      if (!(error instanceof GuardError)) throw error
      throw new MemosError(
        'revision_conflict',
        {
          detail:
            'A cube of the pipeline changed meanwhile, or there is no room for more; nothing was written. Run it again.',
        },
        { cause: error },
      )
    })
    // The rows are gone: a crash here leaves blobs that the sweep removes, and vectors that the rows no longer let through.
    await blobs.delete(state.blobs)
    for (const [namespaceId, gone] of Map.groupBy(state.leaving, (one) => one.namespaceId)) {
      const seqs = gone.map(({ seq }) => seq)
      await embeddings.forget(session, context.principal.orgId, namespaceId, seqs)
    }
    for (const { id, plan } of plans) embeddings.wake({ id }, plan)
  }
}

function runStep(
  step: PipelineStep,
  field: string,
  context: WriteContext,
  run: { runId: string; namespaceId: number },
): Promise<Item[]> | Item[] {
  switch (step.kind) {
    case 'retrieve':
      return retrieve(step, context)
    case 'augment':
      return augment(step, context)
    case 'select':
      return select(step, context)
    case 'transform':
      return transform(step, field, context)
    case 'create':
      return create(step, field, context)
    case 'update':
      return update(step, field, context)
    case 'link':
      return link(step, context)
    case 'restore':
      return restore(step, field, context)
    case 'archive':
      return archive(step, context)
    case 'forget':
      return forget(step, context)
    case 'notify':
    case 'publish':
      return followUp(step, context, run)
  }
}

/** A side effect that follows after the batch: its row is written in it. Ids only, never content. */
function followUp(
  step: Extract<PipelineStep, { kind: 'notify' | 'publish' }>,
  { state, request, draft }: WriteContext,
  { runId, namespaceId }: { runId: string; namespaceId: number },
): Item[] {
  const cubeIds = state.cubes(step.from).map(({ cube }) => cube.cubeId)
  const target = step.kind === 'notify' ? { url: step.url } : { topic: step.topic }
  state.effects.push({
    id: ulid(request.nowMs, draft.randomBytes),
    orgId: request.principal.orgId,
    namespaceId,
    kind: step.kind,
    payload: { ...target, runId, stepId: step.id, cubeIds },
    idempotencyKey: `${runId}/${step.id}`,
    state: 'waiting',
    attempts: 0,
    nextAtMs: request.nowMs,
    error: null,
    createdAtMs: request.nowMs,
  })
  return state.items(step.from)
}
