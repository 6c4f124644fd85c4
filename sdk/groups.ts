import type { MemosClient } from './client.ts'
import type { Body, CallOptions, Query } from './endpoints.ts'

/** Cubes: single memories by id. */
export const cubesOf = (client: MemosClient) => ({
  create: (body: Body<'createCube'>, options?: CallOptions) => client.call('createCube', { ...options, body }),
  /** All or none. */
  createMany: (cubes: Body<'createCubes'>['cubes'], options?: CallOptions) =>
    client.call('createCubes', { ...options, body: { cubes } }),
  get: (cubeId: string, options?: CallOptions) => client.call('getCube', { ...options, params: { cubeId } }),
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
