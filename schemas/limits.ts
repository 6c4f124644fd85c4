import { expectRelation } from './limit-relations.ts'

/**
 * Every limit of the system, unit and bound last. LIMITS.md is generated from this file: the comment of a constant is its explanation there.
 */

/** One HTTP request body of the JSON API. */
export const REQUEST_BODY_BYTES_MAX = 8 * 1024 * 1024
/** Text of one memory (UTF-8). Longer text belongs into several cubes. */
export const CONTENT_BYTES_MAX = 256 * 1024
/** Text up to this size stays inside the signed revision; larger text becomes a blob (MIP objects are at most 64 KiB). */
export const CONTENT_INLINE_BYTES_MAX = 32 * 1024
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
/** One text in the metadata of a cube, or in a condition of a filter, in UTF-16 units. */
export const METADATA_VALUE_LENGTH_MAX = 1024
/** Names of namespaces, sessions, speakers, users, agents. */
export const NAME_LENGTH_MAX = 128
/** Semantic type of a cube, in UTF-16 units. */
export const SEMANTIC_TYPE_LENGTH_MAX = 64
/** What a cube's origin refers to, in UTF-16 units. */
export const REFERENCE_LENGTH_MAX = 512
/** Renditions of one revision. */
export const RENDITIONS_MAX = 16
/** Messages whose facts one text rendition carries. */
export const RENDITION_MESSAGES_MAX = 256
/** Modules that one LoRA rendition patches. */
export const LORA_MODULES_MAX = 512
/** Tokens of one probe. */
export const PROBE_TOKENS_MAX = 64
/** Lineage parents of one revision. */
export const LINEAGE_MAX = 64
/** Share of one parent, millionths. */
export const SHARE_MICROS_MAX = 1_000_000
/** What all parents together may claim, millionths (MIP 4.10: royalties are capped at half). */
export const LINEAGE_SHARE_MICROS_MAX = 500_000
/** Names in the access list of a cube of the short paper. */
export const SHORT_PAPER_ACCESS_NAMES_MAX = 256
/** Stand-in of the short paper's figure for a tensor (`[tensor]`), or a short tensor as text, in UTF-16 units. */
export const SHORT_PAPER_VALUE_LENGTH_MAX = 64 * 1024
/** Query text of a search, in UTF-16 units. */
export const QUERY_LENGTH_MAX = 10_000
/** Distinct query terms that take part in ranking; the rarest are kept. */
export const QUERY_TERMS_MAX = 256
/** Query terms that own a bit in a candidate's `matched` mask: an SQL integer must stay exact as a JavaScript number. */
export const MASK_TERMS_MAX = 52
/** Unknown query terms that are corrected. */
export const SPELLING_TERMS_MAX = 8
/** Corrections of one query term. */
export const SPELLING_SUGGESTIONS_PER_TERM_MAX = 3
/** Vocabulary terms of the namespace that one query is compared with. */
export const SPELLING_VOCABULARY_MAX = 20_000
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
/** Numbers of posting lists that one process keeps in memory (8 bytes each). */
export const LEXICAL_CACHE_NUMBERS_MAX = 2_000_000
/** How long posting lists are kept; below the ten minutes that an organisation takes to move away and back. */
export const LEXICAL_CACHE_MS = 5 * 60 * 1000
/** Namespaces whose posting lists and statistics one process keeps in memory. */
export const LEXICAL_CACHE_NAMESPACES_MAX = 1024
/** Candidates that reach the ranking step. */
export const SEARCH_CANDIDATES_MAX = 1000
/** Rows fetched for one query only because a neighbouring turn matched. */
export const NEIGHBOUR_KEYS_MAX = 128
/** Hits that are compared with each other for novelty; the rest keeps its order behind them. */
export const MMR_CANDIDATES_MAX = 100
/** Nearest vectors that reach exact rescoring. */
export const VECTOR_CANDIDATES_MAX = 40
/** Rows that an exact vector scan reads when an index is behind or absent. */
export const VECTOR_TAIL_ROWS_MAX = 200_000
/** Dimensions of an embedding. */
export const VECTOR_DIMENSIONS_MAX = 4096
/** Bytes that resident vector indexes may hold in one process or Durable Object (a Worker has 128 MB in all). */
export const VECTOR_INDEX_BYTES_MAX = 64 * 1024 * 1024
/** Vector spaces held in memory at once. Each memory reserves address space, whatever its size. */
export const VECTOR_SPACES_RESIDENT_MAX = 256
/** Up to here every row of a resident space is scored with int8; beyond, a 1-bit scan first picks the rows worth it. */
export const VECTOR_FULL_SCORE_ROWS_MAX = 16_384
/** Rows that one search scores with int8 after the 1-bit filter. */
export const VECTOR_PREFILTER_ROWS_MAX = 8192
/** New rows after which a resident space is persisted in the background. */
export const VECTOR_UNPERSISTED_ROWS_MAX = 4096
/** Tombstones that the manifest of a resident space carries; with more, the persisted part is dropped and rebuilt from rows. */
export const VECTOR_TOMBSTONES_MAX = 4096
/** Vectors in one upsert from a Worker (Vectorize limits). */
export const VECTORIZE_UPSERT_ROWS_MAX = 1000
/** Matches of one query that returns neither values nor metadata (Vectorize limits). */
export const VECTORIZE_MATCHES_MAX = 100
/** Ids in one deleteByIds; wrangler refuses more, the binding's own bound is not documented. */
export const VECTORIZE_DELETE_IDS_MAX = 100
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
/** Cursor of a list, in characters. */
export const CURSOR_LENGTH_MAX = 512
/** Idempotency keys. */
export const IDEMPOTENCY_KEY_LENGTH_MAX = 128
/** How long a response is kept for its idempotency key. */
export const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000
/** Largest response body kept for replay, in UTF-16 units. When an answer was larger, a repeated request gets a 409 (`already_exists`). */
export const IDEMPOTENCY_RESPONSE_BYTES_MAX = 512 * 1024
/** Requests per minute of a key when its owner names no number. */
export const RATE_PER_MINUTE_DEFAULT = 600_000
/** Requests per minute that a key may be given. */
export const RATE_PER_MINUTE_MAX = 6_000_000
/** Token buckets that one process keeps; the least recently used go first, which at worst gives a resting key its full burst back. */
export const RATE_BUCKETS_MAX = 100_000
/** Lifetime of an API key, days. */
export const KEY_DAYS_MAX = 3650
/** Old secret stays valid this long after a rotation unless the caller says otherwise. */
export const KEY_ROTATION_GRACE_MS_MAX = 24 * 60 * 60 * 1000
/** Clock skew that timestamps from callers may be ahead of ours. */
export const CLOCK_SKEW_MS_MAX = 24 * 60 * 60 * 1000
/** One SQL parameter or row (D1 documents 2 MB; half of it is planned for). */
export const SQL_VALUE_BYTES_MAX = 1_000_000
/** Compiled statements that a libSQL file keeps. The system has fewer than a hundred texts; filters add some. */
export const SQL_COMPILED_STATEMENTS_MAX = 512
/** Keys that one R2 delete call takes. */
export const R2_DELETE_KEYS_MAX = 1000
/** One part of an upload to R2, which wants them of one length, 5 MiB at least and 10,000 at most. */
export const R2_PART_BYTES = 8 * 1024 * 1024
/** Attempts of one background task before it is failed. */
export const TASK_ATTEMPTS_MAX = 8
/** A claimed task that shows no progress for this long is taken by another worker. */
export const TASK_LEASE_MS = 60_000
/** Tasks that one invocation of the Worker runs; the rest is for the next message or the next minute. */
export const INVOCATION_TASKS_MAX = 50
/** Time after which an invocation of the Worker starts no further step of a task. */
export const INVOCATION_MS_MAX = 25_000
/** Texts of one call to an embedding model. */
export const EMBED_TEXTS_MAX = 128
/** Texts of one call to Workers AI: its text embedding models take a hundred. */
export const WORKERS_AI_TEXTS_MAX = 100
/** Text beyond this is left out of a vector: few models read further, and some servers refuse a whole batch over one long text. UTF-16 units. */
export const EMBED_TEXT_LENGTH_MAX = 8000
/** Deadline of one call to an embedding model. */
export const EMBED_MS_MAX = 20_000
/** A search waits this long for the vector of its query; then it goes on without. */
export const QUERY_EMBED_MS_MAX = 5000
/** Longest time that a placement read from the directory is trusted. A move waits this long before the new place is written. */
export const PLACEMENT_MS_MAX = 2_000
/** Placements that one process keeps; beyond it all are read again. */
export const PLACEMENTS_MAX = 10_000
/** How long the rows of a moved organisation outlive the switch: a request that began before it, such as an export, may still be reading them. */
export const OLD_ROWS_MS = 10 * 60_000
/** Rows of one table that one statement of a move erases: other organisations write between two of them. */
export const ERASED_ROWS_MAX = 5000
/** One archive entry (a cube with its revisions) of an import. */
export const ARCHIVE_ENTRY_BYTES_MAX = 4 * 1024 * 1024
/** One part of an archive: lines, and apart from them the texts that come as blobs. */
export const ARCHIVE_PART_BYTES_MAX = 2 * ARCHIVE_ENTRY_BYTES_MAX
/** One payload of an archive. A larger one is passed over; its cube keeps naming it. */
export const ARCHIVE_BLOB_BYTES_MAX = 64 * 1024 * 1024
/** One file of another system (`textual_memory.json`, a mem0 export): it is read as a whole. */
export const FOREIGN_FILE_BYTES_MAX = 64 * 1024 * 1024
/** Cubes written by one transaction of an import. */
export const ARCHIVE_BATCH_ITEMS_MAX = 500
/** Times that a batch of an import is decided anew because somebody else wrote meanwhile. */
export const ARCHIVE_BATCH_ATTEMPTS_MAX = 3
/** Cube ids that one entry of the audit log names. */
export const AUDIT_CUBES_MAX = 100
/** API keys whose rows one process keeps in memory (about 1 KB each); beyond it all are read again. */
export const KEY_ROWS_MAX = 10_000
/** Audit rows that an export reads at once. */
export const LOG_EXPORT_PAGE_ROWS = 500
/** Audit rows that are sealed or checked at once. */
export const AUDIT_SEALED_ROWS_MAX = 2000
/** Batches of audit rows that one minute's upkeep seals in one database. */
export const AUDIT_SEALS_PER_TICK_MAX = 50
/** Log entries of reads and refusals that are written together, unless a flush is due before. */
export const ACTIVITY_BATCH_ENTRIES_MAX = 256
/** Log entries that wait for organisations on the move. */
export const ACTIVITY_WAITING_ENTRIES_MAX = 10_000
/** Steps of a pipeline. A batch of D1 takes a thousand statements, and a change of a cube takes a dozen. */
export const PIPELINE_STEPS_MAX = 32
/** Parameters of a pipeline. */
export const PIPELINE_PARAMETERS_MAX = 16
/** Cubes that one run of a pipeline changes, or one of its steps hands on. */
export const PIPELINE_CUBES_MAX = 50
/** Pipelines that an organisation keeps. */
export const PIPELINES_MAX = 200
/** Side effects that one minute's upkeep tries in one database. */
export const EFFECTS_PER_TICK_MAX = 20
/** Deadline of one attempt of a side effect. */
export const EFFECT_MS_MAX = 5000
/** Side effects that wait for what this deployment lacks, whose next look one minute's upkeep puts off in one database. */
export const EFFECTS_UNSERVED_PER_TICK_MAX = 1000
/** Attempts of one side effect, over some hours; then it has failed. */
export const EFFECT_ATTEMPTS_MAX = 12
/** Days that runs of pipelines, and side effects that are done or have failed, can be looked up. */
export const PIPELINE_RECORD_DAYS_MAX = 90
/** Old rows of one kind (decisions, runs of pipelines, side effects) that one minute's upkeep forgets in one database. */
export const RECORDS_PER_PURGE_MAX = 1000
/** Days that a policy of a namespace may name. */
export const POLICY_DAYS_MAX = 3650
/** Days without use after which a cube is archived, unless its namespace says otherwise. */
export const IDLE_DAYS_DEFAULT = 90
/** Revisions of a cube that are kept, unless its namespace says otherwise. */
export const REVISIONS_KEPT_DEFAULT = 1000
/** The most revisions that a namespace may ask to keep of a cube. */
export const REVISIONS_KEPT_MAX = 100_000
/** Reason that a change of state may give, characters. */
export const LIFECYCLE_REASON_LENGTH_MAX = 512
/** Namespaces that one minute's upkeep ages in one database. */
export const LIFECYCLE_NAMESPACES_PER_TICK_MAX = 50
/** Statements that ageing takes of one minute's upkeep: D1 counts a thousand against one invocation, and other steps need theirs. */
export const LIFECYCLE_STATEMENTS_PER_TICK_MAX = 400
/** Time after which one minute's ageing stops where it is, ms. */
export const LIFECYCLE_TICK_MS_MAX = 10_000
/** Cubes looked at in one statement of ageing. */
export const LIFECYCLE_PAGE_CUBES = 2000
/** Cubes that one batch of ageing archives or erases: a file is locked and its process busy for as long. */
export const LIFECYCLE_BATCH_CUBES = 50
/** Time between two walks of ageing over one namespace, unless its policy names a quarter of less, ms. */
export const LIFECYCLE_ROUND_MS = 6 * 60 * 60 * 1000
/** Least time between two such walks, ms. */
export const LIFECYCLE_ROUND_MS_MIN = 60_000
/** Cubes whose likes are looked for in one statement. */
export const CONSOLIDATION_PAGE_CUBES = 50
/** A term of more cubes than this finds none that say the same: it tells too few apart. */
export const CONSOLIDATION_TERM_CUBES_MAX = 64
/** Cubes that one cube is compared with word for word. */
export const CONSOLIDATION_CANDIDATES_MAX = 4
/** Text beyond which a cube is not compared with others, terms. */
export const CONSOLIDATION_TERMS_MAX = 512
/** Cubes that the scheduler keeps at hand in one namespace. */
export const HOT_CUBES_MAX = 1024
/** Labels that one request to the scheduler may name. */
export const SCHEDULE_LABELS_MAX = 32
/** Cubes that the scheduler weighs for one hot set: those used last, or nearest to the query. */
export const SCHEDULE_CANDIDATES_MAX = 4096
/** Changes of type that wait in one namespace. */
export const SCHEDULE_PLANS_MAX = 64
/** Namespaces that one minute's upkeep schedules in one database. */
export const SCHEDULES_PER_TICK_MAX = 50
/** Cube ids that one decision on a hot set names. */
export const DECISION_CUBES_MAX = 100
/** Days that decisions can be looked up. */
export const DECISION_DAYS_MAX = 90
/** Cubes that one snapshot pins. */
export const SNAPSHOT_CUBES_MAX = 100_000
/** Snapshots of one namespace. */
export const SNAPSHOTS_MAX = 1000
/** Branches of one namespace, merged ones included. */
export const BRANCHES_MAX = 100
/** Cubes revised since the point that `asOf` names: each is read at its revision of then and analysed again. */
export const AS_OF_REVISED_CUBES_MAX = 2000
/** Cubes that one branch changes: its merge is one transaction, and D1 counts a thousand statements against one invocation. */
export const BRANCH_CUBES_MAX = 60
/** Cubes that bringing a namespace back to a snapshot changes, in one transaction. */
export const SNAPSHOT_RESTORE_CUBES_MAX = 60
/** Blocks of one namespace. */
export const BLOCKS_MAX = 200
/** Blocks that stand in front of one context pack, and the share of its budget that they may take together. */
export const BLOCKS_PINNED_MAX = 16
/** Share of the budget of a context pack that its pinned blocks take together. */
export const BLOCKS_BUDGET_SHARE_MAX = 0.5
/** Size of a block's text in estimated tokens: a text of this size is stored inline. */
export const BLOCK_TOKENS_MAX = 4096
/** Size of a block whose maker names none, in estimated tokens. */
export const BLOCK_TOKENS_DEFAULT = 512
/** Text that one edit brings, and what one correction says, bytes of UTF-8: with what a block holds, still short of a blob. */
export const BLOCK_TEXT_BYTES_MAX = 12 * 1024
/** Text of one cube that overflow is paged out to, in estimated tokens; a longer line is one of its own. */
export const BLOCK_PAGE_TOKENS_MAX = 256
/** Members of a block. */
export const BLOCK_MEMBERS_MAX = 1000
/** Members that one request adds. */
export const BLOCK_MEMBERS_PER_REQUEST_MAX = 100
/** Members that one evolution looks at: those added last. */
export const BLOCK_EVOLVED_MEMBERS_MAX = 500
/**
 * Changes that one evolution makes, on request and in a minute's upkeep; each is judged before the next one. Judging asks up to BLOCK_QUESTIONS_MAX questions of some
 * seven statements, and D1 counts a thousand statements against one invocation.
 */
