import type { MemosClient } from './client.ts'
import type { Body, CallOptions, Query } from './endpoints.ts'

/** Namespaces pinned as they were. */
export const snapshotsOf = (client: MemosClient) => ({
  create: (namespace: string, name: string, options?: CallOptions) =>
    client.call('createSnapshot', { ...options, params: { name: namespace }, body: { name } }),
  /** With the digest that proves what it pins. */
  get: (namespace: string, snapshot: string, options?: CallOptions) =>
    client.call('getSnapshot', { ...options, params: { name: namespace, snapshot } }),
  list: (namespace: string, options?: CallOptions) =>
    client.iterate('listSnapshots', { ...options, params: { name: namespace } }),
  /** The memory that it pins stays. */
  delete: (namespace: string, snapshot: string, options?: CallOptions) =>
    client.call('deleteSnapshot', { ...options, params: { name: namespace, snapshot } }),
  /** Brings the namespace back to it, erasing nothing. */
  restore: (namespace: string, snapshot: string, options?: CallOptions) =>
    client.call('restoreSnapshot', { ...options, params: { name: namespace, snapshot } }),
  /** What differs between two points: a time, `snapshot:NAME` or `now`. */
  diff: (namespace: string, query: Query<'diffNamespace'>, options?: CallOptions) =>
    client.iterate('diffNamespace', { ...options, params: { name: namespace }, query }),
})

/** What-if lines beside a namespace; read them with `asOf: 'branch:NAME'`. */
export const branchesOf = (client: MemosClient) => ({
  create: (namespace: string, body: Body<'createBranch'>, options?: CallOptions) =>
    client.call('createBranch', { ...options, params: { name: namespace }, body }),
  get: (namespace: string, branch: string, options?: CallOptions) =>
    client.call('getBranch', { ...options, params: { name: namespace, branch } }),
  list: (namespace: string, options?: CallOptions) =>
    client.iterate('listBranches', { ...options, params: { name: namespace } }),
  /** With all its changes. */
  discard: (namespace: string, branch: string, options?: CallOptions) =>
    client.call('discardBranch', { ...options, params: { name: namespace, branch } }),
  createCube: (namespace: string, branch: string, body: Body<'createBranchCube'>, options?: CallOptions) =>
    client.call('createBranchCube', { ...options, params: { name: namespace, branch }, body }),
  updateCube: (
    { namespace, branch, cubeId }: { namespace: string; branch: string; cubeId: string },
    body: Body<'updateBranchCube'>,
    options?: CallOptions,
  ) => client.call('updateBranchCube', { ...options, params: { name: namespace, branch, cubeId }, body }),
  removeCube: (namespace: string, branch: string, cubeId: string, options?: CallOptions) =>
    client.call('deleteBranchCube', { ...options, params: { name: namespace, branch, cubeId } }),
  /** All of it in one step; refused with `merge_conflict` where both sides changed the same, unless a strategy decides. */
  merge: (namespace: string, branch: string, body: Body<'mergeBranch'> = {}, options?: CallOptions) =>
    client.call('mergeBranch', { ...options, params: { name: namespace, branch }, body }),
})
