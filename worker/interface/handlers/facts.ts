import { isoOf, momentMs } from '../../../schemas/common.ts'
import { entityKey } from '../../../schemas/entity-key.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Fact, FactDetail } from '../../../schemas/facts.ts'
import type { factRoutes } from '../../../schemas/routes/facts.ts'
import type { FactPlace, SeenFact } from '../../infrastructure/knowledge/fact-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { Edge } from '../edge.ts'
import type { Handler } from '../http/bind-route.ts'

type Routes = typeof factRoutes

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoOf(ms))

function toFact({ fact, namespace, validToMs, supersededBy }: SeenFact): Fact {
  return {
    id: fact.id,
    namespace,
    subject: fact.subject,
    predicate: fact.predicate,
    object: fact.object,
    entity: fact.objectKey,
    cubeId: fact.cubeId,
    validFrom: isoOf(fact.validFromMs),
    validTo: isoOrNull(validToMs),
    recordedAt: isoOf(fact.recordedAtMs),
    retractedAt: isoOrNull(fact.retractedAtMs),
    supersededBy,
    confidence: fact.confidence,
    source: fact.source,
  }
}

/** A fact with those of its links whose other end the caller may read. */
async function detailOf(session: VaultSession, id: string): Promise<FactDetail> {
  const seen = await session.facts.get(id)
  const links = await session.facts.links(seen.fact)
  return {
    ...toFact(seen),
    links: links.map((link) => ({
      relation: link.relation === 'supersedes' && link.toId === id ? 'superseded_by' : link.relation,
      factId: link.fromId === id ? link.toId : link.fromId,
      previousTo: isoOrNull(link.previousToMs),
      createdBy: link.createdBy,
      createdAt: isoOf(link.createdAtMs),
      undoneAt: isoOrNull(link.undoneAtMs),
      undoneBy: link.undoneBy,
    })),
  }
}

const placeText = ({ fact }: SeenFact): string => `${fact.validFromMs}:${fact.id}`

function placeOf(text: string | null): FactPlace | null {
  if (text === null) return null
  const [validFrom = '', id = ''] = text.split(':')
  return { validFromMs: Number(validFrom), id }
}

function recordRead(edge: Edge, context: RequestContext, namespaceId: number): void {
  edge.activity.record({ context, outcome: 'ok', metric: 'reads', audited: true, namespaceId })
}

export const listFacts: Handler<Routes['listFacts']> = async (edge, context, { query }) => {
  const session = await edge.sessions(context, 'read')
  const name = edge.namespaces.nameOf(query, context)
  const namespace = (await session.namespaces.byName(name, 'read')) ?? (await session.namespaces.partsOf([name]))[0]
  if (namespace === undefined) throw new MemosError('not_found')
  const { subject, predicate, validAt, knownAt, limit } = query
  const wanted = {
    subject: subject === undefined ? null : entityKey(subject),
    predicate: predicate ?? null,
    validAtMs: validAt === undefined ? null : momentMs(validAt),
    knownAtMs: knownAt === undefined ? null : momentMs(knownAt),
  }
  const list = `facts:${namespace.id}:${JSON.stringify(wanted)}`
  const after = placeOf(edge.cursors.read(query.cursor, list, 'string'))
  const rows = await session.facts.page(namespace.id, wanted, limit + 1, after)
  recordRead(edge, context, namespace.id)
  return edge.cursors.page(rows, limit, list, placeText, toFact)
}

export const getFact: Handler<Routes['getFact']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'read')
  const { fact } = await session.facts.get(params.id)
  recordRead(edge, context, fact.namespaceId)
  return detailOf(session, params.id)
}

export const stateFact: Handler<Routes['stateFact']> = async (edge, context, { body }) => {
  const session = await edge.sessions(context, 'write')
  return detailOf(session, await edge.facts.state(session, body, context))
}

export const retractFact: Handler<Routes['retractFact']> = async (edge, context, { params }) => {
  const session = await edge.sessions(context, 'write')
  await edge.facts.retract(session, params.id, context)
  return detailOf(session, params.id)
}

export const undoFact: Handler<Routes['undoFact']> = async (edge, context, { params, body }) => {
  const session = await edge.sessions(context, 'write')
  await edge.facts.undo(session, params.id, body.factId, context)
  return detailOf(session, params.id)
}
