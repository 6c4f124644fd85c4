import { toCanonicalText, utf8Length } from '../../../schemas/canonical-text.ts'
import type { Metadata } from '../../../schemas/common.ts'
import type { LifecycleState } from '../../../schemas/lifecycle.ts'
import {
  CONTENT_BYTES_MAX,
  METADATA_BYTES_MAX,
  METADATA_KEYS_MAX,
  METADATA_VALUE_LENGTH_MAX,
  NAME_LENGTH_MAX,
  TAG_LENGTH_MAX,
  TAGS_MAX,
  TITLE_LENGTH_MAX,
} from '../../../schemas/limits.ts'
import { TimestampMs } from '../../../schemas/timestamp.ts'
import { type PRIORITIES, ROLES, type Role } from '../../../schemas/vocabulary.ts'
import type { SkipReason } from './import-report.ts'

/** A memory of another system, as far as it has a place in ours. */
export interface ForeignMemory {
  line: number
  /** Id at the source; null when it gives none. */
  id: string | null
  content: string
  title: string | null
  semanticType: string
  tags: string[]
  session: string | null
  speaker: string | null
  role: Role | null
  saidAtMs: number | null
  createdAtMs: number | null
  updatedAtMs: number | null
  expiresAtMs: number | null
  state: LifecycleState
  metadata: Metadata
  /** What the source says about itself, where that is not the id. */
  originRef?: string
  priority?: (typeof PRIORITIES)[number]
  /** Use at the source; it goes on being counted here. */
  use?: { count: number; lastMs: number }
}

export type ForeignItem = { memory: ForeignMemory } | { line: number; reason: SkipReason }

type Fields = Record<string, unknown>

/** Numbers below are seconds since 1970 (until the year 5138), the others milliseconds (from 1973). */
const SECONDS_BELOW = 1e11
const SEMANTIC_TYPE = /^[a-z][a-z0-9_]{0,63}$/
const CONTROL = /[\p{Cc}\p{Cs}]+/gu

/** One entry of MemOS' `textual_memory.json`: `{id, memory, metadata}`. Vectors are left behind: another model may be in use here. */
export function fromTextual(item: unknown, line: number): ForeignItem {
  const { id, memory, metadata } = fieldsOf(item)
  const {
    user_id,
    session_id,
    status,
    type,
    key,
    confidence,
    source,
    tags,
    visibility,
    updated_at,
    created_at,
    memory_time,
    ...rest
  } = fieldsOf(metadata)
  const facts = { ...rest, user_id, status, confidence, source, visibility }
  return accept(line, status === 'deleted', memory, {
    id: nameOf(id),
    title: lineOf(key, TITLE_LENGTH_MAX),
    semanticType: snakeCase(type),
    tags: tagsOf(tags),
    session: lineOf(session_id, NAME_LENGTH_MAX),
    speaker: null,
    role: null,
    saidAtMs: msOf(memory_time) ?? msOf(updated_at),
    createdAtMs: msOf(created_at) ?? msOf(updated_at),
    updatedAtMs: msOf(updated_at),
    expiresAtMs: null,
    state: status === 'archived' ? 'archived' : status === 'activated' ? 'activated' : 'generated',
    metadata: metadataOf(facts),
  })
}

/** One memory as mem0 answers or exports it. */
export function fromMem0(item: unknown, line: number): ForeignItem {
  const {
    id,
    memory,
    text,
    user_id,
    agent_id,
    app_id,
    run_id,
    session_id,
    actor_id,
    role,
    metadata,
    categories,
    created_at,
    updated_at,
    expiration_date,
  } = fieldsOf(item)
  return accept(line, false, memory ?? text, {
    id: nameOf(id),
    title: null,
    semanticType: 'fact',
    tags: tagsOf(categories),
    session: lineOf(run_id ?? session_id, NAME_LENGTH_MAX),
    speaker: lineOf(actor_id, NAME_LENGTH_MAX),
    role: ROLES.find((one) => one === role) ?? null,
    saidAtMs: msOf(created_at),
    createdAtMs: msOf(created_at),
    updatedAtMs: msOf(updated_at) ?? msOf(created_at),
    expiresAtMs: msOf(expiration_date),
    state: 'generated',
    metadata: metadataOf({ ...fieldsOf(metadata), user_id, agent_id, app_id }),
  })
}

