import { z } from 'zod'
import { Moment, Name, NamespaceName } from './common.ts'
import { MemCube } from './cube.ts'
import { Filter } from './filter.ts'
import {
  CONTEXT_TOKENS_DEFAULT,
  CONTEXT_TOKENS_MAX,
  QUERY_LENGTH_MAX,
  SEARCH_NAMESPACES_MAX,
  SEARCH_RESULTS_DEFAULT,
  SEARCH_RESULTS_MAX,
  VECTOR_DIMENSIONS_MAX,
} from './limits.ts'
import { MemoryCall } from './memory-call.ts'
import { AsOf } from './time-machine.ts'

export const RETRIEVAL_MODES = ['auto', 'lexical', 'vector', 'hybrid'] as const

const scope = {
  query: z
    .string()
    .max(QUERY_LENGTH_MAX)
    .refine((text) => text.trim().length > 0, 'text that is not blank')
    .refine((text) => text.isWellFormed(), 'well-formed Unicode'),
  namespaces: z.array(NamespaceName).min(1).max(SEARCH_NAMESPACES_MAX).optional(),
  userId: Name.optional(),
  filter: Filter.optional(),
  includeArchived: z.boolean().default(false),
  /** Finds what was valid at this time; by default what is not over yet. */
  validAt: Moment.optional(),
  /** Finds what is no longer valid, too. */
  includeInvalid: z.boolean().optional(),
  asOf: AsOf.optional(),
  /** Conversation in progress: newer sessions weigh more. */
  live: z.boolean().default(false),
  mode: z.enum(RETRIEVAL_MODES).default('auto'),
  vector: z.array(z.number()).min(1).max(VECTOR_DIMENSIONS_MAX).optional(),
  /** Share of novelty against relevance in maximal marginal relevance; 0 switches it off. */
  diversity: z.number().min(0).max(1).default(0),
  rerank: z.boolean().default(false),
  /** Whether the graph of entities is walked; as the namespace says when left out. */
  graph: z.boolean().optional(),
}

export const SearchRequest = z
  .strictObject({
    ...scope,
    limit: z.int().min(1).max(SEARCH_RESULTS_MAX).default(SEARCH_RESULTS_DEFAULT),
    explain: z.boolean().default(false),
  })
  .meta({ id: 'SearchRequest', examples: [{ query: 'Where does Alice like to sit?', limit: 5, explain: true }] })
export type SearchRequest = z.infer<typeof SearchRequest>

export const SearchHit = z
  .strictObject({
    cube: MemCube,
    score: z.number(),
    explain: z.record(z.string(), z.number()).optional().meta({ description: 'Parts of the score, by name.' }),
  })
  .meta({ id: 'SearchHit' })
export type SearchHit = z.infer<typeof SearchHit>

/** One step of the way from topic to concept to fact. */
export const PathStep = z
  .strictObject({
    order: z.int(),
    what: z.enum(['topic', 'concept', 'fact', 'ranking']),
    where: z.string().meta({ description: 'Namespace and its layer.' }),
    channel: z.enum([
      'filter',
      'time',
      'namespace',
      'sessions',
      'graph',
      'words',
      'vectors',
      'fusion',
      'diversity',
      'rerank',
    ]),
    used: z.boolean().meta({ description: 'False for what was passed by.' }),
    why: z.string(),
  })
  .meta({ id: 'PathStep' })
export type PathStep = z.infer<typeof PathStep>

/** How the results were found; never silent about what was missing. */
export const RetrievalReport = z
  .strictObject({
    mode: z.enum(['lexical', 'vector', 'hybrid']),
    model: z.string().nullable().meta({ description: 'Embedding model used, null when none is configured.' }),
    spelling: z
      .record(z.string(), z.array(z.string()))
      .meta({ description: 'Unknown words and what was looked for instead.' }),
    notes: z.array(z.string()),
    terms: z.array(z.string()),
    call: MemoryCall.optional(),
    plan: z.array(PathStep).optional().meta({ description: 'The way that the search took; with `explain`.' }),
  })
  .meta({ id: 'RetrievalReport' })
export type RetrievalReport = z.infer<typeof RetrievalReport>

export const SearchResponse = z
  .strictObject({ results: z.array(SearchHit), retrieval: RetrievalReport, tookMs: z.number() })
  .meta({ id: 'SearchResponse' })
export type SearchResponse = z.infer<typeof SearchResponse>

export const ContextRequest = z
  .strictObject({ ...scope, tokens: z.int().min(32).max(CONTEXT_TOKENS_MAX).default(CONTEXT_TOKENS_DEFAULT) })
  .meta({ id: 'ContextRequest', examples: [{ query: 'What should I know before booking?', tokens: 600 }] })
export type ContextRequest = z.infer<typeof ContextRequest>

export const ContextResponse = z
  .strictObject({
    text: z.string().meta({ description: 'Ready to stand in a prompt: dated, in time order, with [n] citations.' }),
    tokens: z.int().meta({ description: 'Estimate; never above the budget.' }),
    citations: z.array(
      z.strictObject({
        mark: z.int(),
        cubeId: z.string(),
        namespace: z.string(),
        revision: z.int(),
        saidAt: z.iso.datetime(),
        score: z.number().meta({ description: '0 for a pinned block that the search did not find.' }),
      }),
    ),
    retrieval: RetrievalReport,
    tookMs: z.number(),
  })
  .meta({ id: 'ContextResponse' })
export type ContextResponse = z.infer<typeof ContextResponse>
