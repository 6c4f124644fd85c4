import { utf8Length } from '../../../schemas/canonical-text.ts'
import type { RevisionRow } from '../../ports/rows.ts'
import type { NewCube } from '../../ports/vault-write.ts'
import type { ArchiveRecord } from './archive-format.ts'
import type { CheckedRevision } from './archive-part.ts'
import type { Organise } from './organise.ts'

export interface CubeSource {
  cubeId: string
  record: ArchiveRecord
  /** Revisions to be stored, oldest first; the last one is the current one. */
  revisions: readonly CheckedRevision[]
  content: string | null
  /** Key that imports: it answers for what it brings. */
  author: string
}

/** A cube as the vault takes it: the archive's record, with everything that is computed from the text computed here. */
export function toNewCube({ cubeId, record, revisions, content, author }: CubeSource, organise: Organise): NewCube {
  const current = revisions.at(-1)
  if (current === undefined) throw new RangeError('"revisions" expected at least one')
  const { session, position, ...local } = record
  const source = { ...local, content: content ?? '' }
  const text = organise.indexText(source)
  const labels = organise.labelsOf(local.title === null ? source.content : `${local.title}\n${source.content}`)
  const rows = revisions.map((revision) => rowOf(revision, author))
  return {
    record: {
      ...local,
      cubeId,
      revision: current.number,
      cid: current.cid,
      features: organise.featuresOf({ text: source.content, role: record.role }),
      termCount: text.length,
      analyser: organise.analyserVersion,
      contentBytes: utf8Length(source.content),
      validFromMs: current.view.validFromMs ?? null,
      validToMs: current.view.validToMs ?? null,
      labels,
      sensitivity: organise.sensitivityOf(local.sensitivity, labels),
    },
    revision: rowOf(current, author),
    history: rows.slice(0, -1),
    text,
    session,
    position,
  }
}

const rowOf = (
  { number, cid, bytes, mode, createdAtMs }: CheckedRevision,
  author: string,
): Omit<RevisionRow, 'id' | 'cubeId'> => ({
  number,
  cid,
  bytes: bytes as Buffer,
  mode,
  author,
  createdAtMs,
})
