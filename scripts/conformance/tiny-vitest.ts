/**
 * As much of vitest as the suites of vectors use, for runtimes that vitest does not run on: an older Node and browsers. The bundle of
 * replay.ts has it in place of vitest.
 */

interface Case {
  title: string
  run: () => unknown
}

const cases: Case[] = []
let inside = ''

export function describe(name: string, body: () => void): void {
  const outside = inside
  inside = outside === '' ? name : `${outside} > ${name}`
  body()
  inside = outside
}

export function it(title: string, run: () => unknown): void {
  cases.push({ title: `${inside} > ${title}`, run })
}

export interface ReplayReport {
  passed: number
  failed: string[]
}

/** Runs what was declared, one after the other. */
export async function runCases(): Promise<ReplayReport> {
  const failed: string[] = []
  for (const { title, run } of cases) {
    try {
      await run()
    } catch (error) {
      failed.push(`${title}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { passed: cases.length - failed.length, failed }
}

/** Matches objects that have these fields among others. */
class Containing {
  readonly fields: object

  constructor(fields: object) {
    this.fields = fields
  }
}

function isEqual(found: unknown, expected: unknown): boolean {
  if (expected instanceof Containing)
    return (
      typeof found === 'object' &&
      found !== null &&
      Object.entries(expected.fields).every(([name, value]) => isEqual((found as Record<string, unknown>)[name], value))
    )
  if (Object.is(found, expected)) return true
  if (typeof found !== 'object' || typeof expected !== 'object' || found === null || expected === null) return false
  if (Array.isArray(found) !== Array.isArray(expected)) return false
  const names = new Set([...Object.keys(found), ...Object.keys(expected)])
  return [...names].every((name) =>
    isEqual((found as Record<string, unknown>)[name], (expected as Record<string, unknown>)[name]),
  )
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

const short = (value: unknown) => JSON.stringify(value)?.slice(0, 200)

function matchers(found: unknown) {
  return {
    toBe: (expected: unknown) => check(Object.is(found, expected), `${short(found)} is not ${short(expected)}`),
    toEqual: (expected: unknown) => check(isEqual(found, expected), `${short(found)} is not ${short(expected)}`),
    toHaveLength: (length: number) => check((found as unknown[]).length === length, `not of length ${length}`),
    toThrow: (expected?: unknown) =>
      check(isThrown(found as () => unknown, expected), `did not throw ${short(expected)}`),
  }
}

function isThrown(work: () => unknown, expected: unknown): boolean {
  try {
    work()
  } catch (error) {
    if (typeof expected === 'string') return error instanceof Error && error.message.includes(expected)
    return expected === undefined || isEqual(error, expected)
  }
  return false
}

export function expect(found: unknown) {
  const rejected = async (expected: unknown) => {
    const outcome = await (found as Promise<unknown>).then(
      () => ({ error: undefined }),
      (error: unknown) => ({ error }),
    )
    check(outcome.error !== undefined && isEqual(outcome.error, expected), `rejected with ${String(outcome.error)}`)
  }
  return { ...matchers(found), rejects: { toEqual: rejected, toThrow: rejected } }
}

expect.objectContaining = (fields: object) => new Containing(fields)
expect.unreachable = () => check(false, 'was reached')
