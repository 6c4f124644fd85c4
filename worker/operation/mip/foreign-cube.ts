import { decodeRevision, encodeRevision } from '../../../protocol/core/revision.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { CreateCube } from '../../../schemas/cube.ts'
import { LINEAGE_MAX } from '../../../schemas/limits.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { LineageParent, Revision } from '../../../schemas/revision.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import { type Draft, type DraftContext, draftCube } from '../organise/draft-cube.ts'
import { reviseCube } from '../organise/revise-cube.ts'
import { keptUntil } from './usable.ts'

/** A revision of somebody else, ready to be taken in. */
export interface ForeignRevision {
  did: string
  cid: Cid
  revision: Revision
  content: string
  /** Model-bound renditions that are taken in with the text, and their blobs. */
  renditions: readonly Rendition[]
  blobs: Draft['blobs']
}

type Lineage = (typeof LineageParent)['_output'][]

/**
 * The cube of ours that holds a foreign revision: a new one, or the next revision of `stored`. What the publisher signed stays as it is and is
 * named in the lineage; ours is searched, ranked and erased like any other. A role is not taken over: nobody outside speaks as `system`.
 */
export function draftForeign(
  foreign: ForeignRevision,
  stored: FullCube | null,
  context: DraftContext,
): Draft & { textChanged: boolean } {
  const input = inputOf(foreign, context.nowMs)
  const draft =
    stored === null ? { ...draftCube(input, context), textChanged: true } : revised(foreign, input, stored, context)
  return withRenditions(draft, foreign)
}

/** What a cube says of where it came from; filters find it under `origin.` (schemas/filter.ts). */
const originOf = ({ did, cid, revision }: ForeignRevision): Record<string, string | number> => ({
  originDid: did,
  originCube: revision.cubeId,
  originRevision: revision.number,
  originCid: cid,
  ...(revision.licence === undefined ? {} : { originLicence: revision.licence.id }),
})

const lineageOf = ({ cid, revision }: ForeignRevision): Lineage =>
  [{ cid, relation: 'derived' as const }, ...revision.lineage.filter((parent) => parent.cid !== cid)].slice(
    0,
    LINEAGE_MAX,
  )

function inputOf(foreign: ForeignRevision, nowMs: number): CreateCube {
  const { did, revision, content } = foreign
  const text = revision.renditions.find((one) => one.kind === 'text')
  const first = text?.messages?.[0]
  const until = keptUntil(revision, nowMs)
  return {
    content,
    ...(revision.title === undefined ? {} : { title: printable(revision.title) }),
    semanticType: revision.semanticType,
    memoryType: 'plaintext',
    ...(revision.language === undefined ? {} : { language: revision.language }),
    tags: revision.tags.map(printable),
    metadata: originOf(foreign),
    ...(first?.speaker === undefined ? {} : { speaker: printable(first.speaker) }),
    saidAt: Math.min(first?.saidAtMs ?? revision.createdAtMs ?? nowMs, nowMs),
    ...(until === null ? {} : { expiresAt: until }),
    ...(revision.validFromMs === undefined ? {} : { validFrom: revision.validFromMs }),
    ...(revision.validToMs === undefined ? {} : { validTo: revision.validToMs }),
    priority: 'mid',
    sensitivity: revision.policy?.sensitivity ?? 'none',
    origin: { kind: 'retrieval', ref: `${did}/${revision.cubeId}` },
    lineage: lineageOf(foreign),
  }
}

/** A NUL would end a text of SQLite. */
const printable = (text: string): string => text.replaceAll('\0', ' ')

function revised(foreign: ForeignRevision, input: CreateCube, stored: FullCube, context: DraftContext) {
  const before = { ...stored, revision: { ...stored.revision, lineage: lineageOf(foreign) } }
  const { content, title = null, semanticType, tags, metadata, expiresAt = null, sensitivity } = input
  const { validFrom = null, validTo = null } = input
  return reviseCube(
    before,
    { mode: 'overwrite', content, title, semanticType, tags, metadata, expiresAt, validFrom, validTo, sensitivity },
    context,
  )
}

function withRenditions<T extends Draft>(draft: T, { renditions, blobs }: ForeignRevision): T {
  const { record, revision: row } = draft.cube
  const made = decodeRevision(row.bytes)
  const texts = made.renditions.filter(({ kind }) => kind === 'text')
  const { cid, bytes } = encodeRevision({ ...made, renditions: [...texts, ...renditions] })
  return {
    ...draft,
    blobs: [...draft.blobs, ...blobs],
    cube: { ...draft.cube, record: { ...record, cid }, revision: { ...row, mode: 'import', bytes: bytes as Buffer } },
  }
}
