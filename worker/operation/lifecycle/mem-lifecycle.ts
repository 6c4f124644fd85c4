import { MemosError } from '../../../schemas/errors.ts'
import { type ChangeLifecycle, commandsOf, type LifecycleState, nextState } from '../../../schemas/lifecycle.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { CubeTransition } from '../../ports/writes/lifecycle.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import { storedCube } from '../organise/memory-writer.ts'
import { outdated } from '../organise/revise-cube.ts'

/** A change that another write overtook is decided anew so often: most writes do not change the state. */
const ATTEMPTS_MAX = 3

/** The change of state of a cube that was read, with what finds it in the index. */
export function transitionOf(full: FullCube, to: LifecycleState): CubeTransition {
  const { seq, cubeId, revision, sessionId, terms, termCount } = storedCube(full, [])
  return { seq, cubeId, revision, sessionId, terms, termCount, from: full.cube.state, to }
}

/** The states of cubes as callers change them (MemOS paper, section 5.4.3); the table is in schemas/lifecycle.ts. */
export class MemLifecycle {
  readonly #embeddings: EmbeddingBuilder

  constructor({ embeddings }: { embeddings: EmbeddingBuilder }) {
    this.#embeddings = embeddings
  }

  /**
   * Freezes, unfreezes, archives or restores a cube. Of two that race for one change, one makes it and the other is told the state.
   * @throws MemosError not_found, invalid_transition, revision_conflict
   */
  async change(
    session: VaultSession,
    cubeId: string,
    command: ChangeLifecycle,
    context: RequestContext,
  ): Promise<FullCube> {
    for (let attempt = 1; ; attempt++) {
      const full = await session.cubes.get(cubeId, 'write')
      try {
        const transition = transitionOf(full, expectNext(full.cube.state, command))
        await this.#apply(session, full, transition, command, context)
        // Not read again: a cube that was frozen past its time is gone once it is not.
        return { ...full, cube: { ...full.cube, state: transition.to, mergedInto: null } }
      } catch (error) {
        if (!(error instanceof GuardError)) throw error
        if (attempt === ATTEMPTS_MAX) throw outdated()
      }
    }
  }

  async #apply(
    session: VaultSession,
    { cube }: FullCube,
    transition: CubeTransition,
    { event, reason }: ChangeLifecycle,
    context: RequestContext,
  ): Promise<void> {
    const { namespaceId, cubeId, seq } = cube
    const isBack = event === 'restore'
    const plan = isBack ? this.#embeddings.plan({ id: namespaceId }, context) : { taskId: null, writes: [] }
    await session.vault.apply([
      {
        kind: 'transition_cubes',
        namespaceId,
        cubes: [transition],
        event,
        reason: reason ?? null,
        caller: context.principal.keyId,
        atMs: context.nowMs,
      },
      ...plan.writes,
      auditOf(context, namespaceId, [cubeId]),
    ])
    if (transition.to === 'archived')
      await this.#embeddings.forget(session, context.principal.orgId, namespaceId, [seq])
    this.#embeddings.wake({ id: namespaceId }, plan)
  }
}

/** @throws MemosError invalid_transition naming the state and what it allows */
function expectNext(state: LifecycleState, { event, expectedState }: ChangeLifecycle): LifecycleState {
  if (expectedState !== undefined && expectedState !== state)
    throw new MemosError('invalid_transition', {
      field: 'expectedState',
      expected: state,
      detail: `The cube is ${state}, not ${expectedState}.`,
    })
  const next = nextState(state, event)
  if (next !== null) return next
  const allowed = commandsOf(state)
  const expected = allowed.length === 0 ? 'none: the state allows no change' : allowed.join(' or ')
  throw new MemosError('invalid_transition', {
    field: 'event',
    expected,
    detail: `The cube is ${state}: "event" expected ${expected}.`,
  })
}
