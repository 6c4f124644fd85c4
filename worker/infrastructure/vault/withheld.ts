import type { FullCube } from './cube-reader.ts'

/** Stands for a text of which nothing may be shown. */
const TEXT_MASK = '[redacted]'

/**
 * A cube of which a reader may know that it is there, and no more: sensitive passages are masked where detection has found some, and all of a
 * text is where somebody called it personal for reasons that no pattern knows.
 */
export function withheld(full: FullCube, redact: (text: string) => string): FullCube {
  const { cube } = full
  const mask = (text: string | null) => (text === null ? null : cube.labels.length > 0 ? redact(text) : TEXT_MASK)
  return {
    ...full,
    cube: { ...cube, title: mask(cube.title), speaker: null, tags: [], metadata: {}, originRef: null },
    revision: { ...full.revision, renditions: [] },
    content: mask(full.content),
    session: null,
  }
}
