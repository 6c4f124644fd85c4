import type { Cid } from '../../../schemas/cid.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { NewCube } from '../../ports/vault-write.ts'
import type { DraftContext } from '../organise/draft-cube.ts'
import { reviseCube } from '../organise/revise-cube.ts'

/**
 * The revision of `target` that takes `source` in: texts, tags and metadata united, the source's head in its lineage. Null where the united text
 * would be too long, or long enough to be a blob.
 */
export function mergedCube(
  target: FullCube,
  source: FullCube,
  context: DraftContext,
): { cube: NewCube; textChanged: boolean } | null {
  const { lineage } = target.revision
  const parent = { cid: source.cube.cid as Cid, relation: 'merged' as const }
  const withParent = { ...target, revision: { ...target.revision, lineage: [...lineage, parent] } }
  try {
    const { cube, blobs, textChanged } = reviseCube(
      withParent,
      {
        mode: 'merge',
        content: source.content ?? '',
        tags: source.cube.tags,
        metadata: source.cube.metadata,
      },
      context,
    )
    return blobs.length > 0 ? null : { cube: { ...cube, record: { ...cube.record, state: 'merged' } }, textChanged }
  } catch (error) {
    if (error instanceof MemosError) return null
    throw error
  }
}
