import type { VectorSpace } from '../../ports/vector-index.ts'
import { sha256Hex } from './chunk-codec.ts'

/** Hex digits that stand for a model: its own name may exceed Vectorize's 64 bytes for ids and namespaces. */
const MODEL_HEX_LENGTH = 16

/** Namespace of a space in Vectorize: at most 33 bytes. */
export async function vectorizeNamespace({ namespaceId, model }: VectorSpace): Promise<string> {
  const digest = await sha256Hex(new TextEncoder().encode(model))
  return `${namespaceId}-${digest.slice(0, MODEL_HEX_LENGTH)}`
}

/** Id of a row: at most 50 bytes. Ids are unique in the whole Vectorize index, so they carry the namespace. */
export const idOf = (namespace: string, seq: number): string => `${namespace}-${seq}`

export const seqOf = (id: string): number => Number(id.slice(id.lastIndexOf('-') + 1))

/** Id of the marker that tells how far a space is absorbed. */
export const markerIdOf = (namespace: string): string => `${namespace}-absorbed`
