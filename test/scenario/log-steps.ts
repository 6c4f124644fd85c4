import type { RouteName } from '../../schemas/routes/all.ts'

/** Answers of the operations so far, by name; later ones need ids that earlier ones gave. */
export type Answers = ReadonlyMap<string, Record<string, unknown>>
export type LogStep = [name: RouteName, input: object | ((answers: Answers) => object)]

const PUBLISHER = 'did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3'

const idOf = (answers: Answers, name: RouteName, field = 'id'): string => String(answers.get(name)?.[field] ?? '')

/**
 * One of each change of the operating layer, in an order in which each can succeed, over a cube of the namespace `default`. `planted` are what is there before:
 * a side effect that has failed, another cube, a branch `spare`, and the entities Mel and Zoe.
 */
export function operatingSteps(cubeId: string, planted: { effectId: string; cubeId: string }): LogStep[] {
  const cube = { params: { cubeId } }
  const name = { params: { name: 'default' } }
  const branch = { params: { name: 'default', branch: 'what-if' } }
  const branchCube = (answers: Answers) => ({
    name: 'default',
    branch: 'what-if',
    cubeId: idOf(answers, 'createBranchCube', 'cubeId'),
  })
  const block = (answers: Answers) => ({ id: idOf(answers, 'createBlock', 'blockId') })
  const followed = (answers: Answers) => ({ id: idOf(answers, 'createMipSubscription') })
  const pipeline = { params: { name: 'copy' } }
  const steps = [{ id: 'found', kind: 'retrieve', limit: 1 }]
  return [
    ['createSnapshot', { ...name, body: { name: 'kept' } }],
    ['restoreCube', { ...cube, body: { revision: 1 } }],
    ['restoreSnapshot', { params: { name: 'default', snapshot: 'kept' } }],
    ['createBranch', { ...name, body: { name: 'what-if' } }],
    ['createBranchCube', { ...branch, body: { content: 'What if?' } }],
    ['updateBranchCube', (answers) => ({ params: branchCube(answers), body: { content: 'What then?' } })],
    ['deleteBranchCube', (answers) => ({ params: branchCube(answers) })],
    ['mergeBranch', { ...branch, body: { strategy: 'theirs' } }],
    ['discardBranch', { params: { name: 'default', branch: 'spare' } }],
    ['deleteSnapshot', { params: { name: 'default', snapshot: 'kept' } }],
    ['changeLifecycle', { params: { cubeId: planted.cubeId }, body: { event: 'freeze' } }],
    ['mergeEntities', { ...name, body: { from: 'Mel', into: 'Zoe' } }],
    ['splitEntity', { ...name, body: { alias: 'Mel' } }],
    ['traceText', { body: { text: 'Ana lives in Porto.' } }],
    ['setPipeline', { ...pipeline, body: { steps } }],
    ['runPipeline', { body: { pipeline: 'copy' } }],
    ['deletePipeline', pipeline],
    ['retryEffect', { params: { id: planted.effectId } }],
    ['createBlock', { body: { name: 'Ana', tokensMax: 16, text: 'Ana rows on the river every morning.' } }],
    ['updateBlock', (answers) => ({ params: block(answers), body: { pinned: true } })],
    [
      'editBlock',
      (answers) => ({ params: block(answers), body: { op: 'append', new: 'She sails on the sea every evening.' } }),
    ],
    ['addMembers', (answers) => ({ params: block(answers), body: { cubeIds: [cubeId] } })],
    ['sendFeedback', { body: { cubeId, outcome: 'helped' } }],
    ['evolveBlock', (answers) => ({ params: block(answers), body: {} })],
    [
      'undoBlockChange',
      (answers) => ({ params: { ...block(answers), change: idOf(answers, 'editBlock', 'changeId') } }),
    ],
    ['removeMember', (answers) => ({ params: { ...block(answers), cubeId } })],
    ['deleteBlock', (answers) => ({ params: block(answers) })],
    ['setMipPeer', { params: { did: PUBLISHER }, body: { tier: 'known' } }],
    ['createMipSubscription', { body: { did: PUBLISHER } }],
    ['updateMipSubscription', (answers) => ({ params: followed(answers), body: { filter: { topics: ['ports'] } } })],
    ['catchUpMipSubscription', (answers) => ({ params: followed(answers) })],
    ['deleteMipSubscription', (answers) => ({ params: followed(answers) })],
    ['deleteMipPeer', { params: { did: PUBLISHER } }],
  ]
}
