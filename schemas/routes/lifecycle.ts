import { z } from 'zod'
import { PageQuery, pageOf } from '../common.ts'
import { MemCube } from '../cube.ts'
import { ChangeLifecycle, TransitionView } from '../lifecycle.ts'
import { CubeId } from '../revision.ts'
import { defineRoutes } from '../route.ts'

const cubeParams = z.strictObject({ cubeId: CubeId })

export const lifecycleRoutes = defineRoutes({
  changeLifecycle: {
    method: 'post',
    path: '/v1/cubes/:cubeId/lifecycle',
    summary: 'Freeze, unfreeze, archive or restore a cube',
    tag: 'Cubes',
    scope: 'memory:write',
    params: cubeParams,
    body: ChangeLifecycle,
    status: 200,
    response: MemCube,
  },
  listTransitions: {
    method: 'get',
    path: '/v1/cubes/:cubeId/lifecycle',
    summary: 'How a cube came to its state, newest first',
    tag: 'Cubes',
    scope: 'memory:read',
    params: cubeParams,
    query: PageQuery,
    status: 200,
    response: pageOf(TransitionView).meta({ id: 'TransitionPage' }),
  },
})
