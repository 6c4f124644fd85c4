import type { Block, BlockChange, BlockDetail, BlockMember } from '../../schemas/block.ts'
import { isoOf } from '../../schemas/common.ts'
import type { Member, NamedBlock } from '../infrastructure/blocks/block-reader.ts'
import type { BlockChangeRow } from '../ports/rows.ts'

/** A block as callers see it. */
export const toBlock = (row: NamedBlock): Block => ({
  blockId: row.id,
  namespace: row.namespace,
  name: row.name,
  kind: row.kind,
  pinned: row.pinned,
  tokensMax: row.tokensMax,
  coreCubeId: row.coreCubeId,
  createdAt: isoOf(row.createdAtMs),
  updatedAt: isoOf(row.updatedAtMs),
})

export const toBlockDetail = (
  row: NamedBlock,
  said: Pick<BlockDetail, 'text' | 'tokens' | 'revision' | 'members'>,
): BlockDetail => ({ ...toBlock(row), ...said })

export const toBlockMember = ({ cube, weight, addedAtMs, retiredAtMs }: Member): BlockMember => ({
  cubeId: cube.cubeId,
  weight,
  usefulness: cube.usefulness,
  state: cube.state,
  addedAt: isoOf(addedAtMs),
  retiredAt: retiredAtMs === null ? null : isoOf(retiredAtMs),
})

export const toBlockChange = (row: BlockChangeRow): BlockChange => ({
  changeId: row.id,
  kind: row.kind,
  reason: row.reason,
  before: row.before,
  after: row.after,
  questions: row.questions,
  qualityBefore: row.qualityBefore,
  qualityAfter: row.qualityAfter,
  caller: row.caller,
  at: isoOf(row.atMs),
  undoneAt: row.undoneAtMs === null ? null : isoOf(row.undoneAtMs),
})
