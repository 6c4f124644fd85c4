import type { BranchCubeRow, BranchRow, SnapshotRow } from '../rows.ts'

/** Decisions of the time machine: restores, snapshots, branches. */
export type TimeMachineWrite =
  | {
      /** Pins every cube of the namespace, or the one named, at its current revision; aborts beyond what one namespace or snapshot may hold. */
      kind: 'insert_snapshot'
      snapshot: Pick<SnapshotRow, 'id' | 'namespaceId' | 'name' | 'createdBy' | 'createdAtMs'>
      cubeId: string | null
    }
  | { kind: 'delete_snapshot'; snapshotId: string; namespaceId: number }
  | { kind: 'insert_branch'; branch: BranchRow }
  | { kind: 'delete_branch'; branchId: string; namespaceId: number; snapshotId: string }
  | {
      /** Puts what a branch holds of a cube; aborts when the branch is closed, full, or has written the cube since it was read. */
      kind: 'put_branch_cube'
      row: BranchCubeRow
      /** Address of what the branch held of the cube when it was read: null for a removal; undefined for nothing. */
      before: string | null | undefined
    }
  | { kind: 'drop_branch_cube'; branchId: string; cubeId: string; before: string | null }
  | {
      /** Closes a branch and forgets its overlay; aborts when it has been written since it was read. */
      kind: 'close_branch'
      branchId: string
      snapshotId: string
      namespaceId: number
      /** Its rows as they were read: cube and address. */
      rows: readonly { cubeId: string; cid: string | null }[]
      atMs: number
    }
  | {
      /** Aborts when a cube came after the namespace was read. */
      kind: 'expect_no_newer'
      namespaceId: number
      nextSeq: number
    }
