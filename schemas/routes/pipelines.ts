import { z } from 'zod'
import { Name, PageQuery, pageOf } from '../common.ts'
import { Effect, Pipeline, PipelineRun, PipelineView, RunPipeline } from '../pipeline.ts'
import { defineRoutes } from '../route.ts'

const named = z.strictObject({ name: Name })
const byId = z.strictObject({ id: Name })

export const pipelineRoutes = defineRoutes({
  listPipelines: {
    method: 'get',
    path: '/v1/pipelines',
    summary: 'List pipelines, those that come with the edge first',
    tag: 'Pipelines',
    scope: 'memory:read',
    query: PageQuery,
    status: 200,
    response: pageOf(PipelineView).meta({ id: 'PipelinePage' }),
  },
  getPipeline: {
    method: 'get',
    path: '/v1/pipelines/:name',
    summary: 'Read a pipeline',
    tag: 'Pipelines',
    scope: 'memory:read',
    params: named,
    status: 200,
    response: PipelineView,
  },
  setPipeline: {
    method: 'put',
    path: '/v1/pipelines/:name',
    summary: 'Keep a pipeline under a name',
    tag: 'Pipelines',
    scope: 'namespace:admin',
    params: named,
    body: Pipeline,
    status: 200,
    response: PipelineView,
  },
  deletePipeline: {
    method: 'delete',
    path: '/v1/pipelines/:name',
    summary: 'Forget a pipeline',
    tag: 'Pipelines',
    scope: 'namespace:admin',
    params: named,
    status: 204,
  },
  runPipeline: {
    method: 'post',
    path: '/v1/pipeline-runs',
    summary: 'Run a pipeline: all of its writes in one atomic batch, or none',
    tag: 'Pipelines',
    scope: 'memory:write',
    body: RunPipeline,
    status: 201,
    response: PipelineRun,
  },
  listPipelineRuns: {
    method: 'get',
    path: '/v1/pipeline-runs',
    summary: 'List the runs of pipelines, newest first',
    tag: 'Pipelines',
    scope: 'memory:read',
    query: PageQuery,
    status: 200,
    response: pageOf(PipelineRun).meta({ id: 'PipelineRunPage' }),
  },
  listEffects: {
    method: 'get',
    path: '/v1/effects',
    summary: 'List side effects of pipelines, newest first',
    tag: 'Pipelines',
    scope: 'log:read',
    query: PageQuery.extend({ state: z.enum(['waiting', 'done', 'failed']).optional() }),
    status: 200,
    response: pageOf(Effect).meta({ id: 'EffectPage' }),
  },
  retryEffect: {
    method: 'post',
    path: '/v1/effects/:id/retry',
    summary: 'Try a failed side effect again',
    tag: 'Pipelines',
    scope: 'org:admin',
    params: byId,
    status: 200,
    response: Effect,
  },
})
