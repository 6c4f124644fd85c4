/** A model that turns text into vectors. */
export interface Embedder {
  /** Id under which its vectors are stored; another model means another id. */
  readonly model: string
  /** Length of its vectors; null until the first answer tells. */
  readonly dimensions: number | null
  /** Unit vectors in the order of the texts. Throws MemosError `embedder_failed`. */
  embed(
    texts: readonly string[],
    options: { kind: 'query' | 'document'; signal?: AbortSignal },
  ): Promise<Float32Array[]>
}
