import { z } from 'zod'
import { Name, NamespaceName, PageQuery, pageOf } from '../common.ts'
import { CreateCube, CreateCubes, CubeReceipt, MemCube, UpdateCube } from '../cube.ts'
import { NAME_LENGTH_MAX, TAG_LENGTH_MAX } from '../limits.ts'
import { RememberRequest, RememberResponse } from '../memories.ts'
import { CubeId, LineageParent, Revision } from '../revision.ts'
import { defineRoutes } from '../route.ts'
import { ContextRequest, ContextResponse, SearchRequest, SearchResponse } from '../search.ts'
import { AsOf } from '../time-machine.ts'

const cubeParams = z.strictObject({ cubeId: CubeId })

export const RevisionView = z
  .strictObject({
    number: z.int(),
    cid: z.string(),
    mode: z.string(),
    author: z.string(),
    createdAt: z.iso.datetime(),
    revision: Revision,
  })
  .meta({ id: 'RevisionView' })

export const Provenance = z
  .strictObject({
    provenanceId: z.string(),
    cubeId: CubeId,
    origin: z.strictObject({ kind: z.string(), ref: z.string().nullable() }),
    lineage: z.array(LineageParent),
    chain: z.array(
      z.strictObject({
        number: z.int(),
        cid: z.string(),
        prev: z.string().nullable(),
        mode: z.string(),
        author: z.string(),
        createdAt: z.iso.datetime(),
      }),
    ),
  })
  .meta({
    id: 'Provenance',
    description:
      'MemOS paper, section 5.3.2 (Provenance API): one id for the whole life of a memory, and how it came to be.',
  })

export const memoryRoutes = defineRoutes({
  remember: {
    method: 'post',
    path: '/v1/memories',
    summary: 'Remember a text or the messages of a conversation',
    tag: 'Memory',
    scope: 'memory:write',
    body: RememberRequest,
    status: 201,
    response: RememberResponse,
  },
  search: {
    method: 'post',
    path: '/v1/search',
    summary: 'Find memories',
    tag: 'Memory',
    scope: 'memory:read',
    body: SearchRequest,
    status: 200,
    response: SearchResponse,
  },
  context: {
    method: 'post',
    path: '/v1/context',
    summary: 'Pack memories for a prompt',
    tag: 'Memory',
    scope: 'memory:read',
    body: ContextRequest,
    status: 200,
    response: ContextResponse,
  },
  createCube: {
    method: 'post',
    path: '/v1/cubes',
    summary: 'Create a cube',
    tag: 'Cubes',
    scope: 'memory:write',
    body: CreateCube,
    status: 201,
    response: MemCube,
  },
  createCubes: {
    method: 'post',
    path: '/v1/cubes/batch',
    summary: 'Create many cubes at once, all or none',
    tag: 'Cubes',
    scope: 'memory:write',
    body: CreateCubes,
    status: 201,
    response: z
      .strictObject({ cubes: z.array(CubeReceipt), taskId: z.string().nullable() })
      .meta({ id: 'CubeReceipts' }),
  },
  listCubes: {
    method: 'get',
    path: '/v1/cubes',
    summary: 'List the cubes of a namespace, newest first',
    tag: 'Cubes',
    scope: 'memory:read',
    query: PageQuery.extend({
      namespace: NamespaceName.optional(),
      userId: Name.optional(),
      tag: z.string().max(TAG_LENGTH_MAX).optional(),
      session: z.string().max(NAME_LENGTH_MAX).optional(),
      includeArchived: z.stringbool().default(false),
      asOf: AsOf.optional(),
    }),
    status: 200,
    response: pageOf(MemCube).meta({ id: 'CubePage' }),
  },
  getCube: {
    method: 'get',
    path: '/v1/cubes/:cubeId',
    summary: 'Read a cube',
    tag: 'Cubes',
    scope: 'memory:read',
    params: cubeParams,
    query: z.strictObject({ asOf: AsOf.optional() }),
    status: 200,
    response: MemCube,
  },
  updateCube: {
    method: 'patch',
    path: '/v1/cubes/:cubeId',
    summary: 'Append to, merge into or overwrite a cube',
    tag: 'Cubes',
    scope: 'memory:write',
    params: cubeParams,
    body: UpdateCube,
    status: 200,
    response: MemCube,
  },
  deleteCube: {
    method: 'delete',
    path: '/v1/cubes/:cubeId',
    summary: 'Delete a cube everywhere; a tombstone without content stays',
    tag: 'Cubes',
    scope: 'memory:write',
    params: cubeParams,
    status: 204,
  },
  listRevisions: {
    method: 'get',
    path: '/v1/cubes/:cubeId/revisions',
    summary: 'List the revisions of a cube, newest first',
    tag: 'Cubes',
    scope: 'memory:read',
    params: cubeParams,
    query: PageQuery,
    status: 200,
    response: pageOf(RevisionView).meta({ id: 'RevisionPage' }),
  },
  getProvenance: {
    method: 'get',
    path: '/v1/cubes/:cubeId/provenance',
    summary: 'Where a memory came from',
    tag: 'Cubes',
    scope: 'memory:read',
    params: cubeParams,
    status: 200,
    response: Provenance,
  },
})
