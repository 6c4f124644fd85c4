import type { MemosClient } from './client.ts'
import type { Body, CallOptions, Query } from './endpoints.ts'

type LifecycleOptions = Omit<Body<'changeLifecycle'>, 'event'> & { options?: CallOptions }

const changeLifecycle = (
  client: MemosClient,
  cubeId: string,
  event: Body<'changeLifecycle'>['event'],
  { options, ...how }: LifecycleOptions = {},
) => client.call('changeLifecycle', { ...options, params: { cubeId }, body: { event, ...how } })

/** Cubes: single memories by id. */
export const cubesOf = (client: MemosClient) => ({
  create: (body: Body<'createCube'>, options?: CallOptions) => client.call('createCube', { ...options, body }),
  /** All or none. */
  createMany: (cubes: Body<'createCubes'>['cubes'], options?: CallOptions) =>
    client.call('createCubes', { ...options, body: { cubes } }),
  /** As it is, or with `asOf` as it stood. */
  get: (cubeId: string, { asOf, ...options }: CallOptions & Query<'getCube'> = {}) =>
    client.call('getCube', { ...options, params: { cubeId }, query: { asOf } }),
  /** Brings an earlier revision back as a new one. */
  revert: (cubeId: string, body: Body<'restoreCube'>, options?: CallOptions) =>
    client.call('restoreCube', { ...options, params: { cubeId }, body }),
  /** Newest first, page after page. */
  list: (query: Query<'listCubes'> = {}, options?: CallOptions) => client.iterate('listCubes', { ...options, query }),
  /** Not repeated after a broken connection, because appending twice differs from appending once. */
  update: (cubeId: string, body: Body<'updateCube'>, options?: CallOptions) =>
    client.call('updateCube', { ...options, params: { cubeId }, body }),
  delete: (cubeId: string, options?: CallOptions) => client.call('deleteCube', { ...options, params: { cubeId } }),
  revisions: (cubeId: string, options?: CallOptions) =>
    client.iterate('listRevisions', { ...options, params: { cubeId } }),
  provenance: (cubeId: string, options?: CallOptions) =>
    client.call('getProvenance', { ...options, params: { cubeId } }),
  /** Refuses every change until `unfreeze`; found as before. */
  freeze: (cubeId: string, how?: LifecycleOptions) => changeLifecycle(client, cubeId, 'freeze', how),
  unfreeze: (cubeId: string, how?: LifecycleOptions) => changeLifecycle(client, cubeId, 'unfreeze', how),
  /** Out of the way of ordinary searches; found with `includeArchived`. */
  archive: (cubeId: string, how?: LifecycleOptions) => changeLifecycle(client, cubeId, 'archive', how),
  restore: (cubeId: string, how?: LifecycleOptions) => changeLifecycle(client, cubeId, 'restore', how),
  /** How it came to its state, newest first. */
  transitions: (cubeId: string, options?: CallOptions) =>
    client.iterate('listTransitions', { ...options, params: { cubeId } }),
})

/** What was stated, in valid time and system time. */
export const factsOf = (client: MemosClient) => ({
  /** The latest first, page after page. */
  list: (query: Query<'listFacts'> = {}, options?: CallOptions) => client.iterate('listFacts', { ...options, query }),
  get: (id: string, options?: CallOptions) => client.call('getFact', { ...options, params: { id } }),
  state: (body: Body<'stateFact'>, options?: CallOptions) => client.call('stateFact', { ...options, body }),
  retract: (id: string, options?: CallOptions) => client.call('retractFact', { ...options, params: { id } }),
  /** Takes apart what the fact superseded or contradicts. */
  undo: (id: string, body: Body<'undoFact'> = {}, options?: CallOptions) =>
    client.call('undoFact', { ...options, params: { id }, body }),
})

