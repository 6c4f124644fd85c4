import { isoOf } from '../../../schemas/common.ts'
import type { LifecycleEvent } from '../../../schemas/lifecycle.ts'
import type { lifecycleRoutes } from '../../../schemas/routes/lifecycle.ts'
import { CUBE_ANSWER_HEADER, type Handler } from '../http/bind-route.ts'
import { toMemCube } from '../views.ts'

type Routes = typeof lifecycleRoutes

export const changeLifecycle: Handler<Routes['changeLifecycle']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  const full = await edge.lifecycle.change(session, params.cubeId, body, context)
  return Response.json(toMemCube(full), { headers: { [CUBE_ANSWER_HEADER]: full.cube.cubeId } })
}

export const listTransitions: Handler<Routes['listTransitions']> = async (edge, context, { params, query }) => {
  const session = await edge.sessions(context, 'read')
  const { cube } = await session.cubes.get(params.cubeId)
  const list = `transitions:${cube.cubeId}`
  const before = edge.cursors.read(query.cursor, list, 'number')
  const rows = await session.lifecycle.transitions(cube, query.limit + 1, before)
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId: cube.namespaceId })
  return edge.cursors.page(
    rows,
    query.limit,
    list,
    (row) => row.id,
    ({ atMs, event, fromState, toState, caller, reason }) => ({
      at: isoOf(atMs),
      event: event as LifecycleEvent,
      from: fromState,
      to: toState,
      caller,
      reason,
    }),
  )
}
