import { isoOf } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { PIPELINES_MAX } from '../../../schemas/limits.ts'
import { Pipeline } from '../../../schemas/pipeline.ts'
import { PIPELINE_TEMPLATES } from '../../../schemas/pipeline-templates.ts'
import type { pipelineRoutes } from '../../../schemas/routes/pipelines.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import { isNarrowed } from '../../ports/principal.ts'
import type { EffectRow, KeptReport, PipelineRow, PipelineRunRow } from '../../ports/writes/pipelines.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'

type Routes = typeof pipelineRoutes

const toPipeline = ({ name, definition, updatedAtMs }: PipelineRow) => ({
  name,
  builtIn: false,
  // What was kept by an older version is read by the rules of this one.
  definition: Pipeline.parse(definition),
  updatedAt: isoOf(updatedAtMs),
})

const builtIn = (name: string, definition: Pipeline) => ({ name, builtIn: true, definition, updatedAt: null })

const toRun = ({ id, name, caller, report, createdAtMs }: PipelineRunRow) => ({
  id,
  name,
  caller,
  at: isoOf(createdAtMs),
  dryRun: false,
  ...(report as unknown as KeptReport),
})

const toEffect = ({ id, kind, state, attempts, nextAtMs, error, createdAtMs }: EffectRow) => ({
  id,
  kind: kind as 'notify' | 'publish',
  state,
  attempts,
  nextAt: isoOf(nextAtMs),
  error,
  createdAt: isoOf(createdAtMs),
})

/** The pipeline of a name: those that come with the edge cannot be hidden by others. @throws MemosError not_found */
async function pipelineOf(session: VaultSession, name: string) {
  const template = PIPELINE_TEMPLATES.get(name)
  if (template !== undefined) return builtIn(name, template)
  const row = await session.pipelines.byName(name)
  if (row === null) throw new MemosError('not_found')
  return toPipeline(row)
}

export const listPipelines: Handler<Routes['listPipelines']> = async (edge, context, { query }) => {
  const session = await edge.sessions(context, 'read')
  const after = edge.cursors.read(query.cursor, 'pipelines', 'string')
  const page = edge.cursors.page(
    await session.pipelines.page(query.limit + 1, after),
    query.limit,
    'pipelines',
    (row) => row.name,
    toPipeline,
  )
  const templates = after === null ? [...PIPELINE_TEMPLATES].map(([name, one]) => builtIn(name, one)) : []
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return { ...page, items: [...templates, ...page.items] }
}

export const getPipeline: Handler<Routes['getPipeline']> = async (edge, context, { params }) => {
  const found = await pipelineOf(await edge.sessions(context, 'read'), params.name)
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return found
}

export const setPipeline: Handler<Routes['setPipeline']> = async (edge, context, { params, body }) => {
  expectWhole(context.principal)
  if (PIPELINE_TEMPLATES.has(params.name))
    throw new MemosError('already_exists', { field: 'name', expected: 'a name that no built-in pipeline has' })
  edge.orderSteps(body)
  const session = await edge.sessions(context, 'write')
  const write = {
    kind: 'put_pipeline' as const,
    name: params.name,
    definition: body,
    caller: context.principal.keyId,
    atMs: context.nowMs,
    pipelinesMax: PIPELINES_MAX,
  }
  await session.vault.apply([write, auditOf(context, null)]).catch((error: unknown) => {
    throw error instanceof GuardError
      ? new MemosError('quota_exceeded', { detail: `The organisation may keep ${PIPELINES_MAX} pipelines.` })
      : error
  })
  return pipelineOf(session, params.name)
}

export const deletePipeline: Handler<Routes['deletePipeline']> = async (edge, context, { params }) => {
  expectWhole(context.principal)
  const session = await edge.sessions(context, 'write')
  if ((await session.pipelines.byName(params.name)) === null) throw new MemosError('not_found')
  await session.vault.apply([{ kind: 'delete_pipeline', name: params.name }, auditOf(context, null)])
  return undefined
}

/** @throws MemosError forbidden: pipelines are the organisation's; a key that reaches less changes none */
function expectWhole(principal: Parameters<typeof isNarrowed>[0]): void {
  if (isNarrowed(principal))
    throw new MemosError('forbidden', { detail: 'The key does not reach the whole organisation.' })
}

export const runPipeline: Handler<Routes['runPipeline']> = async (edge, context, { body }) => {
  const session = await edge.sessions(context, body.dryRun ? 'read' : 'write')
  const isNamed = typeof body.pipeline === 'string'
  const pipeline = isNamed
    ? (await pipelineOf(session, body.pipeline as string)).definition
    : (body.pipeline as Pipeline)
  expectAllowedUrls(edge, pipeline)
  const named = async (name: string, access: 'read' | 'write') => {
    const found = await session.namespaces.byName(name, access)
    if (found === null) throw new MemosError('not_found')
    return found
  }
  const namespace = await named(edge.namespaces.nameOf({ namespace: body.namespace }, context), 'read')
  const name = isNamed ? (body.pipeline as string) : 'inline'
  const { parameters, dryRun } = body
  const run = await edge.pipelines.run(
    session,
    { name, pipeline, parameters, dryRun, namespace, namespaceOf: named },
    context,
  )
  if (dryRun)
    edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId: namespace.id })
  return run
}

/** A step that could never be done is told at once, not after the writes. @throws MemosError invalid_request */
function expectAllowedUrls({ webhook }: Edge, { steps }: Pipeline): void {
  const at = steps.findIndex((step) => step.kind === 'notify' && webhook?.allows(step.url) !== true)
  if (at >= 0)
    throw new MemosError('invalid_request', {
      field: `pipeline.steps.${at}.url`,
      expected: 'an address of an origin that the operator allows (MEMOS_WEBHOOK_ORIGINS)',
    })
}

export const listPipelineRuns: Handler<Routes['listPipelineRuns']> = async (edge, context, { query }) => {
  const session = await edge.sessions(context, 'read')
  const rows = await session.pipelines.runs(query.limit + 1, edge.cursors.read(query.cursor, 'runs', 'string'))
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return edge.cursors.page(rows, query.limit, 'runs', (row) => row.id, toRun)
}

export const listEffects: Handler<Routes['listEffects']> = async (edge, context, { query }) => {
  expectWhole(context.principal)
  const session = await edge.sessions(context, 'read')
  const list = `effects:${query.state ?? ''}`
  const rows = await session.pipelines.effects(
    query.state ?? null,
    query.limit + 1,
    edge.cursors.read(query.cursor, list, 'string'),
  )
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toEffect)
}

export const retryEffect: Handler<Routes['retryEffect']> = async (edge, context, { params }) => {
  expectWhole(context.principal)
  const session = await edge.sessions(context, 'write')
  const found = await session.pipelines.effect(params.id)
  if (found === null) throw new MemosError('not_found')
  await session.vault
    .apply([{ kind: 'retry_effect', id: found.id, atMs: context.nowMs }, auditOf(context, found.namespaceId)])
    .catch((error: unknown) => {
      throw error instanceof GuardError
        ? new MemosError('precondition_failed', { field: 'id', expected: 'an effect that has failed' })
        : error
    })
  const after = await session.pipelines.effect(params.id)
  if (after === null) throw new MemosError('not_found')
  return toEffect(after)
}
