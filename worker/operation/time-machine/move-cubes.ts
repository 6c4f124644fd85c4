import { nextState } from '../../../schemas/lifecycle.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NewCube, VaultWrite } from '../../ports/vault-write.ts'
import type { CubeTransition } from '../../ports/writes/lifecycle.ts'
import { storedCube } from '../organise/memory-writer.ts'

/** Into the archive, where nothing is erased. */
export const putAway = (cubes: readonly FullCube[], context: RequestContext, reason: string): VaultWrite[] =>
  moved(cubes, 'archive', context, reason)

/** The same of a cube whose next revision is written just before in the same batch. */
export const putAwayNew = (
  { cube }: FullCube,
  { record, text }: NewCube,
  context: RequestContext,
  reason: string,
): VaultWrite[] => {
  const { seq, cubeId, sessionId, namespaceId } = cube
  const terms = text.terms.map(([term]) => term)
  const now = { seq, cubeId, sessionId, revision: record.revision, terms, termCount: text.length, from: record.state }
  return transition(namespaceId, [{ ...now, to: 'archived' }], 'archive', context, reason)
}

/** Out of the archive. */
export const bringBack = (cubes: readonly FullCube[], context: RequestContext, reason: string): VaultWrite[] =>
  moved(cubes, 'restore', context, reason)

function moved(
  cubes: readonly FullCube[],
  event: 'archive' | 'restore',
  context: RequestContext,
  reason: string,
): VaultWrite[] {
  const transitions = cubes.flatMap((full): CubeTransition[] => {
    const from = full.cube.state
    const to = nextState(from, event)
    return to === null ? [] : [{ ...storedCube(full, []), from, to }]
  })
  const namespaceId = cubes[0]?.cube.namespaceId
  return namespaceId === undefined ? [] : transition(namespaceId, transitions, event, context, reason)
}

const transition = (
  namespaceId: number,
  cubes: readonly CubeTransition[],
  event: 'archive' | 'restore',
  { principal, nowMs }: RequestContext,
  reason: string,
): VaultWrite[] =>
  cubes.length === 0
    ? []
    : [{ kind: 'transition_cubes', namespaceId, cubes, event, reason, caller: principal.keyId, atMs: nowMs }]
