import { MemosError } from '../../../schemas/errors.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { BlockChangeRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { Rank } from '../../ports/writes/blocks.ts'
import type { DraftContext } from '../organise/draft-cube.ts'
import { storedCube } from '../organise/memory-writer.ts'
import { outdated } from '../organise/revise-cube.ts'
import { bringBack, putAway } from '../time-machine/move-cubes.ts'
import { rewriteCube } from '../time-machine/rewrite-cube.ts'
import type { OpenBlock } from './mem-blocks.ts'

/** What a change leaves in its row so that it can be taken back: ids, revisions and numbers. */
export interface ChangeFacts {
  revision?: number | null
  cubeIds?: string[]
  target?: string
  source?: string
  blockId?: string
  coreCubeId?: string
  ranks?: { cubeId: string; from: Rank; to: Rank }[]
}

export interface Undoing {
  writes: VaultWrite[]
  /** Cubes that go out of the index, by their place. */
  away: number[]
  /** Cubes that the audit names. */
  cubeIds: string[]
}

/**
 * What takes a change back. Texts get a new revision with the content of before, archived cubes come back, weights return; what was changed
 * since by somebody else is not overwritten.
 * @throws MemosError revision_conflict, revision_purged, invalid_request, cube_frozen
 */
export async function undoingOf(
  session: VaultSession,
  { block, core }: OpenBlock,
  change: BlockChangeRow,
  context: RequestContext,
  draft: DraftContext,
): Promise<Undoing> {
  const [before, after] = [change.before as ChangeFacts, change.after as ChangeFacts]
  const reason = `change ${change.id} undone`
  const cubeIds = after.cubeIds ?? []
  switch (change.kind) {
    case 'rank': {
      const ranks = (after.ranks ?? []).map(({ cubeId, from, to }) => ({ cubeId, from: to, to: from }))
      const writes: VaultWrite[] = [{ kind: 'set_ranks', blockId: block.id, namespaceId: block.namespaceId, ranks }]
      return { writes, away: [], cubeIds: ranks.map(({ cubeId }) => cubeId) }
    }
    case 'retire': {
      const back = (await cubesOf(session, block.namespaceId, cubeIds)).filter(isArchived)
      const members: VaultWrite = { kind: 'retire_members', blockId: block.id, cubeIds, atMs: null }
      return { writes: [...bringBack(back, context, reason), members], away: [], cubeIds }
    }
    case 'merge':
      return undoMerge(session, block, { before, after }, context, draft, reason)
    case 'split':
      return undoSplit(session, block, after, context, reason)
    case 'rewrite':
    case 'page_out': {
      const pages = (await cubesOf(session, block.namespaceId, cubeIds)).filter((full) => !isArchived(full))
      return {
        writes: [
          await restored(session, core, before.revision, after.revision, draft),
          ...putAway(pages, context, reason),
          { kind: 'retire_members', blockId: block.id, cubeIds, atMs: context.nowMs },
        ],
        away: pages.map(({ cube }) => cube.seq),
        cubeIds: [core.cube.cubeId, ...cubeIds],
      }
    }
    case 'rollback':
      throw new MemosError('invalid_request', { field: 'change', expected: 'a change that is no rollback' })
  }
}

async function undoMerge(
  session: VaultSession,
  { id, namespaceId }: OpenBlock['block'],
  { before, after }: { before: ChangeFacts; after: ChangeFacts },
  context: RequestContext,
  draft: DraftContext,
  reason: string,
): Promise<Undoing> {
  const { target = '', source = '' } = after
  const found = await cubesOf(session, namespaceId, [target, source])
  const into = found.find(({ cube }) => cube.cubeId === target)
  const from = found.find(({ cube }) => cube.cubeId === source)
  if (into === undefined || from === undefined || !isArchived(from) || from.cube.mergedInto !== target) throw outdated()
  return {
    writes: [
      await restored(session, into, before.revision, after.revision, draft),
      ...bringBack([from], context, reason),
      { kind: 'retire_members', blockId: id, cubeIds: [source], atMs: null },
    ],
    away: [],
    cubeIds: [target, source],
  }
}

async function undoSplit(
  session: VaultSession,
  block: OpenBlock['block'],
  { blockId = '', coreCubeId = '', cubeIds = [] }: ChangeFacts,
  context: RequestContext,
  reason: string,
): Promise<Undoing> {
  const [core] = await cubesOf(session, block.namespaceId, [coreCubeId])
  // Somebody has written into the other block, or it is gone: it stands on its own now.
  if (core === undefined || core.cube.revision !== 1 || core.cube.state === 'frozen') throw outdated()
  return {
    writes: [
      { kind: 'move_members', fromId: blockId, toId: block.id, cubeIds },
      { kind: 'delete_block', blockId },
      ...(isArchived(core) ? [] : putAway([core], context, reason)),
    ],
    away: isArchived(core) ? [] : [core.cube.seq],
    cubeIds: [coreCubeId],
  }
}

/** A new revision with the content of an earlier one, unless the cube has been written since the change. */
async function restored(
  { past }: VaultSession,
  full: FullCube,
  number: number | null | undefined,
  expected: number | null | undefined,
  draft: DraftContext,
): Promise<VaultWrite> {
  if (full.cube.state === 'frozen') throw new MemosError('cube_frozen')
  if (full.cube.state === 'archived') throw new MemosError('cube_archived')
  if (full.cube.revision !== expected) throw outdated()
  if (number === null || number === undefined)
    throw new MemosError('invalid_request', { field: 'change', expected: 'a change after the block was made' })
  const row = await past.revision(full.cube.cubeId, number)
  if (row === null)
    throw new MemosError('revision_purged', { field: 'change', expected: 'a revision that is still kept' })
  const like = past.decode(row)
  const content = await past.text(full.cube.cubeId, like)
  const rewritten = rewriteCube(full, { like, content, mode: 'restore', state: full.cube.state }, draft)
  return { kind: 'update_cube', stored: storedCube(full, []), ...rewritten }
}

/** The named cubes of a namespace that may be written; one that is gone is absent. */
export async function cubesOf(
  session: VaultSession,
  namespaceId: number,
  cubeIds: readonly string[],
): Promise<FullCube[]> {
  const rows = await session.blocks.writable(cubeIds)
  const here = rows.filter((cube) => cube.namespaceId === namespaceId)
  return session.cubes.bySeq(
    namespaceId,
    here.map(({ seq }) => seq),
  )
}

const isArchived = ({ cube }: FullCube): boolean => cube.state === 'archived'
