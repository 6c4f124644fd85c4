import type { z } from 'zod'
import { QUERY_LENGTH_MAX, SEARCH_RESULTS_MAX } from '../../../schemas/limits.ts'
import type { SearchRequest, SearchResponse } from '../../../schemas/search.ts'
import type { EdgeClient } from '../harness/edge-client.ts'
import { inParallel } from '../harness/statistics.ts'
import type { Question } from './dataset.ts'

type SearchMode = z.input<typeof SearchRequest>['mode']

const QUESTIONS_IN_FLIGHT = 4

export interface Answers {
  /** Ids of the found turns by question, best first; of what is no turn, its cube's. */
  rankings: Map<string, string[]>
  /** Wall time of each request with others in flight, milliseconds. */
  times: number[]
}

/** Asks every question in the namespace that `namespaceOf` names for its haystack; without a `mode`, as the edge does by default. */
export async function ask(
  client: EdgeClient,
  questions: readonly Question[],
  namespaceOf: (conv: string) => string,
  mode?: SearchMode,
): Promise<Answers> {
  const times: number[] = []
  const entries = await inParallel(questions, QUESTIONS_IN_FLIGHT, async (question): Promise<[string, string[]]> => {
    const start = performance.now()
    const request = { ...requestOf(question, namespaceOf(question.conv)), ...(mode && { mode }) }
    const response = await client.post<SearchResponse>('/v1/search', request)
    times.push(performance.now() - start)
    return [question.question_id, response.results.map(({ cube }) => String(cube.metadata.sourceId ?? cube.cubeId))]
  })
  return { rankings: new Map(entries), times }
}

/** A question as it is sent. */
export function requestOf({ question, before }: Question, namespace: string): z.input<typeof SearchRequest> {
  return {
    query: question.slice(0, QUERY_LENGTH_MAX),
    namespaces: [namespace],
    limit: SEARCH_RESULTS_MAX,
    // A question with a `before` is a turn of a conversation in progress.
    ...(before !== undefined && { live: true, filter: { field: 'metadata.si', op: 'lt', value: before } }),
  }
}
