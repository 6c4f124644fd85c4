import type { ENTITY_KINDS, KNOWLEDGE_SOURCES } from '../../../schemas/vocabulary.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'

export type KnowledgeSource = (typeof KNOWLEDGE_SOURCES)[number]

/** A cube as extraction sees it. */
export interface FactSource {
  seq: number
  cubeId: string
  content: string
  title: string | null
  speaker: string | null
  role: 'user' | 'assistant' | 'system' | 'tool' | null
  saidAtMs: number
  createdAtMs: number
}

/** A statement found in one cube. `subject` and `objectKey` are entity keys (schemas/entity-key.ts); valid time is half open. */
export interface DraftFact {
  subject: string
  predicate: string
  object: string
  /** Entity that the object names; null for a plain value. */
  objectKey: string | null
  validFromMs: number
  validToMs: number | null
  /** 0..1 */
  confidence: number
  source: KnowledgeSource
}

export type EntityKind = (typeof ENTITY_KINDS)[number]

/** A thing that one cube speaks of, with the number of times. */
export interface DraftMention {
  key: string
  /** As it was written first. */
  name: string
  kind: EntityKind
  count: number
  /** False for a word that may be a name or only opens a sentence. */
  sure: boolean
}

/**
 * What the background build asks of the facts: extract (`extractFacts`) and decide (`planFacts`), as one call for one bounded batch.
 * `facts-builder.ts` makes one (`factsPlanner`).
 */
export type FactsPlanner = (input: {
  session: VaultSession
  namespaceId: number
  /** Cubes whose present text is to be read. */
  sources: readonly FactSource[]
  /** Those among them that were read before with another text: what that one stated is retracted. */
  revised: readonly number[]
  /** What a language model found in them, by sequence number. */
  byModel?: ReadonlyMap<number, { facts: readonly DraftFact[] }>
  context: RequestContext
}) => Promise<VaultWrite[]>
