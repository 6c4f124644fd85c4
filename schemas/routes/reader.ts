import { RememberRequest } from '../memories.ts'
import { MemoryPlan, ReadRequest, ReadResponse } from '../reading.ts'
import { defineRoutes } from '../route.ts'

export const readerRoutes = defineRoutes({
  read: {
    method: 'post',
    path: '/v1/read',
    summary: 'Read a prompt: what it wants of memory, and what it means in its conversation',
    tag: 'Memory',
    scope: 'memory:read',
    body: ReadRequest,
    status: 200,
    response: ReadResponse,
  },
  planMemories: {
    method: 'post',
    path: '/v1/memories/plan',
    summary: 'Plan what a text or messages would change in memory, without changing it',
    tag: 'Memory',
    scope: 'memory:write',
    body: RememberRequest,
    status: 200,
    response: MemoryPlan,
  },
})
