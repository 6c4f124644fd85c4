import type { Cid } from '../../../schemas/cid.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { SensitiveLabel, Sensitivity } from '../../../schemas/vocabulary.ts'
import type { IndexedText, StoredCube } from '../../ports/vault-write.ts'
import type { FullCube } from '../vault/cube-reader.ts'

type TextRendition = Extract<Rendition, { kind: 'text' }>

/** What the operation layer knows about a text: handed in, since infrastructure does not import it. */
export interface Organise {
  analyserVersion: number
  indexText(source: {
    content: string
    title: string | null
    speaker: string | null
    role: string | null
    saidAtMs: number
  }): IndexedText
  /** Kinds of sensitive content in title and text, and how sensitive a cube with them is. */
  labelsOf(text: string): SensitiveLabel[]
  sensitivityOf(stated: Sensitivity, labels: readonly SensitiveLabel[]): Sensitivity
  /** The text without what `labelsOf` finds. */
  redactSensitive(text: string): string
  featuresOf(source: { text: string; role: string | null }): number
  /** Text as a revision carries it: inside, or as a blob when it is long. */
  placeText(text: string): {
    rendition: Pick<TextRendition, 'text' | 'blob'>
    blob: { cid: Cid; bytes: Uint8Array } | null
  }
  storedCube(full: FullCube, blobs: readonly string[]): StoredCube
}
