import { z } from 'zod'
import { Name, PageQuery, pageOf } from '../common.ts'
import { CreateNodeToken, NewNodeToken, Node, NodeTask } from '../node.ts'
import { NodeTaskState } from '../node-task.ts'
import { defineRoutes } from '../route.ts'

const byId = z.strictObject({ id: Name })

export const nodeRoutes = defineRoutes({
  listNodes: {
    method: 'get',
    path: '/v1/nodes',
    summary: 'List the GPU nodes that may serve the organisation',
    tag: 'GPU nodes',
    scope: 'org:admin',
    query: PageQuery,
    status: 200,
    response: pageOf(Node).meta({ id: 'NodePage' }),
  },
  createNodeToken: {
    method: 'post',
    path: '/v1/nodes/tokens',
    summary: 'Create a token that lets one GPU node join once',
    tag: 'GPU nodes',
    scope: 'org:admin',
    body: CreateNodeToken,
    status: 201,
    response: NewNodeToken,
  },
  revokeNode: {
    method: 'delete',
    path: '/v1/nodes/:id',
    summary: 'End what a GPU node may do for the organisation, at once',
    tag: 'GPU nodes',
    scope: 'org:admin',
    params: byId,
    status: 204,
  },
  listNodeTasks: {
    method: 'get',
    path: '/v1/nodes/tasks',
    summary: 'List durable tasks of GPU nodes, newest first',
    tag: 'GPU nodes',
    scope: 'org:admin',
    query: PageQuery.extend({ state: NodeTaskState.optional() }),
    status: 200,
    response: pageOf(NodeTask).meta({ id: 'NodeTaskPage' }),
  },
  cancelNodeTask: {
    method: 'post',
    path: '/v1/nodes/tasks/:id/cancel',
    summary: 'Cancel a durable task that has not ended',
    tag: 'GPU nodes',
    scope: 'org:admin',
    params: byId,
    status: 200,
    response: NodeTask,
  },
})
