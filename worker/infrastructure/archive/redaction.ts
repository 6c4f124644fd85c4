import { sha256 } from '@noble/hashes/sha2.js'
import { encodeRevision, saltText } from '../../../protocol/core/revision.ts'
import { toCanonicalText } from '../../../schemas/canonical-text.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import {
  METADATA_VALUE_LENGTH_MAX,
  NAME_LENGTH_MAX,
  REFERENCE_LENGTH_MAX,
  TAG_LENGTH_MAX,
  TITLE_LENGTH_MAX,
} from '../../../schemas/limits.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { ArchiveRecord } from './archive-format.ts'
import type { Organise } from './organise.ts'

/** Text without what identifies people. */
export type Redactor = (text: string) => string

const CONTENT_MASK = '[redacted]'
const SALT_BYTES = 16
const FIELD = /^(?:speaker|title|content|patterns|metadata\.[A-Za-z_][A-Za-z0-9_]{0,63})$/

const utf8 = new TextEncoder()

/** What an export blanks: names in order. */
export interface Redaction {
  names: readonly string[]
  clean: Redactor
  /** What every text that goes out is marked with; null for none. */
  mark: Redactor | null
}

export interface RedactionSource {
  cubeId: string
  cid: string
  revision: Revision
  content: string | null
  record: ArchiveRecord
}

/** What goes out instead of a cube. */
export interface RedactedCube {
  cubeId: string
  record: ArchiveRecord
  /** A new revision when something signed changed; null when the stored one may go out as it is. */
  fresh: { cid: Cid; bytes: Uint8Array; view: Revision; blob: { cid: Cid; bytes: Uint8Array } | null } | null
  redacted: string[]
}

/** @throws MemosError invalid_request naming `redact` */
export function parseRedaction(
  text: string | undefined,
  redactor: Redactor,
  mark: Redactor | null = null,
): Redaction | null {
  const names = [...new Set((text ?? '').split(',').map((name) => name.trim()))].filter((name) => name !== '').sort()
  if (names.length === 0 && mark === null) return null
  const unknown = names.find((name) => !FIELD.test(name))
  if (unknown !== undefined)
    throw new MemosError('invalid_request', {
      field: 'redact',
      expected: 'a list of speaker, title, content, patterns, metadata.KEY',
    })
  return { names, mark, clean: names.includes('patterns') ? redactor : (part) => part }
}

/**
 * A cube without what the redaction names; null when that cannot be said of it (tensors without a text to look at). Signed bytes cannot be
 * altered, so where something signed changes, a copy takes the cube's place: a new cube, derived from the original and saying so in its
 * lineage, with an id and a salt that follow from the original, so that the same export gives the same bytes.
 */
export function redactCube(
  source: RedactionSource,
  redaction: Redaction,
  { placeText }: Pick<Organise, 'placeText'>,
): RedactedCube | null {
  const { record, redacted } = redactRecord(source.record, redaction)
  const content = redactContent(source.content, redaction)
  if (content === undefined) return null
  const textChanged = content !== source.content
  const signedChanged = textChanged || ['speaker', 'title', 'tags'].some((name) => redacted.includes(name))
  const marks = textChanged ? ['content', ...redacted] : redacted
  if (!signedChanged) return { cubeId: source.cubeId, record, fresh: null, redacted: marks }
  const placed = textChanged ? placeText(content ?? '') : null
  const view = copyOf(source, record, redaction, placed?.rendition ?? null)
  const { cid, bytes } = encodeRevision(view)
  return {
    cubeId: view.cubeId,
    record: { ...record, memoryType: view.memoryType },
    fresh: { cid, bytes, view, blob: placed?.blob ?? null },
    redacted: marks,
  }
}

function redactContent(content: string | null, { names, clean, mark }: Redaction): string | null | undefined {
  if (content === null) return names.includes('content') || names.includes('patterns') ? undefined : null
  if (names.includes('content')) return CONTENT_MASK
  const cleaned = clean(content)
  return toCanonicalText(mark === null ? cleaned : mark(cleaned))
}

