import { z } from 'zod'
import { Moment, Name, NamespaceName, PageQuery, pageOf } from '../common.ts'
import { Fact, FactDetail, FactId, FactSubject, Predicate, StateFact, UndoFact } from '../facts.ts'
import { defineRoutes } from '../route.ts'

const params = z.strictObject({ id: FactId })

export const factRoutes = defineRoutes({
  listFacts: {
    method: 'get',
    path: '/v1/facts',
    summary: 'List what was stated, by subject, predicate, valid time and system time; the latest first',
    tag: 'Facts',
    scope: 'memory:read',
    query: PageQuery.extend({
      namespace: NamespaceName.optional(),
      userId: Name.optional(),
      subject: FactSubject.optional(),
      predicate: Predicate.optional(),
      validAt: Moment.optional(),
      knownAt: Moment.optional(),
    }),
    status: 200,
    response: pageOf(Fact).meta({ id: 'FactPage' }),
  },
  stateFact: {
    method: 'post',
    path: '/v1/facts',
    summary: 'State a fact, with a cube as evidence',
    tag: 'Facts',
    scope: 'memory:write',
    body: StateFact,
    status: 201,
    response: FactDetail,
  },
  getFact: {
    method: 'get',
    path: '/v1/facts/:id',
    summary: 'Read a fact with what it supersedes and contradicts',
    tag: 'Facts',
    scope: 'memory:read',
    params,
    status: 200,
    response: FactDetail,
  },
  retractFact: {
    method: 'post',
    path: '/v1/facts/:id/retract',
    summary: 'Take a fact back: it was never so; what it had ended holds again',
    tag: 'Facts',
    scope: 'memory:write',
    params,
    status: 200,
    response: FactDetail,
  },
  undoFact: {
    method: 'post',
    path: '/v1/facts/:id/undo',
    summary: 'Take apart what a fact superseded or contradicts',
    tag: 'Facts',
    scope: 'memory:write',
    params,
    body: UndoFact,
    status: 200,
    response: FactDetail,
  },
})
