import type { ENTITY_KINDS } from '../../../schemas/vocabulary.ts'
import type { FactWrite } from './facts.ts'

export interface EntityName {
  key: string
  name: string
  kind: (typeof ENTITY_KINDS)[number]
}

/** Decisions on entities and facts. */
export type KnowledgeWrite = EntityWrite | FactWrite

export type EntityWrite =
  /** What a batch of cubes speaks of. Aborts when another run was faster, or when one of the cubes has another text by now. */
  | {
      kind: 'put_mentions'
      namespaceId: number
      /** How far the namespace was read before and after. */
      fromSeq: number
      readSeq: number
      /** Cubes read again, those included that may no longer be read. */
      reread: readonly number[]
      cubes: readonly { seq: number; cid: string; mentions: readonly (readonly [key: string, count: number])[] }[]
      entities: readonly EntityName[]
      atMs: number
    }
  /** Aliases that the rules make and take back; what a caller decided is left as it is. */
  | {
      kind: 'set_rule_aliases'
      namespaceId: number
      put: readonly (readonly [alias: string, parent: string])[]
      drop: readonly string[]
      atMs: number
    }
  /** Both are entities that are no alias of another one; aborts otherwise. */
  | { kind: 'merge_entities'; namespaceId: number; from: string; into: string; by: string; atMs: number }
  /** `alias` is one; aborts otherwise. It then stands for itself, and so do the names that were merged into it before. */
  | { kind: 'split_entity'; namespaceId: number; alias: string; by: string; atMs: number }
