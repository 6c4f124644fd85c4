import { z } from 'zod'
import { LifecycleState } from './lifecycle.ts'
import { NAME_LENGTH_MAX } from './limits.ts'
import { CubeId } from './revision.ts'

/** Name of a snapshot or branch: it stands in paths and behind `snapshot:` and `branch:`. */
export const PinName = z
  .string()
  .min(1)
  .max(NAME_LENGTH_MAX)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]*$/, 'letters, digits and . _ @ -, starting with a letter or digit')
  .meta({ id: 'PinName', examples: ['before-import'] })

const moment = z.iso.datetime({ offset: true })
const pin = (kinds: string) =>
  z
    .string()
    .regex(
      new RegExp(`^(?:${kinds}):[A-Za-z0-9][A-Za-z0-9._@-]{0,${NAME_LENGTH_MAX - 1}}$`),
      `${kinds.replace('|', ' or ')} and a name`,
    )

/** The point at which memory is read. */
export const AsOf = z.union([moment, pin('snapshot|branch')]).meta({
  id: 'AsOf',
  description:
    'A time (ISO 8601 with an offset), `snapshot:NAME` or `branch:NAME`. Each namespace is read as it stood there; permissions are those of now.',
  examples: ['2026-03-05T09:30:00Z', 'snapshot:before-import'],
})
export type AsOf = z.infer<typeof AsOf>

/** One side of a diff. */
export const DiffPoint = z.union([moment, pin('snapshot'), z.literal('now')]).meta({
  id: 'DiffPoint',
  description: 'A time (ISO 8601 with an offset), `snapshot:NAME` or `now`.',
})
export type DiffPoint = z.infer<typeof DiffPoint>

export const RestoreCube = z
  .strictObject({ revision: z.int().min(1), expectedRevision: z.int().min(1).optional() })
  .meta({ id: 'RestoreCube', examples: [{ revision: 1, expectedRevision: 3 }] })

export const CreateSnapshot = z
  .strictObject({ name: PinName })
  .meta({ id: 'CreateSnapshot', examples: [{ name: 'before-import' }] })

export const Snapshot = z
  .strictObject({
    name: PinName,
    cubes: z.int().meta({ description: 'Pinned cubes that the caller may read.' }),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Snapshot' })
export type Snapshot = z.infer<typeof Snapshot>

export const SnapshotDetail = Snapshot.extend({
  digest: z.string().meta({
    description:
      'sha-256, hex, over the lines `cubeId:cid` of the pinned cubes that the caller may see, in order of cubeId. Another digest later means that some were erased.',
  }),
}).meta({ id: 'SnapshotDetail' })

const DiffSide = z
  .strictObject({
    revision: z.int().nullable().meta({ description: 'Null when that revision has been purged.' }),
    cid: z.string().nullable(),
    state: LifecycleState,
  })
  .meta({ id: 'DiffSide' })

export const DiffEntry = z
  .strictObject({
    cubeId: CubeId,
    change: z.enum(['added', 'removed', 'revised', 'state']),
    from: DiffSide.nullable(),
    to: DiffSide.nullable(),
  })
  .meta({ id: 'DiffEntry' })
export type DiffEntry = z.infer<typeof DiffEntry>

export const SnapshotRestored = z
  .strictObject({
    revised: z.array(CubeId).meta({ description: 'Got a new revision with the content of the snapshot.' }),
    archived: z.array(CubeId).meta({ description: 'Came after the snapshot, or were archived in it.' }),
    broughtBack: z.array(CubeId).meta({ description: 'Were archived after the snapshot.' }),
    erased: z.int().meta({
      description:
        'Pinned cubes that have been erased since, of the sensitivities that the caller may read; nothing brings them back.',
    }),
  })
  .meta({ id: 'SnapshotRestored' })
export type SnapshotRestored = z.infer<typeof SnapshotRestored>

export const CreateBranch = z
  .strictObject({ name: PinName, cubeId: CubeId.optional() })
  .meta({ id: 'CreateBranch', examples: [{ name: 'what-if' }] })

export const Branch = z
  .strictObject({
    name: PinName,
    cubeId: CubeId.nullable().meta({ description: 'The only cube of the branch; null for the whole namespace.' }),
    state: z.enum(['open', 'merged']),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
    closedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Branch' })
export type Branch = z.infer<typeof Branch>

export const BranchDetail = Branch.extend({
  changes: z.array(
    z.strictObject({
      cubeId: CubeId,
      change: z.enum(['added', 'removed', 'revised']),
      revision: z.int().nullable(),
      updatedAt: z.iso.datetime(),
    }),
  ),
}).meta({ id: 'BranchDetail' })
export type BranchDetail = z.infer<typeof BranchDetail>

/** What happens to a field that both sides changed: nothing is merged, the namespace's own value stays, or the branch's is taken. */
export const MERGE_STRATEGIES = ['fail', 'ours', 'theirs'] as const
export const MergeBranch = z
  .strictObject({
    strategy: z.enum(MERGE_STRATEGIES).default('fail').meta({
      description:
        'For what both sides changed: fail: 409 and nothing is written; ours: the value of the namespace stays; theirs: the value of the branch is taken.',
    }),
  })
  .meta({ id: 'MergeBranch', examples: [{ strategy: 'fail' }] })
export type MergeStrategy = (typeof MERGE_STRATEGIES)[number]

/** A field that namespace and branch changed in different ways. */
export const MergeConflict = z.strictObject({ cubeId: CubeId, field: z.string() }).meta({ id: 'MergeConflict' })
export type MergeConflict = z.infer<typeof MergeConflict>

export const MergeReport = z
  .strictObject({
    branch: PinName,
    added: z.array(CubeId),
    revised: z.array(CubeId),
    archived: z.array(CubeId).meta({ description: 'Removed on the branch; a merge archives and never erases.' }),
    kept: z.array(CubeId).meta({ description: 'Changed on the branch, but left as they are in the namespace.' }),
    conflicts: z.array(MergeConflict).meta({ description: 'What the strategy decided.' }),
  })
  .meta({ id: 'MergeReport' })
export type MergeReport = z.infer<typeof MergeReport>
