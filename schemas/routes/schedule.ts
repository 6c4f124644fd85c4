import { z } from 'zod'
import { NamespaceName, pageOf } from '../common.ts'
import { defineRoutes } from '../route.ts'
import { Decision, DecisionQuery, HotSet, RunSchedule } from '../schedule.ts'

const named = z.strictObject({ name: NamespaceName })

export const scheduleRoutes = defineRoutes({
  getSchedule: {
    method: 'get',
    path: '/v1/namespaces/:name/schedule',
    summary: 'The cubes at hand in a namespace, best first',
    tag: 'Scheduler',
    scope: 'memory:read',
    params: named,
    status: 200,
    response: HotSet,
  },
  runSchedule: {
    method: 'post',
    path: '/v1/namespaces/:name/schedule',
    summary: 'Choose the cubes at hand anew',
    tag: 'Scheduler',
    scope: 'memory:write',
    params: named,
    body: RunSchedule,
    status: 200,
    response: HotSet,
  },
  listDecisions: {
    method: 'get',
    path: '/v1/decisions',
    summary: 'What the scheduler decided and why, newest first',
    tag: 'Scheduler',
    scope: 'memory:read',
    query: DecisionQuery,
    status: 200,
    response: pageOf(Decision).meta({ id: 'DecisionPage' }),
  },
})
