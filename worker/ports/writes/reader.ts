/** Decisions of MemReader. */
export type ReaderWrite =
  /** Aborts when anything was written to the namespace since it was read: a plan made twice at once must not add the same twice. */
  { kind: 'expect_unchanged'; namespaceId: number; nextSeq: number; nextChange: number }
