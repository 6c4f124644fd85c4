/** Decisions on MemBlocks and feedback. */
export type BlockWrite = never
