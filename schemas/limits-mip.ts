import { expectRelation } from './limit-relations.ts'
import { CONTENT_INLINE_BYTES_MAX, R2_PART_BYTES } from './limits.ts'

/** Limits of the interchange protocol; a part of limits.ts, which would be too long with it. */

/** One MIP-CBOR object (MIP 4.2). */
export const MIP_OBJECT_BYTES_MAX = 64 * 1024
/** Nesting of one MIP-CBOR object (MIP 4.2). */
export const MIP_OBJECT_DEPTH_MAX = 16
/** One entry of a log, bytes (MIP 4.2); a filtered follower reads all of them. */
export const MIP_ENTRY_BYTES_MAX = 4096
/** The `sum` of one entry, what filters see of it, as MIP-CBOR (MIP 4.2). */
export const MIP_SUM_BYTES_MAX = 1024
/** Name of a log, in characters. */
export const MIP_LOG_NAME_LENGTH_MAX = 63
/** Name of an operation in a log, in characters. */
export const MIP_OP_LENGTH_MAX = 64
/** Names that an entry declares critical (MIP 4.11). */
export const MIP_CRITICAL_NAMES_MAX = 16
/** Topics of one entry. */
export const MIP_TOPICS_MAX = 32
/** Mirrors and addresses that `org.replicas` lists, of each; together they fit into the `sum` of an entry. */
export const MIP_REPLICAS_MAX = 16
/** Address of a mirror or peer, in UTF-16 units. */
export const MIP_ADDRESS_LENGTH_MAX = 256
/** Delegations between the root of an organisation and a key that uses them (MIP 4.1). */
export const MIP_DELEGATION_DEPTH_MAX = 3
/** Life of a delegation: 90 days (MIP 4.1), ms. */
export const MIP_DELEGATION_MS_MAX = 90 * 24 * 60 * 60 * 1000
/** Delegations, and revocations of delegations, that the state of a log remembers, of each. */
export const MIP_DELEGATIONS_MAX = 256
/** Time in which a recovery key may take a rotation back: 72 hours (MIP 4.1), ms. */
export const MIP_ROTATION_CONTEST_MS_MAX = 72 * 60 * 60 * 1000
/** Difference of two clocks that is no fault (MIP 4.12), ms. */
export const MIP_CLOCK_SKEW_MS_MAX = 5 * 60 * 1000
/** Roots that an organisation has had and that the state of a log remembers. */
export const MIP_ROOTS_MAX = 64
/** Chunk of a blob when its publisher names none (MIP 4.7). */
export const MIP_CHUNK_BYTES_DEFAULT = 256 * 1024
/** Smallest chunk that a manifest may name. */
export const MIP_CHUNK_BYTES_MIN = 64 * 1024
/** Largest chunk that a manifest may name. */
export const MIP_CHUNK_BYTES_MAX = 4 * 1024 * 1024
/** Hashes of one page of a manifest, and of a manifest without pages: 32 bytes each, with their map still one object. */
export const MIP_MANIFEST_PAGE_HASHES = 2040
/** One blob. */
export const MIP_BLOB_BYTES_MAX = 64 * 1024 * 1024 * 1024
/** Chunks of one blob; their hashes stay in memory while it is fetched. */
export const MIP_BLOB_CHUNKS_MAX = MIP_BLOB_BYTES_MAX / MIP_CHUNK_BYTES_MIN
/** Providers that one blob is fetched from at once; further ones step in for those that are dropped. */
export const MIP_BLOB_PROVIDERS_MAX = 4
/** Chunks that one provider was asked for and that have not arrived. */
export const MIP_BLOB_WINDOW_CHUNKS_MAX = 64
/** Chunks of one request to a provider. */
export const MIP_BLOB_REQUEST_CHUNKS_MAX = 32
/** Providers that are asked for the same chunk at the end of a download. */
export const MIP_BLOB_COPIES_MAX = 2
/** A provider that is slower from one chunk to the next is dropped. */
export const MIP_BLOB_BYTES_PER_SECOND_MIN = 64 * 1024
/** Wait for a chunk besides what the least rate allows for it, ms. */
export const MIP_BLOB_GRACE_MS = 5000
/** Chunks after which a download is made durable: what a crash costs at most. */
export const MIP_BLOB_FLUSH_CHUNKS = 64
/** Verified chunks that a download into a blob store holds until they are written together: what a crash costs at most there. */
export const MIP_BLOB_SEGMENT_BYTES = 4 * 1024 * 1024
/** Header of a safetensors file. */
export const SAFETENSORS_HEADER_BYTES_MAX = 1024 * 1024
/** Dimensions of one tensor of a safetensors file. */
export const SAFETENSORS_DIMENSIONS_MAX = 8
/** One block of a log archive: the largest chunk of a blob. */
export const LOG_ARCHIVE_BLOCK_BYTES_MAX = MIP_CHUNK_BYTES_MAX
/** Blobs that a revocation for legal reasons concerns are erased within this time (MIP 4.9). */
export const REVOKED_LEGAL_ERASE_MS = 24 * 60 * 60 * 1000
/** Adapters of one model that a fingerprint names. */
export const MODEL_ADAPTERS_MAX = 64
/** Name in a model descriptor (architecture, RoPE, quantisation), in UTF-16 units. */
export const MODEL_WORD_LENGTH_MAX = 64
/** Number of one setting in a model descriptor, with its name. */
export const MODEL_SETTINGS_MAX = 32
/** One frame of a MIP stream (MIP 4.5). */
export const MIP_FRAME_BYTES_MAX = 4 * 1024 * 1024
/** One request on a MIP stream: a hello is the largest. */
export const MIP_REQUEST_BYTES_MAX = 256 * 1024
/** Entries of one page of a log (MIP 4.3). */
export const MIP_LOG_PAGE_ENTRIES_MAX = 128
/** Entries of one page of a log together, bytes. */
export const MIP_LOG_PAGE_BYTES_MAX = 1024 * 1024
/** How long a cache may keep a full page of a log without asking, s: a fork that is resolved may change it. */
export const MIP_LOG_PAGE_CACHE_S = 60
/** Objects that one call asks for (MIP 4.5). */
export const MIP_OBJECTS_PER_CALL_MAX = 256
/** Objects of one frame together, bytes. */
export const MIP_OBJECTS_FRAME_BYTES_MAX = 1024 * 1024
/** Part of a blob that one call asks for. */
export const MIP_BLOB_RANGE_BYTES_MAX = 4 * 1024 * 1024
/** Part of a blob that one frame carries, and that a server holds for one stream. */
export const MIP_BLOB_FRAME_BYTES_MAX = 256 * 1024
/** Heads of one hello. */
export const MIP_HELLO_HEADS_MAX = 256
/** Model fingerprints of one hello. */
export const MIP_HELLO_FINGERPRINTS_MAX = 64
/** Names of optional parts of one hello. */
export const MIP_HELLO_FEATURES_MAX = 64
/** Deadline of one call to a peer or mirror, and of serving one. */
export const MIP_CALL_MS_MAX = 30_000
/** An open stream that asks nothing for so long is closed. */
export const MIP_STREAM_IDLE_MS_MAX = 60_000
/** Calls of one peer to its logs that are served at once (MIP 4.8). */
export const MIP_LOG_CALLS_IN_FLIGHT_MAX = 2
/** Calls of one peer to blobs that are served at once (MIP 4.8). */
export const MIP_BLOB_CALLS_IN_FLIGHT_MAX = 4
/** Calls of one peer to anything else of MIP that are served at once. */
export const MIP_OTHER_CALLS_IN_FLIGHT_MAX = 4
/** Calls of one peer per second, of any kind; twice as many in a burst. */
export const MIP_CALLS_PER_SECOND_MAX = 1000
/** Bytes served to one peer per second, averaged over its burst. */
export const MIP_SERVED_BYTES_PER_SECOND_MAX = 256 * 1024 * 1024
/** Proofs that one peer may offer per minute (MIP 4.8). */
export const MIP_PROOFS_PER_MINUTE_MAX = 60
/** Peers whose buckets one node keeps; the least recently used go first. */
export const MIP_PEER_BUCKETS_MAX = 10_000
/** One gossip message (MIP 4.4). */
export const MIP_GOSSIP_MESSAGE_BYTES_MAX = 64 * 1024
/** Entries beyond the end of a log, as it is known, that are still passed on: one page, which a follower that lags reads at once. */
export const MIP_GOSSIP_AHEAD_MAX = MIP_LOG_PAGE_ENTRIES_MAX
/** Topics of one node (MIP 4.4). */
export const MIP_GOSSIP_TOPICS_MAX = 200
/** Bytes that may wait for one connection before it is closed; the peer then catches up from the log (MIP 4.3). */
export const MIP_GOSSIP_OUTBOUND_BYTES_MAX = 8 * 1024 * 1024
/** Gossip messages of one neighbour per second, twice as many in a burst; one that sends more is shut out. */
export const MIP_GOSSIP_MESSAGES_PER_SECOND_MAX = 1000
/** Time for which a neighbour that floods is shut out, ms. */
export const MIP_GOSSIP_SHUT_MS = 60_000
/** One message of a set reconciliation; with the names of its logs it is one object. */
export const MIP_RECON_MESSAGE_BYTES_MAX = 48 * 1024
/** Logs whose entries are reconciled as one set. */
export const MIP_RECON_LOGS_MAX = 64
/** Entries of one set. */
export const MIP_RECON_ITEMS_MAX = 65_536
/** Differences that one message may bring. */
export const MIP_RECON_IDS_MAX = 8192
/** Messages of one reconciliation; what is not settled then is read from the logs. */
export const MIP_RECON_ROUNDS_MAX = 16
/** Share of a set that may differ, percent; with more, reading the logs costs less. */
export const MIP_RECON_DIFFERENT_PERCENT_MAX = 5
/** Revisions that one receipt of an erasure names. */
export const MIP_RECEIPT_REVISIONS_MAX = 64
/** Receipts of one revocation that are taken when organisations send them that are not named as peers. */
export const MIP_STRANGERS_RECEIPTS_MAX = 64
/** Attempts to hand a receipt to its publisher; with their pauses about two weeks. */
export const MIP_RECEIPT_ATTEMPTS_MAX = 336
/** Pause after the first attempt; twice as long after each further one, up to MIP_PULL_PAUSE_MS_MAX. */
export const MIP_RECEIPT_PAUSE_MS = 60_000
/** Receipts of one database that one minute's upkeep hands over. */
export const MIP_RECEIPTS_PER_TICK_MAX = 16
/** Nodes of one publisher that are remembered as speaking for it. */
export const MIP_SERVERS_MAX = 64
/** Addresses of one publisher whose strikes are remembered when they were not looked for, such as peers that called us. */
export const MIP_STRANGERS_STRUCK_MAX = 64
/** Time between two head beacons of a publisher (MIP 4.3). */
export const MIP_HEAD_BEACON_MS = 10_000
/** Beacons of a peer that may stay away before its connection counts as deaf (MIP 4.3). */
export const MIP_HEAD_BEACONS_MISSED_MAX = 3
/** Subscriptions of one organisation. */
export const MIP_SUBSCRIPTIONS_MAX = 256
/** Peers that one organisation names. */
export const MIP_PEERS_MAX = 1024
/** Time between two looks at a log that no hint spoke of. */
export const MIP_PULL_MS = 60_000
/** Longest pause after failures of a subscription. */
export const MIP_PULL_PAUSE_MS_MAX = 60 * 60 * 1000
/** Subscriptions of one database that one minute's upkeep pulls. */
export const MIP_PULLS_PER_TICK_MAX = 16
/** Pages of a log that one pull reads; the next one goes on. */
export const MIP_PAGES_PER_PULL_MAX = 4
/** Entries whose effects are one atomic batch: D1 counts statements. */
export const MIP_APPLY_ENTRIES_MAX = 24
/** Foreign cubes of one organisation that one run looks at again after a change of trust. */
export const MIP_REVIEW_CUBES_MAX = 24
/** Time that a mirror rests after its first strike; twice as long after each further one, up to MIP_PULL_PAUSE_MS_MAX. */
export const MIP_MIRROR_REST_MS = 10 * 60_000
/** Largest blob of a model-bound rendition that is taken in with a cube, bytes; larger ones stay where they are. */
export const MIP_RENDITION_BYTES_MAX = 64 * 1024 * 1024
/** Objects and blobs of a log archive that are held while it is imported, and that one entry may bring, bytes. */
export const MIP_ARCHIVE_WINDOW_BYTES_MAX = 32 * 1024 * 1024
/** Cubes made from a revoked one that are marked. */
export const MIP_DERIVED_CUBES_MAX = 512
/** Steps of lineage that a revocation follows. */
export const MIP_DERIVED_DEPTH_MAX = 8
/** Query of a subscription that is matched with what is published, UTF-16 units. */
export const MIP_FILTER_QUERY_LENGTH_MAX = 1000
/** Entries that were signed elsewhere, of one request. */
export const MIP_ENTRIES_PER_CALL_MAX = 64
/** Text of one signed entry or delegation in a request, base64url characters. */
export const MIP_WIRE_TEXT_LENGTH_MAX = 6144
/** Cubes that one request publishes or revokes. */
export const MIP_PUBLISH_CUBES_MAX = 500
/** Entries that one batch of the database appends. */
export const MIP_APPEND_BATCH_MAX = 100
/** Bytes of the objects that one batch of the database brings with its entries. */
export const MIP_APPEND_BATCH_BYTES_MAX = 4 * 1024 * 1024
/** Attempts to append where another publisher was faster. */
export const MIP_APPEND_ATTEMPTS_MAX = 32
/** Longest pause before such an attempt; each is random, so that of those who race one gets ahead. */
export const MIP_APPEND_PAUSE_MS_MAX = 200
/** Peers and replicas that are asked for our own head before the first entry after a start. */
export const MIP_OWN_HEAD_PEERS_MAX = 16
/** How long one hello of a deployment stands; its cost grows with the number of organisations. */
export const MIP_HELLO_KEPT_MS = 1000
/** Calls that one address makes to the HTTP twin in a minute; a follower asks for objects one by one. */
export const MIP_HTTP_CALLS_PER_MINUTE_MAX = 60_000
/** Longest time that a question for the end of a log waits for a new entry. */
export const MIP_TAIL_MS_MAX = 25_000
/** Time between two looks at a log for those who wait for its next entry. */
export const MIP_TAIL_LOOK_MS = 500
/** One frame of a tail over a WebSocket, bytes: a hint and what it hints at. */
export const MIP_TAIL_FRAME_BYTES_MAX = 32 * 1024
/** Entries of one frame of a tail. */
export const MIP_TAIL_FRAME_ENTRIES_MAX = 8
/** Frames that a reader of a tail has not said to have read before it is cut off. */
export const MIP_TAIL_FRAMES_WAITING_MAX = 16
/** Time between two pings of a tail; whoever answers none is gone after the next. */
export const MIP_TAIL_PING_MS = 30_000
/** Until a tail on Workers that stood open and ended is opened again. */
export const MIP_TAIL_RETRY_MS = 1000
/** Tails that one deployment keeps open to publishers that it follows. */
export const MIP_TAILS_KEPT_MAX = 64
/** Tails that one process, or one log on Workers, holds open; more are refused. */
export const MIP_TAILS_MAX = 512
/** Time between two head beacons of a log to which nothing has been added for MIP_HEAD_BEACON_ACTIVE_MS. */
export const MIP_HEAD_BEACON_IDLE_MS = 60_000
/** So long after an entry the head of its log is sent every MIP_HEAD_BEACON_MS. */
export const MIP_HEAD_BEACON_ACTIVE_MS = 60_000
/** Logs without news whose heads one round of idle beacons sends; the next round goes on with others. */
export const MIP_HEAD_BEACON_IDLE_LOGS_MAX = 4
/** Publishers and logs whose newest head beacon is remembered. */
export const MIP_HEADS_HEARD_MAX = 4096
/** Peers of the configuration that are called and kept. */
export const MIP_PEERS_CONFIGURED_MAX = 32
/** Time between two attempts to reach the peers of the configuration. */
export const MIP_REDIAL_MS = 30_000
/** A peer that runs on demand stops so long after its last connection has closed. */
export const MIP_PEER_LINGER_MS = 30_000
/** So long a process that stops says goodbye to its peers. */
export const MIP_PEER_STOP_MS_MAX = 1500
/** Of these, tails of one address: nobody takes the places of all others. */
export const MIP_TAILS_PER_ADDRESS_MAX = 64

