import type { MemoryType, TaskState } from '../../schemas/vocabulary.ts'
import type { AuditRow, CubeRow, NamespaceRow, RevisionRow, TaskRow } from './rows.ts'
import type { BlockWrite } from './writes/blocks.ts'
import type { GovernanceWrite } from './writes/governance.ts'
import type { KnowledgeWrite } from './writes/knowledge.ts'
import type { LifecycleWrite } from './writes/lifecycle.ts'
import type { MipWrite } from './writes/mip.ts'
import type { NodeWrite } from './writes/nodes.ts'
import type { PipelineWrite } from './writes/pipelines.ts'
import type { ReaderWrite } from './writes/reader.ts'
import type { RenditionWrite } from './writes/renditions.ts'
import type { ScheduleWrite } from './writes/schedule.ts'
import type { TimeMachineWrite } from './writes/time-machine.ts'

/** What one cube looks like in the inverted index. */
export interface IndexedText {
  /** Terms with their frequency. */
  terms: readonly (readonly [term: string, frequency: number])[]
  /** Length of the document in terms, those included that are not looked up. */
  length: number
  /** Bit flags that ranking uses. */
  features: number
}

/** Local record of a cube without what the database assigns (sequence number, session row, position). */
export type CubeRecord = Omit<
  CubeRow,
  | 'namespaceId'
  | 'seq'
  | 'sessionId'
  | 'position'
  | 'accessCount'
  | 'lastUsedAtMs'
  | 'heat'
  | 'usefulness'
  | 'contextFingerprint'
  | 'mergedInto'
>

export interface NewCube {
  record: CubeRecord
  revision: Omit<RevisionRow, 'id' | 'cubeId' | 'cid'>
  text: IndexedText
  /** Caller's name of the conversation; null outside of one. */
  session: string | null
  /** Position that an imported turn had in its conversation; kept where it is free. */
  position?: number | null
  /** Use that was counted before it came here. */
  use?: { count: number; lastMs: number } | undefined
  /** Revisions before `revision` that come with it, oldest first. */
  history?: readonly Omit<RevisionRow, 'id' | 'cubeId'>[]
}

/** What must be known of a stored cube to take it out of every index. */
export interface StoredCube {
  namespaceId: number
  seq: number
  cubeId: string
  cid: string
  revision: number
  sessionId: number | null
  contentBytes: number
  /** Terms to remove; null when another analyser made them, then the whole namespace is searched for them. */
  terms: readonly string[] | null
  termCount: number
  blobs: readonly string[]
}

/**
 * Decisions of the operation layer as data. `MemVault.apply` turns a list of them into one atomic batch; expectations (`expected…`) are
 * checked inside the batch and abort it as a whole.
 */
export type VaultWrite =
  | CoreWrite
  | LifecycleWrite
  | TimeMachineWrite
  | KnowledgeWrite
  | ScheduleWrite
  | GovernanceWrite
  | PipelineWrite
  | ReaderWrite
  | RenditionWrite
  | BlockWrite
  | MipWrite
  | NodeWrite

/** Decisions that every part of the edge makes. */
export type CoreWrite =
  | { kind: 'insert_cubes'; namespaceId: number; cubes: readonly NewCube[] }
  | { kind: 'update_cube'; stored: StoredCube; cube: NewCube; textChanged: boolean }
  | {
      kind: 'delete_cubes'
      cubes: readonly StoredCube[]
      atMs: number
      reason: 'deleted' | 'expired'
    }
  | {
      kind: 'put_embeddings'
      namespaceId: number
      model: string
      vectors: readonly { cubeId: string; cid: string; vector: Uint8Array }[]
    }
  | {
      kind: 'advance_space'
      namespaceId: number
      model: string
      dimensions: number
      state: 'building' | 'active'
      /** How far the space had been filled when the cubes were read; null when there was none. */
      fromSeq: number | null
      builtSeq: number
      atMs: number
    }
  | { kind: 'activate_space'; namespaceId: number; model: string }
  | { kind: 'drop_space'; namespaceId: number; model: string }
  | { kind: 'insert_namespace'; namespace: NamespaceRow }
  | {
      kind: 'set_namespace_settings'
      namespaceId: number
      /** Settings that were read: another change in between aborts the batch. */
      before: NamespaceRow['settings']
      settings: NamespaceRow['settings']
    }
  | { kind: 'delete_namespace'; namespaceId: number }
  | { kind: 'expect_quota'; cubes: number; cubesMax: number }
  | { kind: 'insert_task'; task: TaskRow }
  | {
      kind: 'set_task'
      taskId: string
      expectedState: TaskState
      state: TaskState
      progress?: number
      total?: number
      error?: string | null
      leaseUntilMs?: number | null
      attempts?: number
      atMs: number
    }
  | { kind: 'finish_idempotency'; key: string; status: number; response: string }
  | { kind: 'audit'; entry: Omit<AuditRow, 'id' | 'orgId' | 'hash'> & { memoryType: MemoryType | null } }
