/**
 * The same deterministic embedding for every engine, so that a comparison measures the engines: feature hashing (Weinberger et al. 2009) of words
 * and character trigrams with FNV-1a, signed, unit length.
 */
export const EMBEDDER_MODEL = 'fnv-384'
export const EMBEDDER_DIMENSIONS = 384

const TRIGRAM_WEIGHT = 0.3
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

export function embed(text: string): Float32Array {
  const vector = new Float32Array(EMBEDDER_DIMENSIONS)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    // Two places per word make it unlikely that two words share both.
    addFeature(vector, `1 ${word}`, 1)
    addFeature(vector, `2 ${word}`, 1)
    const framed = `<${word}>`
    for (let at = 0; at + 3 <= framed.length; at++) addFeature(vector, framed.slice(at, at + 3), TRIGRAM_WEIGHT)
  }
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1
  return vector.map((value) => value / length)
}

function addFeature(vector: Float32Array, feature: string, weight: number): void {
  let hash = FNV_OFFSET
  for (let i = 0; i < feature.length; i++) hash = Math.imul(hash ^ feature.charCodeAt(i), FNV_PRIME)
  const place = (hash >>> 1) % EMBEDDER_DIMENSIONS
  vector[place] = (vector[place] as number) + (hash & 1 ? weight : -weight)
}
