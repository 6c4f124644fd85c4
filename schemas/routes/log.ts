import { z } from 'zod'
import { Moment, Name, PageQuery, pageOf } from '../common.ts'
import { NAME_LENGTH_MAX } from '../limits.ts'
import { ChainReport, LogEntry, TraceReport, TraceRequest, UsageReport } from '../log.ts'
import { defineRoutes } from '../route.ts'
import { MemoryType } from '../vocabulary.ts'

const LogFilter = z.strictObject({
  from: Moment.optional(),
  to: Moment.optional(),
  caller: Name.optional(),
  operation: Name.optional(),
  outcome: Name.optional(),
  memoryType: MemoryType.optional(),
  cubeId: z.string().max(NAME_LENGTH_MAX).optional(),
})

export const logRoutes = defineRoutes({
  queryLog: {
    method: 'get',
    path: '/v1/log',
    summary: 'Query the audit log, newest first',
    tag: 'Log',
    scope: 'log:read',
    query: PageQuery.extend(LogFilter.shape),
    status: 200,
    response: pageOf(LogEntry).meta({ id: 'LogPage' }),
  },
  exportLog: {
    method: 'get',
    path: '/v1/log/export',
    summary: 'Export the audit log as lines of JSON, oldest first',
    tag: 'Log',
    scope: 'log:read',
    query: LogFilter,
    status: 200,
    responseType: 'application/x-ndjson',
  },
  verifyLog: {
    method: 'get',
    path: '/v1/log/verify',
    summary: 'Check the hash chain of the audit log for altered, missing or reordered rows',
    tag: 'Log',
    scope: 'log:read',
    status: 200,
    response: ChainReport,
  },
  traceText: {
    method: 'post',
    path: '/v1/log/trace',
    summary: 'Find out where a text came from: the exports whose mark it carries, and the cubes that hold its words',
    tag: 'Log',
    scope: 'log:read',
    body: TraceRequest,
    status: 200,
    response: TraceReport,
  },
  getUsage: {
    method: 'get',
    path: '/v1/usage',
    summary: 'What the organisation uses',
    tag: 'Log',
    scope: 'log:read',
    status: 200,
    response: UsageReport,
  },
})
