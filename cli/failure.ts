import { MemosApiError, MemosConnectionError } from '../sdk/errors.ts'

/** Exit codes of `memos`. */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const

/** A command cannot go on for a reason of its own. `next` says what to do about it. */
export class CliError extends Error {
  override name = 'CliError'
  readonly next: string | undefined
  readonly exitCode: number

  constructor(message: string, { next, exitCode = EXIT.failed }: { next?: string; exitCode?: number } = {}) {
    super(message)
    this.next = next
    this.exitCode = exitCode
  }
}

/** What a person or a program is told about a failure. */
export interface Failure {
  code: string
  message: string
  exitCode: number
  field?: string | undefined
  expected?: string | undefined
  requestId?: string | undefined
  conflicts?: readonly { cubeId: string; field: string }[] | undefined
  next?: string | undefined
}

const NEXT_STEPS: Readonly<Record<string, string>> = {
  unauthenticated:
    'Give a valid key with --key or MEMOS_KEY. The root key of a local server is in MEMOS_HOME/root.key.',
  forbidden: 'Use a key with the scope that is named, or create one: memos keys create NAME --scope SCOPE',
  not_found: 'Check the name or id. What the key may not see looks the same as what does not exist.',
  already_exists: 'Choose another name, or use what exists.',
  payload_too_large: 'Send less at once; LIMITS.md lists the limits.',
  rate_limited: 'Wait a moment, or create a key with a higher --rate.',
  merge_conflict: 'Settle them on the branch, or let a side decide: memos branch merge NAME --strategy ours|theirs',
  revision_purged: 'List what is kept: memos cube revisions ID',
  too_much_changed: 'Nothing was written. Name a nearer point, or change less at once.',
  quota_exceeded: 'Delete memories that are no longer needed, or raise the quota of the organisation.',
  storage_full: 'Free disk space on the server; memos doctor shows how much is left.',
  invalid_archive: 'Check the file and --format (memos, memos-textual, mem0, short-paper).',
  database_busy: 'Try again in a moment.',
  publishing_off: 'Set MEMOS_PEER_KEY on the server (openssl rand -hex 32).',
  no_identity: 'Give the organisation one: memos org init --key-file FILE',
  mip_refused: 'See memos org show: has the right to publish ended? memos org delegate renews it.',
  log_behind: 'Restore a newer backup; a log that forks is followed by nobody.',
  internal: 'Look for the request id in the log of the server.',
  unexpected_answer: 'Check --url: something else than a MemOS Edge server seems to answer there.',
}

export function failureOf(error: unknown): Failure {
  if (error instanceof MemosApiError) {
    const { code, detail, field, expected, requestId, conflicts } = error
    return {
      code,
      message: detail,
      exitCode: EXIT.failed,
      field,
      expected,
      requestId,
      conflicts,
      next: NEXT_STEPS[code],
    }
  }
  if (error instanceof MemosConnectionError) {
    const next = error.isTimeout
      ? 'The server is slow or stuck; memos doctor looks closer.'
      : 'Start a server with memos start, or name another one with --url or MEMOS_URL.'
    return {
      code: error.isTimeout ? 'timeout' : 'unreachable',
      message: error.message,
      exitCode: EXIT.unreachable,
      next,
    }
  }
  if (error instanceof CliError)
    return {
      code: error.exitCode === EXIT.usage ? 'usage' : 'failed',
      message: error.message,
      exitCode: error.exitCode,
      next: error.next,
    }
  return { code: 'failed', message: error instanceof Error ? error.message : String(error), exitCode: EXIT.failed }
}

export function describeFailure({ code, message, field, expected, requestId, conflicts = [], next }: Failure): string {
  const facts = Object.entries({ code, field, expected, request: requestId }).filter(([, value]) => value !== undefined)
  const lines = [`error: ${message}`, `  ${facts.map(([name, value]) => `${name}: ${value}`).join('   ')}`]
  lines.push(...conflicts.map((conflict) => `  ${conflict.field} of ${conflict.cubeId}`))
  if (next !== undefined) lines.push(`  next: ${next}`)
  return `${lines.join('\n')}\n`
}
