import { z } from 'zod'
import { NamespaceName, PageQuery } from '../common.ts'
import {
  EntityDetail,
  EntityPage,
  EntityQuery,
  entityParams,
  MergeEntities,
  PredictedTags,
  SplitEntity,
} from '../entities.ts'
import { CubeId } from '../revision.ts'
import { defineRoutes } from '../route.ts'

const named = z.strictObject({ name: NamespaceName })

export const entityRoutes = defineRoutes({
  listEntities: {
    method: 'get',
    path: '/v1/namespaces/:name/entities',
    summary: 'List the people, places, organisations and things that memories speak of',
    tag: 'Knowledge',
    scope: 'memory:read',
    params: named,
    query: EntityQuery,
    status: 200,
    response: EntityPage,
  },
  getEntity: {
    method: 'get',
    path: '/v1/namespaces/:name/entities/:key',
    summary: 'Read an entity with the memories that mention it, its facts and what it is mentioned with',
    tag: 'Knowledge',
    scope: 'memory:read',
    params: entityParams,
    query: PageQuery,
    status: 200,
    response: EntityDetail,
  },
  mergeEntities: {
    method: 'post',
    path: '/v1/namespaces/:name/entities/merge',
    summary: 'Say that two names mean the same entity',
    tag: 'Knowledge',
    scope: 'memory:write',
    params: named,
    body: MergeEntities,
    status: 200,
    response: EntityDetail,
  },
  splitEntity: {
    method: 'post',
    path: '/v1/namespaces/:name/entities/split',
    summary: 'Take back that a name is an alias',
    tag: 'Knowledge',
    scope: 'memory:write',
    params: named,
    body: SplitEntity,
    status: 200,
    response: EntityDetail,
  },
  listPredictedTags: {
    method: 'get',
    path: '/v1/cubes/:cubeId/entities',
    summary: 'List the entities of a memory: its predicted tags',
    tag: 'Knowledge',
    scope: 'memory:read',
    params: z.strictObject({ cubeId: CubeId }),
    status: 200,
    response: PredictedTags,
  },
})