export const namespacesOf = (client: MemosClient) => ({
  create: (body: Body<'createNamespace'>, options?: CallOptions) =>
    client.call('createNamespace', { ...options, body }),
  get: (name: string, options?: CallOptions) => client.call('getNamespace', { ...options, params: { name } }),
  list: (options?: CallOptions) => client.iterate('listNamespaces', { ...options }),
  update: (name: string, body: Body<'updateNamespace'>, options?: CallOptions) =>
    client.call('updateNamespace', { ...options, params: { name }, body }),
  /** With all its memory. */
  delete: (name: string, options?: CallOptions) => client.call('deleteNamespace', { ...options, params: { name } }),
  grants: (name: string, options?: CallOptions) => client.call('getGrants', { ...options, params: { name } }),
  setGrants: (name: string, grants: Body<'setGrants'>['grants'], options?: CallOptions) =>
    client.call('setGrants', { ...options, params: { name }, body: { grants } }),
})

/** Texts of limited size that agents edit, with the cubes that belong to them. */
export const blocksOf = (client: MemosClient) => ({
  create: (body: Body<'createBlock'>, options?: CallOptions) => client.call('createBlock', { ...options, body }),
  list: (query: Query<'listBlocks'> = {}, options?: CallOptions) => client.iterate('listBlocks', { ...options, query }),
  get: (id: string, options?: CallOptions) => client.call('getBlock', { ...options, params: { id } }),
  update: (id: string, body: Body<'updateBlock'>, options?: CallOptions) =>
    client.call('updateBlock', { ...options, params: { id }, body }),
  /** With its text; its members stay. */
  delete: (id: string, options?: CallOptions) => client.call('deleteBlock', { ...options, params: { id } }),
  /** What no longer fits is paged out to ordinary cubes. */
  edit: (id: string, body: Body<'editBlock'>, options?: CallOptions) =>
    client.call('editBlock', { ...options, params: { id }, body }),
  members: (id: string, options?: CallOptions) => client.iterate('listMembers', { ...options, params: { id } }),
  addMembers: (id: string, cubeIds: string[], options?: CallOptions) =>
    client.call('addMembers', { ...options, params: { id }, body: { cubeIds } }),
  removeMember: (id: string, cubeId: string, options?: CallOptions) =>
    client.call('removeMember', { ...options, params: { id, cubeId } }),
  evolve: (id: string, body: Body<'evolveBlock'> = {}, options?: CallOptions) =>
    client.call('evolveBlock', { ...options, params: { id }, body }),
  /** Newest first. */
  changes: (id: string, options?: CallOptions) => client.iterate('listBlockChanges', { ...options, params: { id } }),
  undo: (id: string, change: string, options?: CallOptions) =>
    client.call('undoBlockChange', { ...options, params: { id, change } }),
})

/** What the scheduler keeps at hand, and why. */
export const scheduleOf = (client: MemosClient) => ({
  get: (name: string, options?: CallOptions) => client.call('getSchedule', { ...options, params: { name } }),
  run: (name: string, body: Body<'runSchedule'> = {}, options?: CallOptions) =>
    client.call('runSchedule', { ...options, params: { name }, body }),
  decisions: (query: Query<'listDecisions'> = {}, options?: CallOptions) =>
    client.iterate('listDecisions', { ...options, query }),
})

/** What the memory of a namespace speaks of. */
export const entitiesOf = (client: MemosClient) => ({
  list: (name: string, query: Query<'listEntities'> = {}, options?: CallOptions) =>
    client.iterate('listEntities', { ...options, params: { name }, query }),
  get: (name: string, key: string, options?: CallOptions) =>
    client.call('getEntity', { ...options, params: { name, key } }),
  /** Both names then mean what `into` means; `split` takes it back. */
  merge: (name: string, body: Body<'mergeEntities'>, options?: CallOptions) =>
    client.call('mergeEntities', { ...options, params: { name }, body }),
  split: (name: string, alias: string, options?: CallOptions) =>
    client.call('splitEntity', { ...options, params: { name }, body: { alias } }),
  /** Predicted tags of one memory. */
  ofCube: (cubeId: string, options?: CallOptions) =>
    client.call('listPredictedTags', { ...options, params: { cubeId } }),
})

export const keysOf = (client: MemosClient) => ({
  /** The secret is in this answer and nowhere else. */
  create: (body: Body<'createKey'>, options?: CallOptions) => client.call('createKey', { ...options, body }),
  list: (options?: CallOptions) => client.iterate('listKeys', { ...options }),
  rotate: (id: string, body: Body<'rotateKey'> = {}, options?: CallOptions) =>
    client.call('rotateKey', { ...options, params: { id }, body }),
  revoke: (id: string, options?: CallOptions) => client.call('revokeKey', { ...options, params: { id } }),
})

