import { z } from 'zod'
import { canonicalString, isCanonicalText, utf8Length } from './canonical-text.ts'
import {
  CONTENT_INLINE_BYTES_MAX,
  NAME_LENGTH_MAX,
  SHORT_PAPER_ACCESS_NAMES_MAX,
  SHORT_PAPER_VALUE_LENGTH_MAX,
  TAG_LENGTH_MAX,
  TAGS_MAX,
} from './limits.ts'
import { Priority } from './vocabulary.ts'

const name = canonicalString(NAME_LENGTH_MAX)

const Meta = z.strictObject({
  created: z.iso.date(),
  last_used: z.iso.date(),
  source: name,
  model: name,
  usage: z.int().nonnegative(),
  priority: Priority,
  expires: z.iso.date(),
  access: z.array(name).max(SHORT_PAPER_ACCESS_NAMES_MAX),
  tags: z.array(canonicalString(TAG_LENGTH_MAX)).max(TAGS_MAX),
  embedding_fp: name,
  storage_mode: name,
})

const content = z
  .string()
  .refine(isCanonicalText, 'expected well-formed NFC text without a leading byte order mark')
  .refine(
    (text) => utf8Length(text) <= CONTENT_INLINE_BYTES_MAX,
    `expected at most ${CONTENT_INLINE_BYTES_MAX} bytes of UTF-8`,
  )
const value = z.string().max(SHORT_PAPER_VALUE_LENGTH_MAX)

const Payload = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('explicit'), format: z.literal('text'), content }),
  z.strictObject({
    type: z.literal('activation'),
    format: z.literal('tensor'),
    injection_layer: z.int().nonnegative(),
    value,
  }),
  z.strictObject({ type: z.literal('parametric'), format: z.literal('lora_patch'), module: name, value }),
])

/**
 * A cube as the short paper prints it (arXiv 2505.22101, figure 5): the only literal schema that the papers give. Field names are the
 * paper's. protocol/core/short-paper.ts maps it to a Revision and local fields.
 */
export const ShortPaperCube = z
  .strictObject({ meta: Meta, payload: Payload })
  .meta({ id: 'ShortPaperCube', description: 'MemCube as printed in figure 5 of arXiv 2505.22101.' })
export type ShortPaperCube = z.infer<typeof ShortPaperCube>
