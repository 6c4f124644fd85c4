import type { BlockChangeRow, BlockRow, FeedbackRow } from '../rows.ts'

export type BlockFields = Pick<BlockRow, 'name' | 'kind' | 'pinned' | 'tokensMax'>

/** What ranking and a block think of a member, -1..1. */
export interface Rank {
  usefulness: number
  weight: number
}

export interface Judgement {
  questions: number
  qualityBefore: number | null
  qualityAfter: number | null
}

/** Decisions on MemBlocks and feedback. */
export type BlockWrite =
  /** Aborts when the namespace holds as many blocks as it may. */
  | { kind: 'insert_block'; block: BlockRow }
  /** Aborts when the block is gone or, where a version is given, has changed since it was read. */
  | { kind: 'change_block'; blockId: string; version: number | null; set: Partial<BlockFields>; atMs: number }
  /** With members and changes; the core cube is erased or put away by a decision of its own. */
  | { kind: 'delete_block'; blockId: string }
  /** Members that were retired are members again. Aborts when the block is gone or would hold too many. */
  | {
      kind: 'add_members'
      blockId: string
      namespaceId: number
      cubeIds: readonly string[]
      atMs: number
      membersMax: number | null
    }
  | { kind: 'remove_members'; blockId: string; cubeIds: readonly string[] }
  | { kind: 'retire_members'; blockId: string; cubeIds: readonly string[]; atMs: number | null }
  | { kind: 'move_members'; fromId: string; toId: string; cubeIds: readonly string[] }
  /** What is not at `from` any more keeps what came since: only the difference is applied. */
  | {
      kind: 'set_ranks'
      blockId: string
      namespaceId: number
      ranks: readonly { cubeId: string; from: Rank; to: Rank }[]
    }
  /** Feedback as `weight * keep + add` on every membership of a cube; its blocks are due to evolve. */
  | {
      kind: 'weigh_members'
      namespaceId: number
      changes: readonly { cubeId: string; keep: number; add: number }[]
      dueMs: number
    }
  | { kind: 'insert_feedback'; feedback: readonly FeedbackRow[]; perCubeMax: number }
  | { kind: 'insert_change'; change: BlockChangeRow; changesMax: number }
  | { kind: 'judge_change'; changeId: string; judgement: Judgement; atMs: number }
  /** Aborts when it is undone already. */
  | { kind: 'undo_change'; changeId: string; atMs: number }
  /** When the block is to evolve next; nothing where feedback has come meanwhile. */
  | { kind: 'rest_block'; blockId: string; dueMs: number; nextDueMs: number | null }