function redactRecord(
  before: ArchiveRecord,
  { names, clean }: Redaction,
): { record: ArchiveRecord; redacted: string[] } {
  const redacted: string[] = []
  const mark = <T>(name: string, old: T, value: T): T => {
    if (JSON.stringify(old) !== JSON.stringify(value)) redacted.push(name)
    return value
  }
  const masked = (text: string | null, lengthMax: number) =>
    text === null ? null : toCanonicalText(clean(text)).slice(0, lengthMax).toWellFormed()
  const blanked = (name: string, text: string | null, lengthMax: number) =>
    names.includes(name) ? null : masked(text, lengthMax)
  const metadata = Object.entries(before.metadata).flatMap(([key, value]) => {
    const kept = typeof value === 'string' ? (masked(value, METADATA_VALUE_LENGTH_MAX) ?? '') : value
    const wanted = names.includes(`metadata.${key}`) ? undefined : kept
    mark(`metadata.${key}`, value as unknown, wanted)
    return wanted === undefined ? [] : [[key, wanted] as const]
  })
  const record: ArchiveRecord = {
    ...before,
    metadata: Object.fromEntries(metadata),
    originRef: mark('originRef', before.originRef, masked(before.originRef, REFERENCE_LENGTH_MAX)),
    session: mark('session', before.session, masked(before.session, NAME_LENGTH_MAX)),
    speaker: mark('speaker', before.speaker, blanked('speaker', before.speaker, NAME_LENGTH_MAX)),
    tags: mark('tags', before.tags, [...new Set(before.tags.map((tag) => masked(tag, TAG_LENGTH_MAX) ?? ''))]),
    title: mark('title', before.title, blanked('title', before.title, TITLE_LENGTH_MAX)),
  }
  return { record, redacted: redacted.sort() }
}

type Place = ReturnType<Organise['placeText']>['rendition']

/** `place` is the new text; null where only facts about it changed. */
function copyOf(
  { revision, cid }: RedactionSource,
  record: ArchiveRecord,
  redaction: Redaction,
  place: Place | null,
): Revision {
  // From the original's own salt: whoever knows both CIDs still cannot guess the text from them.
  const seed = (use: string) =>
    sha256(utf8.encode(`memos-redaction ${use} ${revision.salt} ${redaction.names.join(',')}`))
  const { title: _, ...rest } = revision
  return {
    ...rest,
    cubeId: ulid(record.createdAtMs, (length) => seed('id').subarray(0, length)),
    number: 1,
    prev: null,
    ...(record.title === null ? {} : { title: record.title }),
    memoryType: place === null ? revision.memoryType : 'plaintext',
    tags: record.tags,
    renditions:
      place === null
        ? revision.renditions.map((one) => withSpeaker(one, record.speaker))
        : [newText(revision, place, record.speaker)],
    lineage: [{ cid: cid as Cid, relation: 'derived' }],
    salt: saltText(seed('salt').subarray(0, SALT_BYTES)),
  }
}

type TextRendition = Extract<Rendition, { kind: 'text' }>
type Message = NonNullable<TextRendition['messages']>[number]

/** Only the first message keeps its place when the text changes. Tensors go: they encode the old text. */
function newText(revision: Revision, place: Place, speaker: string | null): TextRendition {
  const old = revision.renditions.find((one): one is TextRendition => one.kind === 'text')
  const { text: _, blob: __, ...facts } = old ?? { kind: 'text', mime: 'text/plain' }
  const messages = old?.messages?.slice(0, 1).map((message) => speakerOf(message, speaker))
  return { ...facts, ...place, ...(messages === undefined ? {} : { messages }) }
}

const withSpeaker = (rendition: Rendition, speaker: string | null): Rendition =>
  rendition.kind !== 'text' || rendition.messages === undefined
    ? rendition
    : { ...rendition, messages: rendition.messages.map((message) => speakerOf(message, speaker)) }

function speakerOf({ speaker: before, ...message }: Message, speaker: string | null): Message {
  return before === undefined || speaker === null ? message : { ...message, speaker }
}