expectRelation(CONTENT_INLINE_BYTES_MAX * 2 <= MIP_OBJECT_BYTES_MAX, 'inline text fits its object')
expectRelation(MIP_MANIFEST_PAGE_HASHES * 32 + 256 <= MIP_OBJECT_BYTES_MAX, 'a page of hashes fits its object')
expectRelation(
  (MIP_BLOB_CHUNKS_MAX / MIP_MANIFEST_PAGE_HASHES + 1) * 41 + 256 <= MIP_OBJECT_BYTES_MAX,
  'a manifest of the largest blob has its pages in one object',
)
expectRelation(MIP_CHUNK_BYTES_MAX <= MIP_BLOB_SEGMENT_BYTES, 'a chunk is written as soon as it fills a segment')
expectRelation(MIP_BLOB_BYTES_MAX <= R2_PART_BYTES * 10_000, 'the largest blob is one upload to R2')
expectRelation(MIP_BLOB_REQUEST_CHUNKS_MAX * 2 <= MIP_BLOB_WINDOW_CHUNKS_MAX, 'a request is made while one is served')
expectRelation(MIP_LOG_PAGE_BYTES_MAX * 2 <= MIP_FRAME_BYTES_MAX, 'a page of a log fits a frame')
expectRelation(
  MIP_LOG_PAGE_ENTRIES_MAX * (MIP_ENTRY_BYTES_MAX + 128) <= MIP_LOG_PAGE_BYTES_MAX,
  'a page of the largest entries is within its bytes',
)
expectRelation(MIP_OBJECTS_FRAME_BYTES_MAX + MIP_OBJECT_BYTES_MAX <= MIP_FRAME_BYTES_MAX, 'objects fit a frame')
expectRelation(
  MIP_WIRE_TEXT_LENGTH_MAX >= Math.ceil((MIP_ENTRY_BYTES_MAX + 128) / 3) * 4,
  'the largest entry fits its text',
)
