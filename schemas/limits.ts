/**
 * Every limit of the system, unit and bound last. LIMITS.md is generated from this file: the comment of a constant is its explanation there.
 */

/** One HTTP request body of the JSON API. */
export const REQUEST_BODY_BYTES_MAX = 8 * 1024 * 1024
/** Text of one memory (UTF-8). Longer text belongs into several cubes. */
export const CONTENT_BYTES_MAX = 256 * 1024
/** Text up to this size stays inside the signed revision; larger text becomes a blob (MIP objects are at most 64 KiB). */
export const CONTENT_INLINE_BYTES_MAX = 32 * 1024
/** One MIP-CBOR object (MIP 4.2). */
export const MIP_OBJECT_BYTES_MAX = 64 * 1024
/** Nesting of one MIP-CBOR object (MIP 4.2). */
export const MIP_OBJECT_DEPTH_MAX = 16
/** Cubes in one batch or messages in one ingestion. */
export const BATCH_ITEMS_MAX = 1000
/** Title of a cube, in UTF-16 units. */
export const TITLE_LENGTH_MAX = 256
/** Tags on one cube. */
export const TAGS_MAX = 32
/** One tag. */
export const TAG_LENGTH_MAX = 64
/** Caller-defined metadata of one cube, as JSON. */
export const METADATA_BYTES_MAX = 4096
/** Keys in the metadata of one cube. */
export const METADATA_KEYS_MAX = 32
/** Names of namespaces, sessions, speakers, users, agents. */
export const NAME_LENGTH_MAX = 128
/** Renditions of one revision. */
export const RENDITIONS_MAX = 16
/** Lineage parents of one revision. */
export const LINEAGE_MAX = 64
/** Query text of a search, in UTF-16 units. */
export const QUERY_LENGTH_MAX = 10_000
/** Distinct query terms that take part in ranking; the rarest are kept. */
export const QUERY_TERMS_MAX = 256
/** Nesting of a filter. Deeper filters are refused, never truncated. */
export const FILTER_DEPTH_MAX = 8
/** Conditions in one filter. */
export const FILTER_CONDITIONS_MAX = 64
/** Values of an `in` or `nin` condition. */
export const FILTER_VALUES_MAX = 200
/** Results of one search. */
export const SEARCH_RESULTS_MAX = 100
/** Results of one search when the caller names no number. */
export const SEARCH_RESULTS_DEFAULT = 10
/** Namespaces that one search may cover. */
export const SEARCH_NAMESPACES_MAX = 16
/** Postings that one lexical search reads; commoner terms only score what rarer terms found. */
export const SEARCH_POSTINGS_MAX = 16_000
/** Candidates that reach the ranking step. */
export const SEARCH_CANDIDATES_MAX = 1000
/** Nearest vectors that reach exact rescoring. */
export const VECTOR_CANDIDATES_MAX = 64
/** Rows that an exact vector scan reads when an index is behind or absent. */
export const VECTOR_TAIL_ROWS_MAX = 200_000
/** Dimensions of an embedding. */
export const VECTOR_DIMENSIONS_MAX = 4096
/** Bytes that resident vector indexes may hold in one process or Durable Object (a Worker has 128 MB in all). */
export const VECTOR_INDEX_BYTES_MAX = 64 * 1024 * 1024
/** Candidates that a reranker may see. */
export const RERANK_CANDIDATES_MAX = 50
/** Deadline of a reranker; on a miss the first ranking stands. */
export const RERANK_MS_MAX = 800
/** Token budget of a context pack. */
export const CONTEXT_TOKENS_MAX = 32_000
/** Token budget of a context pack when the caller names none. */
export const CONTEXT_TOKENS_DEFAULT = 2000
/** Items on one page of a list. */
export const PAGE_ITEMS_MAX = 200
/** Items on one page when the caller names no number. */
export const PAGE_ITEMS_DEFAULT = 50
/** Idempotency keys. */
export const IDEMPOTENCY_KEY_LENGTH_MAX = 128
/** How long a response is kept for its idempotency key. */
export const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000
/** Largest response body kept for replay. A larger answer is replayed as a 409 that names the limit. */
export const IDEMPOTENCY_RESPONSE_BYTES_MAX = 512 * 1024
/** Requests per minute of a key when its owner names no number. */
export const RATE_PER_MINUTE_DEFAULT = 600_000
/** Requests per minute that a key may be given. */
export const RATE_PER_MINUTE_MAX = 6_000_000
/** Lifetime of an API key, days. */
export const KEY_DAYS_MAX = 3650
/** Old secret stays valid this long after a rotation unless the caller says otherwise. */
export const KEY_ROTATION_GRACE_MS_MAX = 24 * 60 * 60 * 1000
/** Clock skew that timestamps from callers may be ahead of ours. */
export const CLOCK_SKEW_MS_MAX = 24 * 60 * 60 * 1000
/** Bound parameters of one statement (D1). */
export const SQL_PARAMS_MAX = 100
/** One SQL parameter or row (D1 documents 2 MB; half of it is planned for). */
export const SQL_VALUE_BYTES_MAX = 1_000_000
/** Statements of one atomic batch. */
export const SQL_BATCH_STATEMENTS_MAX = 1000
/** Attempts of one background task before it is failed. */
export const TASK_ATTEMPTS_MAX = 8
/** A claimed task that shows no progress for this long is taken by another worker. */
export const TASK_LEASE_MS = 60_000
/** Texts of one call to an embedding model. */
export const EMBED_TEXTS_MAX = 128
/** Deadline of one call to an embedding model. */
export const EMBED_MS_MAX = 20_000
/** One archive entry (a cube with its revisions) of an import. */
export const ARCHIVE_ENTRY_BYTES_MAX = 4 * 1024 * 1024
/** Cubes written by one transaction of an import. */
export const ARCHIVE_BATCH_ITEMS_MAX = 500
/** Deadline of one request on the server's side. */
export const REQUEST_MS_MAX = 30_000
/** Requests in flight before new ones are shed with 503. */
export const REQUESTS_IN_FLIGHT_MAX = 1024

assert(CONTENT_INLINE_BYTES_MAX * 2 <= MIP_OBJECT_BYTES_MAX, 'inline text fits its object')
assert(METADATA_BYTES_MAX < SQL_VALUE_BYTES_MAX, 'metadata fits a row')
assert(VECTOR_CANDIDATES_MAX <= SEARCH_CANDIDATES_MAX, 'vector hits fit the ranking step')

function assert(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits contradict each other: ${relation}`)
}
