import type { LifecycleEvent, LifecycleState } from '../../../schemas/lifecycle.ts'
import type { StoredCube } from '../vault-write.ts'

/** A cube that changes its state, as it was read: its terms are what moves it into the cold index and back. */
export interface CubeTransition
  extends Pick<StoredCube, 'seq' | 'cubeId' | 'revision' | 'sessionId' | 'terms' | 'termCount'> {
  from: LifecycleState
  to: LifecycleState
}

/** Decisions of MemLifecycle. */
export type LifecycleWrite =
  | {
      /**
       * Changes states; aborts when one of the cubes has another state or revision by now. Into `archived` the cubes leave the hot index, out
       * of it they come back.
       */
      kind: 'transition_cubes'
      namespaceId: number
      cubes: readonly CubeTransition[]
      event: LifecycleEvent
      reason: string | null
      caller: string
      atMs: number
      /** Cube that took them in; what was said before is forgotten where nothing is said. */
      mergedInto?: string
      /** Aborts when one of them was used or written after this time. */
      unusedSinceMs?: number
    }
  | {
      /** Removes revisions that are not the current one of their cube; aborts when a snapshot names one of them. */
      kind: 'purge_revisions'
      namespaceId: number
      revisions: readonly { cubeId: string; number: number }[]
    }
  | {
      /** How far the walk over a namespace is, unless another run has moved it meanwhile. Answers a row where it was moved. */
      kind: 'advance_lifecycle'
      namespaceId: number
      fromSeq: number
      toSeq: number
      dueMs: number
      /** When it was due; given by a run that takes the namespace over. */
      fromDueMs?: number
    }
  | { kind: 'advance_consolidation'; namespaceId: number; toSeq: number }
