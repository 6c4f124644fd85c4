import type { ErrorCode } from '../schemas/errors.ts'

/** The server answered and said no. Decide by `code`; the texts may change. */
export class MemosApiError extends Error {
  override name = 'MemosApiError'
  /** `unexpected_answer`: no problem details came back, so something else than MemOS Edge probably answered. */
  readonly code: ErrorCode | 'unexpected_answer'
  /** HTTP status. */
  readonly status: number
  /** Path of the field at fault, in the names of the request. */
  readonly field: string | undefined
  /** What that field would have accepted. */
  readonly expected: string | undefined
  /** What a merge could not decide (`merge_conflict`). */
  readonly conflicts: readonly { cubeId: string; field: string }[] | undefined
  readonly detail: string
  /** Finds the request in the logs of the server. */
  readonly requestId: string | undefined
  /** How long the server asked to wait, milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(facts: ApiErrorFacts) {
    super(
      facts.field === undefined || facts.detail.includes(facts.field)
        ? facts.detail
        : `${facts.detail} (${facts.field})`,
    )
    this.code = facts.code
    this.status = facts.status
    this.field = facts.field
    this.expected = facts.expected
    this.conflicts = facts.conflicts
    this.detail = facts.detail
    this.requestId = facts.requestId
    this.retryAfterMs = facts.retryAfterMs
  }
}

export interface ApiErrorFacts {
  code: ErrorCode | 'unexpected_answer'
  status: number
  detail: string
  field?: string | undefined
  expected?: string | undefined
  conflicts?: readonly { cubeId: string; field: string }[] | undefined
  requestId?: string | undefined
  retryAfterMs?: number | undefined
}

/** No usable answer came: the server could not be reached, the connection broke, or the time was up. `cause` says why. */
export class MemosConnectionError extends Error {
  override name = 'MemosConnectionError'
  readonly isTimeout: boolean

  constructor(message: string, { isTimeout, cause }: { isTimeout: boolean; cause: unknown }) {
    super(message, { cause })
    this.isTimeout = isTimeout
  }
}

/** The error that an answer with a status of 400 or above stands for. Reads the body. */
export async function errorOf(response: Response, nowMs: number): Promise<MemosApiError> {
  const text = await response.text().catch(() => '')
  const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), nowMs)
  const requestId = response.headers.get('x-request-id') ?? undefined
  const problem = parseProblem(text)
  const status = response.status
  if (problem === undefined)
    return new MemosApiError({
      code: 'unexpected_answer',
      status,
      detail: `HTTP ${status} without problem details`,
      requestId,
      retryAfterMs,
    })
  return new MemosApiError({ requestId, ...problem, status, retryAfterMs })
}

function parseProblem(text: string): Omit<ApiErrorFacts, 'status'> | undefined {
  try {
    const answer = JSON.parse(text)
    if (typeof answer?.error?.code === 'string') return ofOpenAi(answer.error)
    const problem = answer
    if (typeof problem?.code !== 'string') return undefined
    const { code, title, detail = title ?? code, field, expected, conflicts, requestId } = problem
    return { code, detail, field, expected, conflicts, ...(requestId !== undefined && { requestId }) }
  } catch {
    return undefined // A proxy's HTML page, or nothing.
  }
}

/** The shape in which routes of OpenAI's API refuse. */
const ofOpenAi = ({ code, message, param }: { code: ErrorCode; message?: string; param?: string | null }) => ({
  code,
  detail: message ?? code,
  ...(param != null && { field: param }),
})

/** Retry-After (RFC 9110, 10.2.3): seconds or an HTTP date; undefined when absent or unreadable. */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null) return undefined
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const atMs = Date.parse(value)
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
