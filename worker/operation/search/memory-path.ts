import type { MemoryCall } from '../../../schemas/memory-call.ts'
import type { PathStep, RetrievalReport, SearchRequest } from '../../../schemas/search.ts'
import type { NamespaceResult } from './namespace-search.ts'

export interface PathFacts {
  /** What was searched, in order. */
  results: readonly NamespaceResult[]
  request: Omit<SearchRequest, 'explain'>
  report: Omit<RetrievalReport, 'call' | 'plan'>
  call: MemoryCall
}

type Step = Omit<PathStep, 'order'>

/**
 * The way that a search took, from topic to concept to fact (MemoryPathResolver, MemOS paper, section 5.4.1): where it looked and through which
 * channel, in order, and why; also the channels that it passed by. It tells what was done and decides nothing.
 */
export function memoryPath({ results, request, report, call }: PathFacts): PathStep[] {
  const steps = [
    ...restrictions(request, call),
    ...results.flatMap((result) => stepsIn(result, request)),
    ...afterwards(results, request, report),
  ]
  return steps.map((step, at) => ({ order: at + 1, ...step }))
}

/** What narrows the search down before anything is looked up. */
function restrictions(request: PathFacts['request'], { window }: MemoryCall): Step[] {
  const everywhere = { what: 'topic', where: 'every namespace', used: true } as const
  const { filter, asOf, validAt, includeInvalid, includeArchived } = request
  const steps: Step[] = []
  if (filter !== undefined)
    steps.push({
      ...everywhere,
      channel: 'filter',
      why: 'The request filters; the database decides with the permissions.',
    })
  if (asOf !== undefined)
    steps.push({ ...everywhere, channel: 'time', why: 'The request asks for memory as it stood.' })
  if (validAt !== undefined)
    steps.push({ ...everywhere, channel: 'time', why: 'The request asks for what was valid at a time.' })
  else if (includeInvalid !== true)
    steps.push({ ...everywhere, channel: 'time', why: 'What is no longer valid is left out unless asked for.' })
  if (window.from !== null || window.to !== null) {
    const why = `The question names the time from ${window.from ?? 'ever'} to ${window.to ?? 'now'}; it is reported and filters nothing.`
    steps.push({ ...everywhere, channel: 'time', used: false, why })
  }
  if (!includeArchived)
    steps.push({ ...everywhere, channel: 'filter', why: 'Archived memory is left out unless asked for.' })
  return steps
}

function stepsIn(result: NamespaceResult, request: PathFacts['request']): Step[] {
  const { namespace, sessions } = result
  const where = `${namespace.name} (${namespace.layer})`
  return [
    { what: 'topic', where, channel: 'namespace', used: true, why: whyHere(request) },
    {
      what: 'topic',
      where,
      channel: 'sessions',
      used: sessions > 0,
      why:
        sessions > 0
          ? `${sessions} conversations were compared as wholes.`
          : 'There are too few conversations to compare.',
    },
    { what: 'concept', where, channel: 'graph', ...graphStep(result) },
    { what: 'fact', where, channel: 'words', ...wordsStep(result, request) },
    { what: 'fact', where, channel: 'vectors', ...vectorsStep(result, request) },
  ]
}

function whyHere({ namespaces, userId }: PathFacts['request']): string {
  if (namespaces !== undefined) return 'The request names it.'
  return userId === undefined
    ? 'It is where the key looks when no place is named.'
    : 'It is the private memory of the user.'
}

type Taken = Pick<Step, 'used' | 'why'>

function graphStep({ graph }: NamespaceResult): Taken {
  if (graph === null) return { used: false, why: 'Neither the request nor the namespace asks for the graph.' }
  if (graph.entities.length === 0) return { used: false, why: graph.note ?? 'Nothing was found.' }
  const note = graph.note === null ? '' : ` ${graph.note}`
  return {
    used: true,
    why: `From ${graph.entities.join(', ')} over ${graph.nodes} nodes to ${graph.hits.length} memories.${note}`,
  }
}

function wordsStep({ terms, spelling }: NamespaceResult, { mode }: PathFacts['request']): Taken {
  if (mode === 'vector') return { used: false, why: 'The request asks for vectors only.' }
  if (terms.length === 0) return { used: false, why: 'No word of the question occurs in what may be read.' }
  const corrected = Object.keys(spelling).length > 0 ? ', some after correction of the spelling' : ''
  return { used: true, why: `${terms.length} terms of the question occur${corrected}.` }
}

function vectorsStep({ model }: NamespaceResult, { mode }: PathFacts['request']): Taken {
  if (mode === 'lexical') return { used: false, why: 'The request asks for words only.' }
  return model === null
    ? { used: false, why: 'There is no model, or it has no vectors here.' }
    : { used: true, why: `Cosines with the question in the space of ${model}.` }
}

/** What happens to what was found, over all namespaces. */
function afterwards(
  results: readonly NamespaceResult[],
  request: PathFacts['request'],
  report: PathFacts['report'],
): Step[] {
  const where = results.length > 1 ? 'all namespaces' : (results[0]?.namespace.name ?? 'nowhere')
  const failed = report.notes.find((note) => /rerank/i.test(note))
  return [
    {
      what: 'ranking',
      where,
      channel: 'fusion',
      used: true,
      why: 'The parts of each score are added, then weighed by who asks whom and when.',
    },
    {
      what: 'ranking',
      where,
      channel: 'diversity',
      used: request.diversity > 0,
      why:
        request.diversity > 0
          ? `Novelty counts ${request.diversity} against relevance.`
          : 'The request does not ask for it.',
    },
    {
      what: 'ranking',
      where,
      channel: 'rerank',
      used: request.rerank && failed === undefined,
      why: request.rerank ? (failed ?? 'A model read the best candidates again.') : 'The request does not ask for it.',
    },
  ]
}
