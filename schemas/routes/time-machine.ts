import { z } from 'zod'
import { NamespaceName, PageQuery, pageOf } from '../common.ts'
import { CreateCube, MemCube, UpdateCube } from '../cube.ts'
import { CubeId } from '../revision.ts'
import { defineRoutes } from '../route.ts'
import {
  Branch,
  BranchDetail,
  CreateBranch,
  CreateSnapshot,
  DiffEntry,
  DiffPoint,
  MergeBranch,
  MergeReport,
  PinName,
  RestoreCube,
  Snapshot,
  SnapshotDetail,
  SnapshotRestored,
} from '../time-machine.ts'

const namespaceParams = z.strictObject({ name: NamespaceName })
const snapshotParams = namespaceParams.extend({ snapshot: PinName })
const branchParams = namespaceParams.extend({ branch: PinName })
const branchCubeParams = branchParams.extend({ cubeId: CubeId })

const read = { tag: 'Time machine', scope: 'memory:read', status: 200 } as const
const write = { tag: 'Time machine', scope: 'memory:write' } as const

export const timeMachineRoutes = defineRoutes({
  restoreCube: {
    ...write,
    method: 'post',
    path: '/v1/cubes/:cubeId/restore',
    summary: 'Bring an earlier revision of a cube back as a new one',
    params: z.strictObject({ cubeId: CubeId }),
    body: RestoreCube,
    status: 200,
    response: MemCube,
  },
  createSnapshot: {
    ...write,
    method: 'post',
    path: '/v1/namespaces/:name/snapshots',
    summary: 'Pin every cube of a namespace at its revision of now',
    params: namespaceParams,
    body: CreateSnapshot,
    status: 201,
    response: SnapshotDetail,
  },
  listSnapshots: {
    ...read,
    method: 'get',
    path: '/v1/namespaces/:name/snapshots',
    summary: 'List the snapshots of a namespace in order of name',
    params: namespaceParams,
    query: PageQuery,
    response: pageOf(Snapshot).meta({ id: 'SnapshotPage' }),
  },
  getSnapshot: {
    ...read,
    method: 'get',
    path: '/v1/namespaces/:name/snapshots/:snapshot',
    summary: 'Read a snapshot with its digest',
    params: snapshotParams,
    response: SnapshotDetail,
  },
  deleteSnapshot: {
    ...write,
    method: 'delete',
    path: '/v1/namespaces/:name/snapshots/:snapshot',
    summary: 'Delete a snapshot; the memory that it pins stays',
    params: snapshotParams,
    status: 204,
  },
  restoreSnapshot: {
    ...write,
    method: 'post',
    path: '/v1/namespaces/:name/snapshots/:snapshot/restore',
    summary: 'Bring a namespace back to a snapshot, erasing nothing',
    params: snapshotParams,
    status: 200,
    response: SnapshotRestored,
  },
  diffNamespace: {
    ...read,
    method: 'get',
    path: '/v1/namespaces/:name/diff',
    summary: 'List what differs between two points of a namespace',
    params: namespaceParams,
    query: PageQuery.extend({ from: DiffPoint, to: DiffPoint.default('now') }),
    response: pageOf(DiffEntry).meta({ id: 'DiffPage' }),
  },
  createBranch: {
    ...write,
    method: 'post',
    path: '/v1/namespaces/:name/branches',
    summary: 'Open a what-if branch of a namespace or of one cube',
    params: namespaceParams,
    body: CreateBranch,
    status: 201,
    response: Branch,
  },
  listBranches: {
    ...read,
    method: 'get',
    path: '/v1/namespaces/:name/branches',
    summary: 'List the branches of a namespace in order of name',
    params: namespaceParams,
    query: PageQuery,
    response: pageOf(Branch).meta({ id: 'BranchPage' }),
  },
  getBranch: {
    ...read,
    method: 'get',
    path: '/v1/namespaces/:name/branches/:branch',
    summary: 'Read a branch with what it changed',
    params: branchParams,
    response: BranchDetail,
  },
  discardBranch: {
    ...write,
    method: 'delete',
    path: '/v1/namespaces/:name/branches/:branch',
    summary: 'Discard a branch with all its changes',
    params: branchParams,
    status: 204,
  },
  createBranchCube: {
    ...write,
    method: 'post',
    path: '/v1/namespaces/:name/branches/:branch/cubes',
    summary: 'Create a cube on a branch',
    params: branchParams,
    body: CreateCube,
    status: 201,
    response: MemCube,
  },
  updateBranchCube: {
    ...write,
    method: 'put',
    path: '/v1/namespaces/:name/branches/:branch/cubes/:cubeId',
    summary: 'Change a cube on a branch only',
    params: branchCubeParams,
    body: UpdateCube,
    status: 200,
    response: MemCube,
  },
  deleteBranchCube: {
    ...write,
    method: 'delete',
    path: '/v1/namespaces/:name/branches/:branch/cubes/:cubeId',
    summary: 'Remove a cube on a branch only',
    params: branchCubeParams,
    status: 204,
  },
  mergeBranch: {
    ...write,
    method: 'post',
    path: '/v1/namespaces/:name/branches/:branch/merge',
    summary: 'Merge a branch back into its namespace and close it',
    params: branchParams,
    body: MergeBranch,
    status: 200,
    response: MergeReport,
  },
})
