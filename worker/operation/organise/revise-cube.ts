import { base64url } from 'multiformats/bases/base64'
import { encodeRevision } from '../../../protocol/core/revision.ts'
import { toCanonicalText, utf8Length } from '../../../schemas/canonical-text.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { momentMs } from '../../../schemas/common.ts'
import type { UpdateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { CONTENT_BYTES_MAX } from '../../../schemas/limits.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { Revision } from '../../../schemas/revision.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import { labelsOf, sensitivityOf } from '../governance/sensitive.ts'
import { ANALYSER_VERSION } from '../retrieval/analyse.ts'
import { type Draft, type DraftContext, indexText, textOf, validityOf } from './draft-cube.ts'
import { placeText } from './place-text.ts'

const SALT_BYTES = 16

/**
 * Text after an update: `append` adds a paragraph, `merge` adds the lines that are not there yet, `overwrite` replaces
 * (MemOS paper, section 5.3.2).
 */
export function mergeText(before: string, { mode, content }: Pick<UpdateCube, 'mode' | 'content'>): string {
  if (content === undefined) return before
  const added = toCanonicalText(content)
  if (mode === 'overwrite' || before === '') return added
  if (mode === 'append') return `${before}\n${added}`
  const known = new Set(before.split('\n').map((line) => line.trim()))
  const fresh = added.split('\n').filter((line) => !known.has(line.trim()))
  return fresh.length === 0 ? before : `${before}\n${fresh.join('\n')}`
}

/** Tags and metadata: overwritten, or united with what is there. */
const united = <T>(mode: UpdateCube['mode'], before: T, given: T | undefined, unite: (a: T, b: T) => T): T =>
  given === undefined ? before : mode === 'overwrite' ? given : unite(before, given)

/**
 * The next revision of a cube. Model-bound renditions are dropped when the text changes: they encode the old one.
 * @throws MemosError invalid_request, cube_frozen, cube_archived, revision_conflict (expectedRevision does not match)
 */
export function reviseCube(
  stored: FullCube,
  update: UpdateCube,
  context: DraftContext,
): Draft & { textChanged: boolean } {
  const { cube, revision: before } = stored
  if (cube.state === 'frozen') throw new MemosError('cube_frozen')
  if (cube.state === 'archived') throw new MemosError('cube_archived')
  if (update.expectedRevision !== undefined && update.expectedRevision !== cube.revision)
    throw conflict(`revision ${cube.revision}, which is the current one`)
  const content = mergeText(stored.content ?? '', update)
  if (utf8Length(content) > CONTENT_BYTES_MAX)
    throw new MemosError('invalid_request', {
      field: 'content',
      expected: `at most ${CONTENT_BYTES_MAX} bytes of UTF-8 after the update`,
    })
  const contentChanged = content !== (stored.content ?? '')
  const title = update.title === undefined ? cube.title : update.title === null ? null : toCanonicalText(update.title)
  const tags = united(update.mode, cube.tags, update.tags?.map(toCanonicalText), (a, b) => [...a, ...b])
  const placed = placeText(content)
  const { title: _, validFromMs, validToMs, ...rest } = before
  const validity = validityOf(
    update.validFrom === undefined ? validFromMs : update.validFrom,
    update.validTo === undefined ? validToMs : update.validTo,
  )
  const revision: Revision = {
    ...rest,
    number: cube.revision + 1,
    prev: cube.cid as Cid,
    ...(title === null ? {} : { title }),
    semanticType: update.semanticType ?? before.semanticType,
    ...validity,
    tags: [...new Set(tags)],
    renditions: contentChanged ? [newText(before, placed.rendition)] : before.renditions,
    createdAtMs: context.nowMs,
    salt: base64url.baseEncode(context.randomBytes(SALT_BYTES)),
  }
  const { cid, bytes } = encodeRevision(revision)
  const text = indexText({ ...cube, content, title })
  const labels = labelsOf(textOf(title, content))
  return {
    textChanged: contentChanged || title !== cube.title,
    blobs: placed.blob === null ? [] : [placed.blob],
    cube: {
      record: {
        ...cube,
        revision: revision.number,
        cid,
        state: contentChanged && update.mode !== 'overwrite' ? 'merged' : cube.state,
        semanticType: revision.semanticType,
        title,
        updatedAtMs: context.nowMs,
        expiresAtMs: expiry(cube.expiresAtMs, update.expiresAt, context.nowMs),
        validFromMs: validity.validFromMs ?? null,
        validToMs: validity.validToMs ?? null,
        priority: update.priority ?? cube.priority,
        sensitivity: sensitivityOf(update.sensitivity ?? cube.sensitivity, labels),
        labels,
        tags: revision.tags,
        metadata: united(update.mode, cube.metadata, update.metadata, (a, b) => ({ ...a, ...b })),
        features: text.features,
        termCount: text.length,
        analyser: ANALYSER_VERSION,
        contentBytes: utf8Length(content),
      },
      revision: {
        number: revision.number,
        bytes: bytes as Buffer,
        mode: update.mode,
        author: context.author,
        createdAtMs: context.nowMs,
      },
      text,
      session: stored.session,
    },
  }
}

const conflict = (expected: string) => new MemosError('revision_conflict', { field: 'expectedRevision', expected })

/** What a writer is told whose cube changed after it was read: which revision is current by now, nobody has looked. */
export const outdated = () => conflict('a revision that is still current')

function newText(
  before: Revision,
  place: { text?: string | undefined; blob?: { cid: Cid; bytes: number } | undefined },
): Rendition {
  const old = before.renditions.find((rendition) => rendition.kind === 'text')
  const first = old?.messages?.[0]
  return {
    kind: 'text',
    mime: 'text/plain',
    ...place,
    ...(first === undefined ? {} : { messages: [first] }),
  } as Rendition
}

function expiry(before: number | null, given: UpdateCube['expiresAt'], nowMs: number): number | null {
  if (given === undefined) return before
  if (given === null) return null
  if (momentMs(given) <= nowMs)
    throw new MemosError('invalid_request', { field: 'expiresAt', expected: 'a time in the future' })
  return momentMs(given)
}
