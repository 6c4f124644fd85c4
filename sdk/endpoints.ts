import type {
  Route,
  RouteBodyInput,
  RouteParams,
  RouteQuery,
  RouteQueryInput,
  RouteResponse,
} from '../schemas/route.ts'
import type { ROUTES, RouteName } from '../schemas/routes/all.ts'

type Routes = typeof ROUTES
type Line<R extends Route> = `${R['method']} ${R['path']}`

/**
 * Method and path of every operation. The client is to have no dependency, so it cannot read the route table (which brings zod) at run time;
 * the compiler refuses a line that is missing or differs from it.
 */
export const ENDPOINTS = {
  remember: 'post /v1/memories',
  read: 'post /v1/read',
  planMemories: 'post /v1/memories/plan',
  search: 'post /v1/search',
  context: 'post /v1/context',
  createChatCompletion: 'post /v1/chat/completions',
  listModels: 'get /v1/models',
  createCube: 'post /v1/cubes',
  createCubes: 'post /v1/cubes/batch',
  listCubes: 'get /v1/cubes',
  getCube: 'get /v1/cubes/:cubeId',
  updateCube: 'patch /v1/cubes/:cubeId',
  deleteCube: 'delete /v1/cubes/:cubeId',
  listRevisions: 'get /v1/cubes/:cubeId/revisions',
  getProvenance: 'get /v1/cubes/:cubeId/provenance',
  listFacts: 'get /v1/facts',
  stateFact: 'post /v1/facts',
  getFact: 'get /v1/facts/:id',
  retractFact: 'post /v1/facts/:id/retract',
  undoFact: 'post /v1/facts/:id/undo',
  changeLifecycle: 'post /v1/cubes/:cubeId/lifecycle',
  listTransitions: 'get /v1/cubes/:cubeId/lifecycle',
  createOrganisation: 'post /v1/organisations',
  listOrganisations: 'get /v1/organisations',
  moveOrganisation: 'post /v1/organisations/:id/move',
  abortMove: 'delete /v1/organisations/:id/move',
  createUser: 'post /v1/users',
  listUsers: 'get /v1/users',
  deleteUser: 'delete /v1/users/:id',
  createAgent: 'post /v1/agents',
  listAgents: 'get /v1/agents',
  deleteAgent: 'delete /v1/agents/:id',
  createKey: 'post /v1/keys',
  listKeys: 'get /v1/keys',
  rotateKey: 'post /v1/keys/:id/rotate',
  revokeKey: 'delete /v1/keys/:id',
  createNamespace: 'post /v1/namespaces',
  listNamespaces: 'get /v1/namespaces',
  getNamespace: 'get /v1/namespaces/:name',
  updateNamespace: 'patch /v1/namespaces/:name',
  deleteNamespace: 'delete /v1/namespaces/:name',
  getGrants: 'get /v1/namespaces/:name/grants',
  setGrants: 'put /v1/namespaces/:name/grants',
  listEntities: 'get /v1/namespaces/:name/entities',
  getEntity: 'get /v1/namespaces/:name/entities/:key',
  mergeEntities: 'post /v1/namespaces/:name/entities/merge',
  splitEntity: 'post /v1/namespaces/:name/entities/split',
  listPredictedTags: 'get /v1/cubes/:cubeId/entities',
  getSchedule: 'get /v1/namespaces/:name/schedule',
  runSchedule: 'post /v1/namespaces/:name/schedule',
  listDecisions: 'get /v1/decisions',
  listNodes: 'get /v1/nodes',
  createNodeToken: 'post /v1/nodes/tokens',
  revokeNode: 'delete /v1/nodes/:id',
  listNodeTasks: 'get /v1/nodes/tasks',
  cancelNodeTask: 'post /v1/nodes/tasks/:id/cancel',
  listTasks: 'get /v1/tasks',
  getTask: 'get /v1/tasks/:id',
  cancelTask: 'post /v1/tasks/:id/cancel',
  createBlock: 'post /v1/blocks',
  listBlocks: 'get /v1/blocks',
  getBlock: 'get /v1/blocks/:id',
  updateBlock: 'patch /v1/blocks/:id',
  deleteBlock: 'delete /v1/blocks/:id',
  editBlock: 'post /v1/blocks/:id/edit',
  listMembers: 'get /v1/blocks/:id/members',
  addMembers: 'post /v1/blocks/:id/members',
  removeMember: 'delete /v1/blocks/:id/members/:cubeId',
  evolveBlock: 'post /v1/blocks/:id/evolve',
  listBlockChanges: 'get /v1/blocks/:id/changes',
  undoBlockChange: 'post /v1/blocks/:id/changes/:change/undo',
  sendFeedback: 'post /v1/feedback',
  queryLog: 'get /v1/log',
  exportLog: 'get /v1/log/export',
  verifyLog: 'get /v1/log/verify',
  traceText: 'post /v1/log/trace',
  getMipIdentity: 'get /v1/mip/identity',
  createMipIdentity: 'post /v1/mip/identity',
  appendMipEntries: 'post /v1/mip/entries',
  publishMemories: 'post /v1/mip/publish',
  revokePublished: 'post /v1/mip/revoke',
  listErasureReceipts: 'get /v1/mip/receipts',
  listMipPeers: 'get /v1/mip/peers',
  getMipPeer: 'get /v1/mip/peers/:did',
  setMipPeer: 'put /v1/mip/peers/:did',
  deleteMipPeer: 'delete /v1/mip/peers/:did',
  listMipSubscriptions: 'get /v1/mip/subscriptions',
  createMipSubscription: 'post /v1/mip/subscriptions',
  getMipSubscription: 'get /v1/mip/subscriptions/:id',
  updateMipSubscription: 'patch /v1/mip/subscriptions/:id',
  deleteMipSubscription: 'delete /v1/mip/subscriptions/:id',
  catchUpMipSubscription: 'post /v1/mip/subscriptions/:id/catch-up',
  listMipErasures: 'get /v1/mip/erasures',
  listQuarantine: 'get /v1/mip/quarantine',
  approveQuarantined: 'post /v1/mip/quarantine/:id/approve',
  importMipArchive: 'post /v1/mip/archives',
  rejectQuarantined: 'post /v1/mip/quarantine/:id/reject',
  listPipelines: 'get /v1/pipelines',
  getPipeline: 'get /v1/pipelines/:name',
  setPipeline: 'put /v1/pipelines/:name',
  deletePipeline: 'delete /v1/pipelines/:name',
  runPipeline: 'post /v1/pipeline-runs',
  listPipelineRuns: 'get /v1/pipeline-runs',
  listEffects: 'get /v1/effects',
  retryEffect: 'post /v1/effects/:id/retry',
  getUsage: 'get /v1/usage',
  exportNamespace: 'get /v1/export',
  importArchive: 'post /v1/import',
  createPermission: 'post /v1/permissions',
  listPermissions: 'get /v1/permissions',
  deletePermission: 'delete /v1/permissions/:id',
  listRoles: 'get /v1/roles',
  setRole: 'put /v1/roles/:name',
  getRole: 'get /v1/roles/:name',
  deleteRole: 'delete /v1/roles/:name',
  setRoleMembers: 'put /v1/roles/:name/members',
  getRoleMembers: 'get /v1/roles/:name/members',
  restoreCube: 'post /v1/cubes/:cubeId/restore',
  createSnapshot: 'post /v1/namespaces/:name/snapshots',
  listSnapshots: 'get /v1/namespaces/:name/snapshots',
  getSnapshot: 'get /v1/namespaces/:name/snapshots/:snapshot',
  deleteSnapshot: 'delete /v1/namespaces/:name/snapshots/:snapshot',
  restoreSnapshot: 'post /v1/namespaces/:name/snapshots/:snapshot/restore',
  diffNamespace: 'get /v1/namespaces/:name/diff',
  createBranch: 'post /v1/namespaces/:name/branches',
  listBranches: 'get /v1/namespaces/:name/branches',
  getBranch: 'get /v1/namespaces/:name/branches/:branch',
  discardBranch: 'delete /v1/namespaces/:name/branches/:branch',
  createBranchCube: 'post /v1/namespaces/:name/branches/:branch/cubes',
  updateBranchCube: 'put /v1/namespaces/:name/branches/:branch/cubes/:cubeId',
  deleteBranchCube: 'delete /v1/namespaces/:name/branches/:branch/cubes/:cubeId',
  mergeBranch: 'post /v1/namespaces/:name/branches/:branch/merge',
} as const satisfies { [Name in RouteName]: Line<Routes[Name]> }

