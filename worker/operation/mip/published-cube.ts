import { encodeMipCbor, type MipValue } from '../../../protocol/core/mip-cbor.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { MIP_OBJECT_BYTES_MAX, MIP_SUM_BYTES_MAX, MIP_TOPICS_MAX } from '../../../schemas/limits-mip.ts'
import type { EntrySum } from '../../../schemas/mip-entry.ts'
import type { PublishMemories, PublishRefusal } from '../../../schemas/mip-publishing.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { isAbove } from '../../../schemas/vocabulary.ts'
import type { RedactedCube, Redaction, RedactionSource } from '../../infrastructure/archive/redaction.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import { recordOf } from '../../ports/cube-record.ts'
import type { RevisionRow } from '../../ports/rows.ts'
import { redactSensitive, sensitivityOf } from '../governance/sensitive.ts'
import type { EntryDraft } from './log-appender.ts'

/** A cube as it goes out: the entry that names it, and what the entry names. */
export interface OutgoingCube {
  cubeId: string
  /** Where it stands here, to be expected in the batch. */
  revision: number
  /** The same id, or that of the redacted copy. */
  publishedAs: string
  /** The cube that a redacted copy was made from, to go with it; empty for the cube itself. */
  source: string
  cid: Cid
  draft: EntryDraft
  /** The revision, blobs that lie in the blob store (empty bytes), and the new text of a copy. */
  objects: { cid: string; bytes: Uint8Array }[]
}

export interface PublishableComponents {
  blobCidsOf(revision: Revision): Cid[]
  redactCube(source: RedactionSource, redaction: Redaction): RedactedCube | null
}

export interface PublishTerms extends Pick<PublishMemories, 'allow' | 'redact' | 'topics'> {
  /** Whether it came from another organisation. */
  isForeign: boolean
}

const NOTHING = new Uint8Array()

/** What is published of a cube, or why nothing is. `row` is the revision that it stands at. */
export function outgoingCube(
  full: FullCube,
  row: RevisionRow,
  { allow, redact, topics, isForeign }: PublishTerms,
  components: PublishableComponents,
): OutgoingCube | PublishRefusal {
  const { cube, revision, content } = full
  // What came from others is passed on only where its terms say that it may be.
  if (isForeign && revision.licence?.permissions.includes('redistribute') !== true) return 'licence'
  const sensitivity = sensitivityOf(cube.sensitivity, cube.labels)
  const isOpen = sensitivity === 'none' || allow.includes(sensitivity)
  if (isOpen) {
    const objects = [
      { cid: row.cid, bytes: new Uint8Array(row.bytes) },
      ...components.blobCidsOf(revision).map((cid) => ({ cid, bytes: NOTHING })),
    ]
    return outgoing(full, { cid: row.cid as Cid, view: revision, objects, size: cube.contentBytes, topics })
  }
  if (!redact) return sensitivity
  // What somebody called sensitive for reasons that no pattern knows still is after the patterns are taken out.
  if (isAbove(cube.sensitivity, sensitivityOf('none', cube.labels))) return 'not_redactable'
  const source = { cubeId: cube.cubeId, cid: row.cid, revision, content, record: recordOf(full) }
  const copy = components.redactCube(source, { names: ['patterns'], clean: redactSensitive, mark: null })
  const fresh = copy?.fresh ?? null
  if (fresh === null) return 'not_redactable'
  // The copy is in no namespace, so its text lies beside its revision or nowhere.
  if ((fresh.blob?.bytes.length ?? 0) > MIP_OBJECT_BYTES_MAX) return 'not_redactable'
  const objects = [{ cid: fresh.cid, bytes: fresh.bytes }, ...(fresh.blob === null ? [] : [fresh.blob])]
  return outgoing(full, {
    cid: fresh.cid,
    view: fresh.view,
    objects,
    size: fresh.blob?.bytes.length ?? textSize(fresh.view),
    topics,
  })
}

interface Going {
  cid: Cid
  view: Revision
  objects: { cid: string; bytes: Uint8Array }[]
  size: number
  topics: readonly string[]
}

function outgoing({ cube }: FullCube, { cid, view, objects, size, topics }: Going): OutgoingCube {
  const kinds = [...new Set(view.renditions.map(({ kind }) => kind))]
  const sum: EntrySum<'cube.publish'> = {
    topics: [...new Set([...topics, ...view.tags])].slice(0, MIP_TOPICS_MAX),
    ...(view.title !== undefined && { title: view.title }),
    size,
    cube: view.cubeId,
    rev: view.number,
    kinds,
  }
  return {
    cubeId: cube.cubeId,
    revision: cube.revision,
    publishedAs: view.cubeId,
    source: view.cubeId === cube.cubeId ? '' : cube.cubeId,
    cid,
    draft: { op: 'cube.publish', body: cid, sum: fitted(sum) },
    objects,
  }
}

/** What a follower filters by has little room: topics go from the end, then the title. All of both is in the revision. */
function fitted(sum: EntrySum<'cube.publish'>): Record<string, unknown> {
  const fits = (value: EntrySum<'cube.publish'>) =>
    encodeMipCbor(value as { [key: string]: MipValue }).length <= MIP_SUM_BYTES_MAX
  const { title: _, ...untitled } = sum
  let kept = fits({ ...sum, topics: [] }) ? sum : untitled
  while (!fits(kept)) kept = { ...kept, topics: kept.topics?.slice(0, -1) ?? [] }
  return kept
}

const textSize = ({ renditions }: Revision): number =>
  renditions.reduce((sum, one) => sum + (one.kind === 'text' ? new TextEncoder().encode(one.text ?? '').length : 0), 0)
