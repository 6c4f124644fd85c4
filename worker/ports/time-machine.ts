/** A point of a namespace that reads may look at instead of now. */
export type View =
  | { kind: 'time'; atMs: number }
  | { kind: 'snapshot'; snapshotId: string; atMs: number }
  | {
      kind: 'branch'
      branchId: string
      /** The base: where the branch has not written, it is as it was when the branch was opened. */
      snapshotId: string
      /** The only cube of the branch, the others being as they are now; null for the whole namespace. */
      cubeId: string | null
      atMs: number
    }

/** One side of a diff. */
export type DiffView = View | { kind: 'now' }
