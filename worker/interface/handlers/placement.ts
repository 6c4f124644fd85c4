import { MemosError } from '../../../schemas/errors.ts'
import type { administrationRoutes } from '../../../schemas/routes/administration.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Handler } from '../http/bind-route.ts'
import { toOrganisation, toTask } from '../views.ts'
import { logChange } from './administration.ts'

type Routes = typeof administrationRoutes

const expectRoot = ({ principal }: RequestContext): void => {
  if (!principal.root) throw new MemosError('forbidden', { detail: 'Only the root key moves organisations.' })
}

export const moveOrganisation: Handler<Routes['moveOrganisation']> = async (edge, context, { params, body }) => {
  expectRoot(context)
  const task = await edge.moves.request(params.id, body.database)
  logChange(edge, context)
  return toTask(task)
}

export const abortMove: Handler<Routes['abortMove']> = async (edge, context, { params }) => {
  expectRoot(context)
  const organisation = await edge.moves.abort(params.id)
  logChange(edge, context)
  return toOrganisation(organisation)
}
