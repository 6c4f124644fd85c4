import { z } from 'zod'
import { canonicalString } from './canonical-text.ts'
import { ObjectCid } from './cid.ts'
import { LicenceTerms, TravelPolicy } from './licence.ts'
import {
  LINEAGE_MAX,
  LINEAGE_SHARE_MICROS_MAX,
  RENDITIONS_MAX,
  SEMANTIC_TYPE_LENGTH_MAX,
  SHARE_MICROS_MAX,
  TAG_LENGTH_MAX,
  TAGS_MAX,
  TITLE_LENGTH_MAX,
} from './limits.ts'
import { LanguageTag, Rendition } from './rendition.ts'
import { TimestampMs } from './timestamp.ts'
import { MemoryType } from './vocabulary.ts'

/** ULID, upper case only: two spellings of one id would be two cubes. The first digit is at most 7 (128 bits). */
export const CubeId = z
  .string()
  .regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, 'expected an upper-case ULID')
  .meta({ id: 'CubeId', description: 'ULID of a cube; the same through all its revisions.' })

/** Semantic types that MemOS Edge itself gives meaning to. The list of the paper (section 4.2) is open, so the field is too. */
export const SEMANTIC_TYPES = [
  'unspecified',
  'fact',
  'user_preference',
  'task_prompt',
  'domain_knowledge',
  'event',
] as const
export const SemanticType = z
  .string()
  .max(SEMANTIC_TYPE_LENGTH_MAX)
  .regex(/^[a-z][a-z0-9_]*$/, 'expected a snake_case word')
  .meta({ id: 'SemanticType', description: `Open vocabulary; known: ${SEMANTIC_TYPES.join(', ')}.` })

export const LINEAGE_RELATIONS = ['derived', 'merged', 'distilled', 'translated'] as const
export const LineageParent = z
  .strictObject({
    cid: ObjectCid.describe('Revision this one was made from.'),
    relation: z.enum(LINEAGE_RELATIONS),
    shareMicros: z
      .int()
      .positive()
      .max(SHARE_MICROS_MAX)
      .optional()
      .describe('Royalty share of the parent, millionths.'),
  })
  .meta({ id: 'LineageParent', description: 'Where a revision comes from and what the parent earns. MIP 4.6, 4.10.' })

/** 16 bytes as unpadded base64url: 22 characters of which the last carries two bits. */
const Salt = z.string().regex(/^[A-Za-z0-9_-]{21}[AQgw]$/, 'expected 16 bytes as unpadded base64url')

const fields = z.strictObject({
  v: z.literal(1).describe('Major version of the object. MIP 4.11.'),
  cubeId: CubeId.describe('MIP 4.6 `cube`.'),
  number: z.int().positive().describe('1 for the first revision, then one more each time. MIP 4.6 `rev`.'),
  prev: ObjectCid.nullable().describe('The revision before this one; null for the first. MIP 4.6.'),
  title: canonicalString(TITLE_LENGTH_MAX).optional().describe('MIP 4.6.'),
  semanticType: SemanticType.describe('MemOS paper, section 4.2, descriptive identifiers.'),
  memoryType: MemoryType,
  tags: z
    .array(canonicalString(TAG_LENGTH_MAX))
    .max(TAGS_MAX)
    .describe('MIP 4.6 `topics`; what subscriptions filter on.'),
  language: LanguageTag.optional().describe('Main language of the content.'),
  renditions: z.array(Rendition).min(1).max(RENDITIONS_MAX).describe('The payload. MIP 4.6.'),
  portable: z
    .literal(false)
    .optional()
    .describe('false: there is no text, the memory is of use to the named models only. MIP 4.6.'),
  lineage: z.array(LineageParent).max(LINEAGE_MAX).describe('MIP 4.6.'),
  licence: LicenceTerms.optional(),
  policy: TravelPolicy.optional(),
  validFromMs: TimestampMs.optional().describe('What the memory says holds from here.'),
  validToMs: TimestampMs.optional().describe('... and until here (exclusive).'),
  createdAtMs: TimestampMs.optional().describe('When the revision was written, as its author tells it; advisory.'),
  salt: Salt.describe('Random; keeps an erased short text from being guessed from its CID. MIP 4.2.'),
})

/**
 * The signed, travelling part of a MemCube, as JSON view (CIDs, digests and salt are text). protocol/core/revision.ts turns it into
 * canonical bytes. Nothing local stands in it: no access rights, state, priority, use counts or embeddings (ARCHITECTURE section 5).
 */
export const Revision = fields
  .superRefine((revision, ctx) => {
    for (const [path, message] of problems(revision)) ctx.addIssue({ code: 'custom', path: [path], message })
  })
  .meta({ id: 'Revision', description: 'The signed, travelling part of a MemCube. MIP 4.6.' })
export type Revision = z.infer<typeof Revision>

type Problem = [path: keyof Revision, message: string]

function problems(revision: z.infer<typeof fields>): Problem[] {
  const found: Problem[] = []
  const { number, prev, tags, lineage, validFromMs, validToMs } = revision
  if ((number === 1) !== (prev === null)) found.push(['prev', 'expected null exactly for number 1'])
  if (new Set(tags).size !== tags.length) found.push(['tags', 'expected no tag twice'])
  if (new Set(lineage.map((parent) => parent.cid)).size !== lineage.length)
    found.push(['lineage', 'expected no parent twice'])
  if (lineage.reduce((sum, parent) => sum + (parent.shareMicros ?? 0), 0) > LINEAGE_SHARE_MICROS_MAX)
    found.push(['lineage', `expected shares of at most ${LINEAGE_SHARE_MICROS_MAX} together`])
  if (validFromMs !== undefined && validToMs !== undefined && validFromMs >= validToMs)
    found.push(['validToMs', 'expected a time after validFromMs'])
  return found.concat(payloadProblems(revision))
}

const CARRIERS = { plaintext: ['text'], activation: ['kv', 'steering'], parametric: ['lora'] } as const

function payloadProblems({ memoryType, portable, renditions }: z.infer<typeof fields>): Problem[] {
  const kinds = renditions.map((rendition) => rendition.kind)
  const carriers: readonly string[] = CARRIERS[memoryType]
  const found: Problem[] = []
  if (!kinds.some((kind) => carriers.includes(kind)))
    found.push(['renditions', `expected a rendition of kind ${carriers.join(' or ')} for memory type ${memoryType}`])
  const texts = kinds.filter((kind) => kind === 'text').length
  if (texts !== (portable === false ? 0 : 1))
    found.push(['renditions', 'expected exactly one text rendition, or none with portable false'])
  return found
}
