import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as limits from '../../schemas/limits.ts'
import * as mipLimits from '../../schemas/limits-mip.ts'
import * as nodeLimits from '../../schemas/limits-nodes.ts'

const SOURCES = ['limits.ts', 'limits-mip.ts', 'limits-nodes.ts']
const DOCUMENTED_CONSTANT = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export const ([A-Z][A-Z0-9_]*)\b/g

interface LimitRow {
  name: string
  /** The value for people. */
  text: string
  value: unknown
  comment: string
}

/** The constants of schemas/limits.ts in their order that pass the filter, each with the comment above it. */
export async function limitRows(isWanted: (name: string) => boolean = () => true): Promise<LimitRow[]> {
  const comments = new Map<string, string>()
  const sources = await Promise.all(
    SOURCES.map((name) => readFile(join(import.meta.dirname, '../../schemas', name), 'utf8')),
  )
  for (const [, comment = '', name = ''] of sources.join('').matchAll(DOCUMENTED_CONSTANT)) {
    comments.set(
      name,
      comment
        .replace(/\n\s*\*/g, ' ')
        .replace(/\s+/g, ' ')
        .replaceAll('|', '\\|')
        .trim(),
    )
  }
  const values: Record<string, unknown> = { ...limits, ...mipLimits, ...nodeLimits }
  const bare = Object.keys(values).filter((name) => !comments.has(name) && typeof values[name] === 'number')
  if (bare.length > 0)
    throw new Error(`schemas/limits.ts: a comment above each limit is its documentation; missing: ${bare}`)
  return [...comments]
    .filter(([name]) => isWanted(name))
    .map(([name, comment]) => ({ name, text: formatLimit(name, values[name]), value: values[name], comment }))
}

/** LIMITS.md: every constant of schemas/limits.ts in its order, with the value for people and the comment above it. */
export async function renderLimits(): Promise<string> {
  const rows = await limitRows()
  return [
    '# Limits',
    '',
    'Generated from schemas/limits.ts by `npm run generate`. A request over a limit of the API is refused with an error that names the field; limits of work, memory and waiting say here what happens beyond them.',
    '',
    '| Limit | Value | What it bounds |',
    '|---|---|---|',
    ...rows.map(({ name, text, comment }) => `| \`${name}\` | ${text} | ${comment} |`),
    '',
  ].join('\n')
}

/** The unit is part of the name (`_BYTES`, `_MS`); anything else is a plain number. */
export function formatLimit(name: string, value: unknown): string {
  if (typeof value !== 'number') return `\`${JSON.stringify(value)}\``
  if (/_BYTES(_|$)/.test(name))
    return inLargestUnit(value, [
      [1024 ** 3, 'GiB'],
      [1024 ** 2, 'MiB'],
      [1024, 'KiB'],
      [1, 'bytes'],
    ])
  if (/_MS(_|$)/.test(name))
    return inLargestUnit(value, [
      [86_400_000, 'd'],
      [3_600_000, 'h'],
      [60_000, 'min'],
      [1000, 's'],
      [1, 'ms'],
    ])
  return value.toLocaleString('en-US')
}

/** The largest unit that gives a whole number: 1,000,000 bytes stay bytes, 8,388,608 become 8 MiB. */
function inLargestUnit(value: number, units: [size: number, unit: string][]): string {
  const [size, unit] = units.find(([size]) => value >= size && value % size === 0) ?? [1, units.at(-1)?.[1]]
  return `${(value / size).toLocaleString('en-US')} ${unit}`
}
