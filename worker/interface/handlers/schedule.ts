import { isoOf, momentMs } from '../../../schemas/common.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { schedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { scheduleRoutes } from '../../../schemas/routes/schedule.ts'
import type { Decision, HotSet } from '../../../schemas/schedule.ts'
import type { HotRow, NamedDecision } from '../../infrastructure/schedule/schedule-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'

type Routes = typeof scheduleRoutes

async function found(session: VaultSession, name: string, access: 'read' | 'write'): Promise<NamespaceRow> {
  const namespace = await session.namespaces.byName(name, access)
  if (namespace === null) throw new MemosError('not_found')
  return namespace
}

export const getSchedule: Handler<Routes['getSchedule']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'read')
  const namespace = await found(session, params.name, 'read')
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId: namespace.id })
  return hotSetOf(edge, session, namespace, context)
}

export const runSchedule: Handler<Routes['runSchedule']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  const namespace = await found(session, params.name, 'write')
  // What was used a moment ago counts.
  await edge.activity.flush()
  await edge.scheduler.run(session, namespace, body, context)
  return hotSetOf(edge, session, namespace, context)
}

export const listDecisions: Handler<Routes['listDecisions']> = async (edge, context, { query }) => {
  const { schedule, vault } = await edge.sessions(context, 'read')
  const filter = {
    namespace: query.namespace ?? null,
    kind: query.kind ?? null,
    fromMs: query.from === undefined ? null : momentMs(query.from),
    toMs: query.to === undefined ? null : momentMs(query.to),
  }
  // Decisions are numbered by their database: a cursor from before a move is refused, not misread.
  const list = `decisions:${context.principal.orgId}:${vault.organisation.database}:${JSON.stringify(filter)}`
  const rows = await schedule.decisions(filter, query.limit + 1, edge.cursors.read(query.cursor, list, 'number'))
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true })
  return edge.cursors.page(rows, query.limit, list, (row) => row.id, toDecision)
}

async function hotSetOf(
  { heatAt }: Edge,
  { schedule }: VaultSession,
  { id, name, settings }: NamespaceRow,
  { nowMs }: RequestContext,
): Promise<HotSet> {
  const halfLifeMs = schedulePolicy(settings).halfLifeDays * 86_400_000
  const [decision] = await schedule.decisions({ namespace: name, kind: 'hot_set', fromMs: null, toMs: null }, 1, null)
  return {
    namespace: name,
    cubes: (await schedule.hot(id)).map((row) => toHotCube(row, heatAt(row.cube, nowMs, halfLifeMs))),
    decision: decision === undefined ? null : toDecision(decision),
  }
}

const toHotCube = ({ rank, score, cube }: HotRow, heat: number): HotSet['cubes'][number] => ({
  cubeId: cube.cubeId,
  rank,
  score,
  heat,
  accessCount: cube.accessCount,
  lastUsedAt: cube.lastUsedAtMs === null ? null : isoOf(cube.lastUsedAtMs),
})

const toDecision = ({
  namespace,
  atMs,
  kind,
  strategy,
  inputs,
  choice,
  reason,
  caller,
  cubeId,
  taskId,
}: NamedDecision): Decision => ({
  namespace,
  at: isoOf(atMs),
  kind,
  strategy,
  inputs,
  choice,
  reason,
  caller,
  cubeId,
  taskId,
})
