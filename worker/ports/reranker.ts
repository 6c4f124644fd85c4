/** A model that scores passages against a query. */
export interface Reranker {
  readonly model: string
  /** One score per passage; higher is better. */
  rerank(query: string, passages: readonly string[], signal: AbortSignal): Promise<number[]>
}
