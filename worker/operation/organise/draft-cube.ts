import { base64url } from 'multiformats/bases/base64'
import { encodeRevision } from '../../../protocol/core/revision.ts'
import { toCanonicalText, utf8Length } from '../../../schemas/canonical-text.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { isoOf, isTooFarAhead, momentMs } from '../../../schemas/common.ts'
import type { CreateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { ulid } from '../../../schemas/ulid.ts'
import type { IndexedText, NewCube } from '../../ports/vault-write.ts'
import { labelsOf, sensitivityOf } from '../governance/sensitive.ts'
import { ANALYSER_VERSION } from '../retrieval/analyse.ts'
import { indexDocument } from '../retrieval/document.ts'
import { placeText } from './place-text.ts'

const SALT_BYTES = 16

export interface DraftContext {
  nowMs: number
  randomBytes(length: number): Uint8Array
  /** Id of the key that writes. */
  author: string
}

/** A cube ready to be stored, and the blobs that must be stored before it. */
export interface Draft {
  cube: NewCube
  blobs: { cid: Cid; bytes: Uint8Array }[]
}

export interface IndexSource {
  content: string
  title: string | null
  speaker: string | null
  role: string | null
  saidAtMs: number
}

/** Term that every document of a speaker carries; the analyser never makes one with `@`, so it cannot be spoken. */
export const speakerTerm = (speaker: string): string => `@${speaker.toLowerCase()}`
/** Term that marks an assistant's turn: namespaces that hold one are conversations with an assistant. */
export const ASSISTANT_TERM = '@@assistant'

/** Everything that a cube says in words. */
export const textOf = (title: string | null, content: string): string =>
  title === null ? content : `${title}\n${content}`

/** What the inverted index holds of a text: who and when in front, then title and text. */
export function indexText({ content, title, speaker, role, saidAtMs }: IndexSource): IndexedText {
  const { terms, length, features } = indexDocument({
    text: textOf(title, content),
    speaker,
    role,
    date: isoOf(saidAtMs),
  })
  const counts: [string, number][] = [...terms]
  if (speaker !== null) counts.push([speakerTerm(speaker), 1])
  if (role === 'assistant') counts.push([ASSISTANT_TERM, 1])
  return { terms: counts, length, features }
}

/**
 * Makes the first revision and the local record of a cube.
 * @throws MemosError invalid_request, invalid_revision naming the field
 */
export function draftCube(input: CreateCube, context: DraftContext): Draft {
  const { nowMs } = context
  if (input.saidAt !== undefined && isTooFarAhead(input.saidAt, nowMs)) {
    throw new MemosError('invalid_request', { field: 'saidAt', expected: 'a time that is not in the future' })
  }
  const content = toCanonicalText(input.content)
  const saidAtMs = input.saidAt === undefined ? nowMs : momentMs(input.saidAt)
  const cubeId = ulid(nowMs, context.randomBytes)
  const placed = placeText(content)
  const text: Rendition = {
    kind: 'text',
    mime: 'text/plain',
    ...placed.rendition,
    messages: [
      {
        startByte: 0,
        saidAtMs,
        ...(input.role === undefined ? {} : { role: input.role }),
        ...(input.speaker === undefined ? {} : { speaker: toCanonicalText(input.speaker) }),
      },
    ],
  }
  const revision: Revision = {
    v: 1,
    cubeId,
    number: 1,
    prev: null,
    ...(input.title === undefined ? {} : { title: toCanonicalText(input.title) }),
    semanticType: input.semanticType,
    memoryType: input.memoryType,
    tags: [...new Set(input.tags.map(toCanonicalText))],
    ...(input.language === undefined ? {} : { language: input.language }),
    renditions: [text, ...(input.renditions ?? [])],
    lineage: input.lineage ?? [],
    ...validityOf(input.validFrom, input.validTo),
    createdAtMs: nowMs,
    salt: base64url.baseEncode(context.randomBytes(SALT_BYTES)),
  }
  const blobs = placed.blob === null ? [] : [placed.blob]
  return { cube: assemble(revision, content, input, { saidAtMs, ...context }), blobs }
}

/** @throws MemosError invalid_request: an end before the beginning */
export function validityOf(
  validFrom: CreateCube['validFrom'] | null,
  validTo: CreateCube['validTo'] | null,
): Pick<Revision, 'validFromMs' | 'validToMs'> {
  const fromMs = validFrom === undefined || validFrom === null ? undefined : momentMs(validFrom)
  const toMs = validTo === undefined || validTo === null ? undefined : momentMs(validTo)
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw new MemosError('invalid_request', { field: 'validTo', expected: 'a time after validFrom' })
  return {
    ...(fromMs === undefined ? {} : { validFromMs: fromMs }),
    ...(toMs === undefined ? {} : { validToMs: toMs }),
  }
}

function assemble(
  revision: Revision,
  content: string,
  input: CreateCube,
  context: DraftContext & { saidAtMs: number },
): NewCube {
  const { nowMs, saidAtMs, author } = context
  const { cid, bytes } = encodeRevision(revision)
  const speaker = input.speaker === undefined ? null : toCanonicalText(input.speaker)
  const role = input.role ?? null
  const title = revision.title ?? null
  const text = indexText({ content, title, speaker, role, saidAtMs })
  const labels = labelsOf(textOf(title, content))
  const expiresAtMs = input.expiresAt === undefined ? null : momentMs(input.expiresAt)
  if (expiresAtMs !== null && expiresAtMs <= nowMs)
    throw new MemosError('invalid_request', { field: 'expiresAt', expected: 'a time in the future' })
  return {
    record: {
      cubeId: revision.cubeId,
      revision: 1,
      cid,
      state: 'generated',
      memoryType: revision.memoryType,
      semanticType: revision.semanticType,
      title,
      speaker,
      role,
      saidAtMs,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      expiresAtMs,
      priority: input.priority,
      sensitivity: sensitivityOf(input.sensitivity, labels),
      originKind: input.origin.kind,
      originRef: input.origin.ref ?? null,
      provenanceId: revision.cubeId,
      tags: revision.tags,
      metadata: input.metadata,
      features: text.features,
      termCount: text.length,
      analyser: ANALYSER_VERSION,
      contentBytes: utf8Length(content),
      validFromMs: revision.validFromMs ?? null,
      validToMs: revision.validToMs ?? null,
      labels,
    },
    revision: { number: 1, bytes: bytes as Buffer, mode: 'create', author, createdAtMs: nowMs },
    text,
    session: input.session ?? null,
  }
}
