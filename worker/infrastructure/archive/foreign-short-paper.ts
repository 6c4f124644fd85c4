import { fromShortPaperCube } from '../../../protocol/core/short-paper.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { accept, type ForeignItem, metadataOf } from './foreign-memory.ts'

/** The import gives its cubes ids and salts of its own, and decides by its own clock what has expired. */
const OPTIONS = { cubeId: '', salt: '', nowMs: 0 }

/**
 * A cube as the short paper prints it (arXiv 2505.22101, figure 5). Only text can be taken in: where the figure stands for a tensor there is
 * nothing to store. Names in `access` are those of another system; they are kept as metadata and grant nothing.
 */
export function fromShortPaper(item: unknown, line: number): ForeignItem {
  let cube: ReturnType<typeof fromShortPaperCube>
  try {
    cube = fromShortPaperCube(item, OPTIONS)
  } catch (error) {
    if (error instanceof MemosError) return { line, reason: 'not_as_printed' }
    throw error
  }
  if (cube.outcome === 'metadata_only') return { line, reason: cube.reason }
  const { revision, local } = cube
  const [text] = revision.renditions
  return accept(line, false, text?.kind === 'text' ? text.text : undefined, {
    id: null,
    title: null,
    semanticType: revision.semanticType,
    tags: revision.tags,
    session: null,
    speaker: null,
    role: null,
    saidAtMs: local.createdAtMs,
    createdAtMs: local.createdAtMs,
    updatedAtMs: null,
    expiresAtMs: local.expiresAtMs,
    state: local.state,
    priority: local.priority,
    originRef: local.originRef,
    use: { count: local.accessCount, lastMs: local.lastUsedAtMs },
    metadata: metadataOf({ access: local.access, model: local.modelName, storage_mode: local.storageMode }),
  })
}