export const BLOCK_CHANGES_PER_RUN_MAX = 3
/** Changes of blocks that one minute's upkeep makes in one database. */
export const BLOCK_CHANGES_PER_TICK_MAX = 1
/** Cubes that one change retires. */
export const BLOCK_RETIRED_PER_CHANGE_MAX = 20
/** Questions that are replayed to judge a change: the latest ones with different words. */
export const BLOCK_QUESTIONS_MAX = 24
/** Results of a replayed question that are looked at; what helped and stands behind counts as not found. */
export const BLOCK_REPLAY_RESULTS_MAX = 50
/** Feedback gathers for so long before upkeep lets a block evolve, ms. */
export const BLOCK_EVOLVE_DELAY_MS = 60 * 60 * 1000
/** Blocks that one minute's upkeep evolves in one database. */
export const BLOCKS_PER_TICK_MAX = 1
/** A block that evolved on feedback is left alone for so long when its evolution failed, ms. */
export const BLOCK_RETRY_MS = 6 * 60 * 60 * 1000
/** Changes of one block that are kept. */
export const BLOCK_CHANGES_MAX = 500
/** Pieces of feedback of one request, and those kept of one cube. */
export const FEEDBACK_ITEMS_MAX = 50
/** Pieces of feedback that are kept of one cube. */
export const FEEDBACK_PER_CUBE_MAX = 64
/** Question that feedback may name, characters. */
export const FEEDBACK_QUERY_LENGTH_MAX = 1000
/** One purpose or task that a request claims or a permission asks for, in characters. */
export const CONTEXT_WORD_LENGTH_MAX = 64
/** Purposes, or tasks, that one permission or key names. */
export const CONTEXT_WORDS_MAX = 32
/** Namespaces that the template of one role opens. */
export const ROLE_NAMESPACES_MAX = 256
/** Members of one role. */
export const ROLE_MEMBERS_MAX = 1000
/** Cubes opened one by one that one search of a namespace looks at, the newest first. */
export const PART_CUBES_MAX = 1000
/** UTF-16 units of a subject, a predicate and an object. */
export const FACT_SUBJECT_LENGTH_MAX = 80
/** Length of a predicate of a fact. */
export const FACT_PREDICATE_LENGTH_MAX = 64
/** Length of what a fact says of its subject. */
export const FACT_OBJECT_LENGTH_MAX = 200
/** Facts of one cube; a longer list is data, not what somebody says. */
export const FACTS_PER_CUBE_MAX = 64
/** Facts of one subject and slot that a plan reads, the latest ones; what lies before them keeps its state. */
export const FACTS_PER_GROUP_MAX = 500
/** Statements that one question to a model carries. */
export const COMPARED_FACTS_MAX = 40
/** Earlier turns that a prompt may bring along. */
export const READ_TURNS_MAX = 64
/** Messages of one plan; each statement in them is compared with memory. */
export const PLAN_MESSAGES_MAX = 100
/** Statements of one plan that are compared with memory. */
export const PLAN_STATEMENTS_MAX = 400
/** Memories that one plan updates, ends or forgets: each takes a dozen statements of a batch. */
export const PLAN_CHANGES_MAX = 32
/** Plans of one request, when others write to the same namespace meanwhile. */
export const PLAN_TRIES_MAX = 5
/** One call, its repetition included. */
export const LANGUAGE_MODEL_MS_MAX = 20_000
/** One answer. */
export const LANGUAGE_MODEL_ANSWER_BYTES_MAX = 256 * 1024
/** A longer wait is not worth it to the caller: the rules answer instead. */
export const LANGUAGE_MODEL_RETRY_MS_MAX = 2000
/** A server that asks to be left alone for longer is asked again after this time all the same. */
export const LANGUAGE_MODEL_PAUSE_MS_MAX = 60_000
/** Statements that one question carries; the others keep what the rules decided. */
export const REFINED_STATEMENTS_MAX = 40
/** Memories that one sentence may forget; more of them means that it names too little. */
export const FORGET_TARGETS_MAX = 8
/** Longest key in UTF-16 units; a longer run of words is no name. */
export const ENTITY_KEY_LENGTH_MAX = 80
/** Mentions of one cube, the most frequent first. */
export const MENTIONS_PER_CUBE_MAX = 64
/** Nodes of the part of the graph that one search walks. */
export const GRAPH_NODES_MAX = 2000
/** Time for its statements; what is found by then is ranked. */
export const GRAPH_MS_MAX = 500
/** Deadline of one request on the server's side. */
export const REQUEST_MS_MAX = 30_000
/** Requests in flight before new ones are shed with 503. */
export const REQUESTS_IN_FLIGHT_MAX = 1024
/** A graceful stop of the Node host takes no longer than this; then open connections are cut. */
export const STOP_MS_MAX = 4000

expectRelation(METADATA_BYTES_MAX < SQL_VALUE_BYTES_MAX, 'metadata fits a row')
expectRelation(VECTOR_CANDIDATES_MAX <= SEARCH_CANDIDATES_MAX, 'vector hits fit the ranking step')
expectRelation(HOT_CUBES_MAX <= SCHEDULE_CANDIDATES_MAX, 'a hot set is chosen among at least as many cubes')
