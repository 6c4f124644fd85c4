import { z } from 'zod'
import { utf8Length } from './canonical-text.ts'
import {
  CLOCK_SKEW_MS_MAX,
  CURSOR_LENGTH_MAX,
  METADATA_BYTES_MAX,
  METADATA_KEYS_MAX,
  METADATA_VALUE_LENGTH_MAX,
  NAME_LENGTH_MAX,
  PAGE_ITEMS_DEFAULT,
  PAGE_ITEMS_MAX,
  TAG_LENGTH_MAX,
  TAGS_MAX,
} from './limits.ts'

/** What a refusal of lone surrogates says: they have no UTF-8 form. */
export const WELL_FORMED = 'well-formed Unicode'
export const isWellFormed = (text: string): boolean => text.isWellFormed()

// Control characters have no business in names and break logs and terminals.
const printable = /^[^\p{Cc}\p{Cs}]+$/u

/** Name that a caller chooses for a session, speaker, user or agent. */
export const Name = z.string().min(1).max(NAME_LENGTH_MAX).regex(printable, 'no control characters')

/** Name of a namespace. A subject's own is `user:` or `agent:` and its id, whatever characters that id has. */
export const NamespaceName = z
  .string()
  .min(1)
  .max('agent:'.length + NAME_LENGTH_MAX)
  .regex(
    /^(?:[A-Za-z0-9][A-Za-z0-9._:@-]*|(?:user|agent):[^\p{Cc}\p{Cs}]+)$/u,
    'letters, digits and . _ : @ -, starting with a letter or digit',
  )
  .meta({ id: 'NamespaceName', examples: ['default', 'user:alice'] })

export const Tag = z.string().min(1).max(TAG_LENGTH_MAX).regex(printable, 'no control characters')
export const Tags = z.array(Tag).max(TAGS_MAX)

/** Flat, caller-defined facts that filters can ask for. */
export const Metadata = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/),
    z.union([z.string().max(METADATA_VALUE_LENGTH_MAX).refine(isWellFormed, WELL_FORMED), z.number(), z.boolean()]),
  )
  .refine((value) => Object.keys(value).length <= METADATA_KEYS_MAX, `at most ${METADATA_KEYS_MAX} keys`)
  .refine(
    (value) => utf8Length(JSON.stringify(value)) <= METADATA_BYTES_MAX,
    `at most ${METADATA_BYTES_MAX} bytes as JSON`,
  )
  .meta({ id: 'Metadata' })
export type Metadata = z.infer<typeof Metadata>

const YEAR_9999_MS = 253_402_300_799_999

/** A moment: ISO 8601 with offset, or milliseconds since 1970. Output is always ISO 8601 in UTC. */
export const Moment = z
  .union([z.iso.datetime({ offset: true }), z.int().min(-YEAR_9999_MS).max(YEAR_9999_MS)])
  .meta({ id: 'Moment', examples: ['2026-03-05T09:30:00Z', 1772703000000] })

export const momentMs = (moment: z.infer<typeof Moment>): number =>
  typeof moment === 'number' ? moment : Date.parse(moment)

/** Whether a moment told by a caller lies further ahead of `nowMs` than clocks drift. */
export const isTooFarAhead = (moment: z.infer<typeof Moment>, nowMs: number): boolean =>
  momentMs(moment) > nowMs + CLOCK_SKEW_MS_MAX

export const isoOf = (ms: number): string => new Date(ms).toISOString()

export const PageQuery = z.strictObject({
  cursor: z.string().max(CURSOR_LENGTH_MAX).optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_ITEMS_MAX).default(PAGE_ITEMS_DEFAULT),
})

/** One page of a list: `nextCursor` is null on the last one. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() })
