/**
 * Every error a caller can meet. Clients switch on `code`; the text may change. HTTP status is decided here once (RFC 9457 problem details).
 * A message names the field and what was expected; it never carries memory content.
 */
export const ERROR_CODES = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_encoding: { status: 400, title: 'The body is not valid UTF-8' },
  invalid_cursor: { status: 400, title: 'The cursor does not belong to this list' },
  invalid_vector: { status: 400, title: 'The vector is not usable' },
  invalid_archive: { status: 400, title: 'The archive is not valid' },
  context_overflow: { status: 400, title: 'The prompt is longer than the model takes' },
  invalid_revision: { status: 400, title: 'The revision bytes are not valid' },
  unauthenticated: { status: 401, title: 'A valid API key is needed' },
  forbidden: { status: 403, title: 'The key may not do this' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  revision_conflict: { status: 409, title: 'The cube has changed since the expected revision' },
  already_exists: { status: 409, title: 'It already exists' },
  idempotency_conflict: { status: 409, title: 'The idempotency key was used with another request' },
  idempotency_in_progress: { status: 409, title: 'A request with this idempotency key is still running' },
  merge_conflict: { status: 409, title: 'Branch and namespace changed the same in different ways' },
  branch_closed: { status: 409, title: 'The branch has been merged' },
  cube_frozen: { status: 409, title: 'The cube is frozen' },
  cube_archived: { status: 409, title: 'The cube is archived; restore it first' },
  invalid_transition: { status: 409, title: 'The cube is in a state that does not allow this' },
  no_identity: { status: 409, title: 'The organisation has no identity yet' },
  mip_refused: { status: 409, title: 'The rules of the interchange protocol refuse it' },
  log_behind: { status: 409, title: 'Peers have more of this log than this database' },
  log_busy: { status: 409, title: 'Others keep appending to this log' },
  organisation_moving: { status: 409, title: 'The organisation is being moved; writes resume in a moment' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  revision_purged: { status: 410, title: 'The revision has been purged' },
  precondition_failed: { status: 412, title: 'The ETag does not match' },
  too_much_changed: { status: 422, title: 'More has changed than one request can take' },
  rate_limited: { status: 429, title: 'Too many requests' },
  quota_exceeded: { status: 429, title: 'The quota is used up' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  peer_failed: { status: 502, title: 'No peer gave a usable answer' },
  node_failed: { status: 502, title: 'No GPU node gave a usable answer' },
  embedder_failed: { status: 502, title: 'The embedding model did not answer' },
  database_busy: { status: 503, title: 'The database is busy' },
  no_model_available: { status: 503, title: 'No connected GPU node has this model' },
  no_node_free: { status: 503, title: 'Every GPU node with this model is busy' },
  publishing_off: { status: 503, title: 'This deployment has no peer key' },
  overloaded: { status: 503, title: 'Too many requests are being served' },
  storage_full: { status: 507, title: 'The storage is full' },
  blob_missing: { status: 500, title: 'A stored payload is missing' },
  data_corrupt: { status: 500, title: 'Stored data does not match its checksum' },
  deadline_exceeded: { status: 504, title: 'The request took too long' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof ERROR_CODES

export interface ErrorFacts {
  /** Path of the field at fault, in the request's own names (`messages.3.content`). */
  field?: string
  /** What would have been accepted. */
  expected?: string
  /** One sentence for a person; no memory content. */
  detail?: string
  /** Seconds after which a retry makes sense (429, 503). */
  retryAfterS?: number
  /** Code of the protocol that says why (mip_refused). */
  reason?: string
  /** What a merge could not decide. */
  conflicts?: readonly { cubeId: string; field: string }[]
}

/** The one error class of the API. Anything else that reaches the door becomes `internal`. */
export class MemosError extends Error {
  override name = 'MemosError'
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(facts.detail ?? describe(code, facts), options)
    this.code = code
    this.facts = facts
  }

  get status(): number {
    return ERROR_CODES[this.code].status
  }
}

const describe = (code: ErrorCode, { field, expected }: ErrorFacts) =>
  field === undefined
    ? ERROR_CODES[code].title
    : `${ERROR_CODES[code].title}: "${field}"${expected ? ` expected ${expected}` : ''}`