/** A memory with the rest of its facts, or why there is none. */
export function accept(
  line: number,
  isDeleted: boolean,
  text: unknown,
  facts: Omit<ForeignMemory, 'line' | 'content'>,
): ForeignItem {
  if (isDeleted) return { line, reason: 'deleted_at_source' }
  if (typeof text !== 'string' || text.trim() === '') return { line, reason: 'no_text' }
  const content = toCanonicalText(text)
  return utf8Length(content) > CONTENT_BYTES_MAX
    ? { line, reason: 'text_too_long' }
    : { memory: { line, content, ...facts } }
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

/** Text on one line, cut to its limit; null when nothing is left. */
function lineOf(value: unknown, lengthMax: number): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null
  const text = toCanonicalText(String(value)).replace(CONTROL, ' ').trim().slice(0, lengthMax).toWellFormed()
  return text === '' ? null : text
}

const nameOf = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : null

const tagsOf = (value: unknown): string[] =>
  Array.isArray(value)
    ? [...new Set(value.map((tag) => lineOf(tag, TAG_LENGTH_MAX)).filter((tag) => tag !== null))].slice(0, TAGS_MAX)
    : []

/** `LongTermMemory` -> `long_term_memory`; `fact` when it cannot be said that way. */
function snakeCase(value: unknown): string {
  if (typeof value !== 'string') return 'fact'
  const word = value
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()
  return SEMANTIC_TYPE.test(word) ? word : 'fact'
}

/** ISO 8601 with or without offset (then UTC), or seconds or milliseconds since 1970. */
function msOf(value: unknown): number | null {
  if (typeof value === 'number') {
    const ms = TimestampMs.safeParse(Math.trunc(Math.abs(value) < SECONDS_BELOW ? value * 1000 : value))
    return ms.data ?? null
  }
  if (typeof value !== 'string' || !/^\d{4}-\d{2}/.test(value)) return null
  const text = value.replace(/^(\d{4}-\d{2}-\d{2}) /, '$1T')
  const hasOffset = !text.includes('T') || /(?:Z|[+-]\d{2}:?\d{2})$/.test(text)
  const ms = Date.parse(hasOffset ? text : `${text}Z`)
  return Number.isNaN(ms) ? null : ms
}

/** What fits our flat metadata: scalars as they are, lists and objects as JSON while they are short. */
export function metadataOf(fields: Fields): Metadata {
  const entries: [string, string | number | boolean][] = []
  let bytes = 2
  for (const [name, value] of Object.entries(fields)) {
    const key = name
      .replace(/[^A-Za-z0-9_]+/g, '_')
      .replace(/^(?=\d)/, '_')
      .slice(0, 64)
    const kept = scalarOf(value)
    if (kept === null || key === '' || name === 'embedding' || entries.length === METADATA_KEYS_MAX) continue
    bytes += utf8Length(JSON.stringify([key, kept]))
    if (bytes > METADATA_BYTES_MAX) break
    entries.push([key, kept])
  }
  return Object.fromEntries(entries)
}

function scalarOf(value: unknown): string | number | boolean | null {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value === 'string')
    return value === '' ? null : toCanonicalText(value).slice(0, METADATA_VALUE_LENGTH_MAX).toWellFormed()
  if (typeof value !== 'object' || value === null) return null
  const text = toCanonicalText(JSON.stringify(value))
  return text.length > METADATA_VALUE_LENGTH_MAX || text === '[]' || text === '{}' ? null : text
}
