/** Decisions on entities and facts. */
export type KnowledgeWrite = never
