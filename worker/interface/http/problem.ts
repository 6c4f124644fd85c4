import type { z } from 'zod'
import { ERROR_CODES, MemosError } from '../../../schemas/errors.ts'

/** RFC 9457 problem details with a stable code. Never memory content, never a stack. */
export function problemResponse(error: MemosError, requestId: string): Response {
  const { status, code, facts } = error
  const body = {
    type: `https://memos-edge.dev/errors/${code}`,
    code,
    title: ERROR_CODES[code].title,
    status,
    detail: error.message,
    ...(facts.field === undefined ? {} : { field: facts.field }),
    ...(facts.expected === undefined ? {} : { expected: facts.expected }),
    ...(facts.reason === undefined ? {} : { reason: facts.reason }),
    ...(facts.conflicts === undefined ? {} : { conflicts: facts.conflicts }),
    requestId,
  }
  const headers = new Headers({ 'content-type': 'application/problem+json' })
  if (facts.retryAfterS !== undefined) headers.set('retry-after', String(Math.max(1, Math.ceil(facts.retryAfterS))))
  if (status === 401) headers.set('www-authenticate', 'Bearer')
  return new Response(JSON.stringify(body), { status, headers })
}

/** The first thing that is wrong with an input, as an error that names the field and what was expected. */
export function validationError(error: z.ZodError, prefix = ''): MemosError {
  const issue = deepest(error.issues[0])
  const path = [prefix, ...issue.path.map(String)].filter((part) => part !== '').join('.')
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const field = [path, unknown].filter((part) => part !== undefined && part !== '').join('.') || 'body'
  return new MemosError('invalid_request', {
    field,
    expected: unknown === undefined ? expectation(issue) : 'a known field',
  })
}

type Issue = z.core.$ZodIssue

// A union reports one failure a branch; the branch that got furthest is the one the caller meant.
function deepest(issue: Issue | undefined): Issue {
  if (issue === undefined) throw new TypeError('"error" expected at least one issue')
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue
  const branches = issue.errors.flatMap((branch) => (branch[0] === undefined ? [] : [deepest(branch[0])]))
  const furthest = branches.sort((a, b) => b.path.length - a.path.length)[0]
  return furthest === undefined || furthest.path.length === 0
    ? { ...issue, message: expectedOf(branches) }
    : { ...furthest, path: [...issue.path, ...furthest.path] }
}

const expectedOf = (branches: readonly Issue[]): string => [...new Set(branches.map(expectation))].join(' or ')

const expectation = (issue: Issue): string => {
  if (issue.code === 'invalid_type') return issue.expected
  if (issue.code === 'too_big')
    return `${issue.inclusive === false ? 'less than' : 'at most'} ${amount(issue.origin, issue.maximum)}`
  if (issue.code === 'too_small')
    return `${issue.inclusive === false ? 'more than' : 'at least'} ${amount(issue.origin, issue.minimum)}`
  if (issue.code === 'invalid_format') return FORMATS[issue.format] ?? told(issue.message)
  if (issue.code === 'invalid_value') return `one of ${issue.values.join(', ')}`
  return told(issue.message)
}

/** What a schema says was expected: some say so with the word itself, as their errors also stand alone. */
const told = (message: string): string => message.replace(/^expected /, '')

const UNITS: Record<string, string> = { string: 'character', array: 'item' }

function amount(origin: string, count: number | bigint): string {
  const unit = UNITS[origin]
  return unit === undefined ? String(count) : `${count} ${unit}${Number(count) === 1 ? '' : 's'}`
}

/** What formats are called when zod names only itself. */
const FORMATS: Record<string, string> = {
  datetime: 'an ISO 8601 time with an offset (2026-03-05T09:30:00Z)',
  ulid: 'a ULID',
  url: 'a URL',
}