/** POST operations that change nothing, or nothing the second time: a retry needs no Idempotency-Key. */
export const REPEATABLE_POSTS: ReadonlySet<RouteName> = new Set([
  'search',
  'context',
  'read',
  'planMemories',
  'createChatCompletion',
  'traceText',
  'importArchive',
  'importMipArchive',
])

/** Operations whose body or answer is a stream of bytes; the others speak JSON. */
export type StreamName = 'exportNamespace' | 'importArchive' | 'importMipArchive' | 'exportLog'
export type CallName = Exclude<RouteName, StreamName>
/** Operations that answer with one page of a list. */
export type ListName = {
  [Name in CallName]: Answer<Name> extends { items: unknown[]; nextCursor: string | null } ? Name : never
}[CallName]

export type Answer<Name extends RouteName> = RouteResponse<Routes[Name]>
export type Item<Name extends ListName> = Answer<Name>['items'][number]
export type Body<Name extends RouteName> = RouteBodyInput<Routes[Name]>

type RequiredKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? never : K }[keyof T]
/** A query as callers write it: parsed types (a number, a boolean) for every field, optional where the server has a default. */
export type Query<Name extends RouteName> = QueryOf<RouteQuery<Routes[Name]>, RouteQueryInput<Routes[Name]>>
type QueryOf<Out, In> = [Out] extends [object]
  ? Pick<Out, RequiredKeys<In> & keyof Out> & Partial<Omit<Out, RequiredKeys<In>>>
  : undefined

export interface CallOptions {
  /** Ends the call, retries included. */
  signal?: AbortSignal | undefined
  /** For POST; default: a new one for each call, kept through its retries. */
  idempotencyKey?: string | undefined
  headers?: Record<string, string> | undefined
}

type Field<Key extends string, T> = [T] extends [undefined]
  ? { [K in Key]?: undefined }
  : Record<never, never> extends T
    ? { [K in Key]?: T }
    : { [K in Key]: T }

/** What `call(name, input)` takes: path parameters, query and body of that operation, and the options of any call. */
export type CallInput<Name extends RouteName> = CallOptions &
  Field<'params', RouteParams<Routes[Name]>> &
  Field<'query', Query<Name>> &
  Field<'body', Body<Name>>

/** The input may be left out where nothing in it is required. */
export type CallArguments<Name extends RouteName> =
  Record<never, never> extends CallInput<Name> ? [input?: CallInput<Name>] : [input: CallInput<Name>]
