import type { LocalFields } from '../../../schemas/branch-local.ts'
import { utf8Length } from '../../../schemas/canonical-text.ts'
import { Metadata } from '../../../schemas/common.ts'
import { CONTENT_BYTES_MAX, TAGS_MAX } from '../../../schemas/limits.ts'
import type { Rendition } from '../../../schemas/rendition.ts'
import type { Revision } from '../../../schemas/revision.ts'
import type { MergeStrategy } from '../../../schemas/time-machine.ts'
import type { Draft } from '../organise/draft-cube.ts'
import { placeText } from '../organise/place-text.ts'
import { mergeRecord, mergeSet, mergeText, mergeValue, type Sides } from './three-way.ts'

/** One side of a cube: what its revision says, and what stands beside it. */
export interface CubeSide {
  revision: Revision
  content: string | null
  local: LocalFields
}

export interface MergedCube extends CubeSide {
  blobs: Draft['blobs']
  /** Names of the fields that both sides changed in different ways. */
  conflicts: string[]
}

/** A cube merged field by field. Model-bound renditions survive with the text that they encode. */
export function mergeCube(sides: Sides<CubeSide>, strategy: MergeStrategy): MergedCube {
  const conflicts: string[] = []
  const of = <T>(read: (side: CubeSide) => T): Sides<T> => ({
    base: read(sides.base),
    ours: read(sides.ours),
    theirs: read(sides.theirs),
  })
  const value = <T>(field: string, read: (side: CubeSide) => T): T => {
    const merged = mergeValue(of(read), strategy)
    if (merged.isConflict) conflicts.push(field)
    return merged.value
  }
  const contents = of(({ content }) => content ?? '')
  const merged = mergeText(contents, strategy)
  const fits = utf8Length(merged.value) <= CONTENT_BYTES_MAX && merged.value.trim() !== ''
  if (merged.isConflict || !fits) conflicts.push('content')
  const content = fits ? merged.value : strategy === 'theirs' ? contents.theirs : contents.ours
  const title = value('title', ({ revision }) => revision.title ?? null)
  const tags = mergedTags(
    of(({ revision }) => revision.tags),
    strategy,
    conflicts,
  )
  const { title: _, ...ours } = sides.ours.revision
  const placed = withText(content, sides)
  return {
    revision: {
      ...ours,
      ...(title === null ? {} : { title }),
      semanticType: value('semanticType', ({ revision }) => revision.semanticType),
      tags,
      renditions: placed.renditions,
    },
    content: sides.ours.content === null && sides.theirs.content === null ? null : content,
    local: {
      metadata: mergedMetadata(
        of(({ local }) => local.metadata),
        strategy,
        conflicts,
      ),
      priority: value('priority', ({ local }) => local.priority),
      sensitivity: value('sensitivity', ({ local }) => local.sensitivity),
      expiresAtMs: value('expiresAt', ({ local }) => local.expiresAtMs),
    },
    blobs: placed.blobs,
    conflicts,
  }
}

function mergedTags(sides: Sides<readonly string[]>, strategy: MergeStrategy, conflicts: string[]): string[] {
  const tags = mergeSet(sides)
  if (tags.length <= TAGS_MAX) return tags
  conflicts.push('tags')
  return [...(strategy === 'theirs' ? sides.theirs : sides.ours)]
}

function mergedMetadata(
  sides: Sides<LocalFields['metadata']>,
  strategy: MergeStrategy,
  conflicts: string[],
): LocalFields['metadata'] {
  const merged = mergeRecord(sides, strategy)
  if (Metadata.safeParse(merged.value).success) {
    conflicts.push(...merged.conflicts.map((name) => `metadata.${name}`))
    return merged.value
  }
  conflicts.push('metadata')
  return strategy === 'theirs' ? sides.theirs : sides.ours
}

/** Renditions of a merged text: those of the side that has it, or the bare text. */
function withText(
  content: string,
  { ours, theirs }: Sides<CubeSide>,
): { renditions: Rendition[]; blobs: Draft['blobs'] } {
  if (content === (ours.content ?? '')) return { renditions: ours.revision.renditions, blobs: [] }
  if (content === (theirs.content ?? '')) return { renditions: theirs.revision.renditions, blobs: [] }
  const { rendition, blob } = placeText(content)
  const first = ours.revision.renditions.find((one) => one.kind === 'text')?.messages?.[0]
  const text = { kind: 'text', mime: 'text/plain', ...rendition, ...(first === undefined ? {} : { messages: [first] }) }
  return { renditions: [text as Rendition], blobs: blob === null ? [] : [blob] }
}