export const usersOf = (client: MemosClient) => ({
  create: (body: Body<'createUser'>, options?: CallOptions) => client.call('createUser', { ...options, body }),
  list: (options?: CallOptions) => client.iterate('listUsers', { ...options }),
  /** With keys, grants and private memory. */
  delete: (id: string, options?: CallOptions) => client.call('deleteUser', { ...options, params: { id } }),
})

export const agentsOf = (client: MemosClient) => ({
  create: (body: Body<'createAgent'>, options?: CallOptions) => client.call('createAgent', { ...options, body }),
  list: (options?: CallOptions) => client.iterate('listAgents', { ...options }),
  /** With keys, grants and private memory. */
  delete: (id: string, options?: CallOptions) => client.call('deleteAgent', { ...options, params: { id } }),
})

/** Root key only. */
export const organisationsOf = (client: MemosClient) => ({
  create: (body: Body<'createOrganisation'>, options?: CallOptions) =>
    client.call('createOrganisation', { ...options, body }),
  list: (options?: CallOptions) => client.iterate('listOrganisations', { ...options }),
  /** To another database, in the background; writes are refused with organisation_moving until it is there. */
  move: (id: string, body: Body<'moveOrganisation'>, options?: CallOptions) =>
    client.call('moveOrganisation', { ...options, params: { id }, body }),
  /** Unless it is in the new database already. */
  abortMove: (id: string, options?: CallOptions) => client.call('abortMove', { ...options, params: { id } }),
})

export const tasksOf = (client: MemosClient) => ({
  get: (id: string, options?: CallOptions) => client.call('getTask', { ...options, params: { id } }),
  list: (query: Query<'listTasks'> = {}, options?: CallOptions) => client.iterate('listTasks', { ...options, query }),
  cancel: (id: string, options?: CallOptions) => client.call('cancelTask', { ...options, params: { id } }),
})

/** What peers may follow. Entries of the root are signed elsewhere and only carried here. */
export const publishingOf = (client: MemosClient) => ({
  identity: (options?: CallOptions) => client.call('getMipIdentity', { ...options }),
  /** Genesis and what follows it. */
  init: (body: Body<'createMipIdentity'>, options?: CallOptions) =>
    client.call('createMipIdentity', { ...options, body }),
  /** Rotations, delegations, revoked keys, replicas. */
  append: (body: Body<'appendMipEntries'>, options?: CallOptions) =>
    client.call('appendMipEntries', { ...options, body }),
  /** What is out already stays as it is. */
  publish: (body: Body<'publishMemories'>, options?: CallOptions) =>
    client.call('publishMemories', { ...options, body }),
  revoke: (body: Body<'revokePublished'>, options?: CallOptions) =>
    client.call('revokePublished', { ...options, body }),
})

/** Who may use what, by whose word and until when. */
export const permissionsOf = (client: MemosClient) => ({
  grant: (body: Body<'createPermission'>, options?: CallOptions) =>
    client.call('createPermission', { ...options, body }),
  /** Newest first. */
  list: (namespace: string, options?: CallOptions) =>
    client.iterate('listPermissions', { ...options, query: { namespace } }),
  revoke: (id: string, options?: CallOptions) => client.call('deletePermission', { ...options, params: { id } }),
})

export const rolesOf = (client: MemosClient) => ({
  /** Applies the template, in place of what an earlier one opened. */
  set: (name: string, body: Body<'setRole'>, options?: CallOptions) =>
    client.call('setRole', { ...options, params: { name }, body }),
  get: (name: string, options?: CallOptions) => client.call('getRole', { ...options, params: { name } }),
  list: (options?: CallOptions) => client.iterate('listRoles', { ...options }),
  /** With its members and permissions. */
  delete: (name: string, options?: CallOptions) => client.call('deleteRole', { ...options, params: { name } }),
  members: (name: string, options?: CallOptions) => client.call('getRoleMembers', { ...options, params: { name } }),
  setMembers: (name: string, members: Body<'setRoleMembers'>['members'], options?: CallOptions) =>
    client.call('setRoleMembers', { ...options, params: { name }, body: { members } }),
})
