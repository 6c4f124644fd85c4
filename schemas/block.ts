import { z } from 'zod'
import { isWellFormed, Name, NamespaceName, WELL_FORMED } from './common.ts'
import { Content, Target } from './cube.ts'
import { LifecycleState } from './lifecycle.ts'
import {
  BLOCK_MEMBERS_PER_REQUEST_MAX,
  BLOCK_TEXT_BYTES_MAX,
  BLOCK_TOKENS_DEFAULT,
  BLOCK_TOKENS_MAX,
  FEEDBACK_ITEMS_MAX,
  FEEDBACK_QUERY_LENGTH_MAX,
} from './limits.ts'
import { CubeId } from './revision.ts'

export const BLOCK_KINDS = ['profile', 'skill', 'project', 'other'] as const
export const BlockKind = z.enum(BLOCK_KINDS).meta({ id: 'BlockKind' })
export type BlockKind = z.infer<typeof BlockKind>

export const BLOCK_CHANGE_KINDS = ['rank', 'merge', 'split', 'rewrite', 'retire', 'page_out', 'rollback'] as const
export const BlockChangeKind = z.enum(BLOCK_CHANGE_KINDS).meta({ id: 'BlockChangeKind' })
export type BlockChangeKind = z.infer<typeof BlockChangeKind>

/** What a caller says of a memory that it was given. */
export const OUTCOMES = ['used', 'helped', 'corrected', 'ignored'] as const
export const Outcome = z.enum(OUTCOMES).meta({ id: 'Outcome' })
export type Outcome = z.infer<typeof Outcome>

export const BlockId = z
  .string()
  .regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, 'expected an upper-case ULID')
  .meta({ id: 'BlockId' })

const utf8 = new TextEncoder()
const isShort = (text: string): boolean => utf8.encode(text).length <= BLOCK_TEXT_BYTES_MAX
const SHORT = `at most ${BLOCK_TEXT_BYTES_MAX} bytes of UTF-8`
const BlockText = Content.refine(isShort, SHORT)
const EditText = z.string().refine(isWellFormed, WELL_FORMED).refine(isShort, SHORT)
const TokensMax = z.int().min(16).max(BLOCK_TOKENS_MAX)

export const CreateBlock = z
  .strictObject({
    ...Target,
    name: Name,
    kind: BlockKind.default('other'),
    /** Stands in front of every context pack of its namespace. */
    pinned: z.boolean().default(false),
    /** Size of the text, in estimated tokens; what is beyond is paged out to ordinary cubes. */
    tokensMax: TokensMax.default(BLOCK_TOKENS_DEFAULT),
    text: BlockText.optional(),
  })
  .meta({
    id: 'CreateBlock',
    examples: [{ name: 'Alice', kind: 'profile', pinned: true, tokensMax: 256, text: 'Prefers window seats.' }],
  })
export type CreateBlock = z.infer<typeof CreateBlock>

export const UpdateBlock = z
  .strictObject({
    name: Name.optional(),
    kind: BlockKind.optional(),
    pinned: z.boolean().optional(),
    tokensMax: TokensMax.optional(),
  })
  .refine((update) => Object.keys(update).length > 0, 'at least one field to change')
  .meta({ id: 'UpdateBlock', examples: [{ pinned: true }] })
export type UpdateBlock = z.infer<typeof UpdateBlock>

export const BLOCK_EDITS = ['append', 'insert', 'replace', 'rewrite'] as const

/** An edit of a block's text, in the words of Letta's core memory tools. */
export const EditBlock = z
  .strictObject({
    op: z.enum(BLOCK_EDITS),
    /** replace: the text to go; insert: the text after whose line the new one stands, by default the beginning. Must occur once. */
    old: EditText.refine((text) => text !== '', 'text that is not empty').optional(),
    new: EditText,
    expectedRevision: z.int().min(1).optional(),
  })
  .refine(({ op, old }) => op !== 'replace' || old !== undefined, { path: ['old'], message: 'the text to replace' })
  .refine(({ op, old }) => op === 'replace' || op === 'insert' || old === undefined, {
    path: ['old'],
    message: 'nothing: only replace and insert look for a text',
  })
  .refine((edit) => edit.op === 'replace' || edit.new.trim() !== '', {
    path: ['new'],
    message: 'text that is not blank',
  })
  .meta({
    id: 'EditBlock',
    examples: [{ op: 'replace', old: 'window seats', new: 'aisle seats', expectedRevision: 1 }],
  })
export type EditBlock = z.infer<typeof EditBlock>

const stamp = z.iso.datetime()

/** A MemBlock without its text. */
export const Block = z
  .strictObject({
    blockId: BlockId,
    namespace: NamespaceName,
    name: Name,
    kind: BlockKind,
    pinned: z.boolean(),
    tokensMax: z.int(),
    coreCubeId: CubeId.meta({ description: 'Ordinary cube that holds the text; its revisions are the history.' }),
    createdAt: stamp,
    updatedAt: stamp,
  })
  .meta({ id: 'Block' })
export type Block = z.infer<typeof Block>

export const BlockDetail = Block.extend({
  text: z.string(),
  tokens: z.int().meta({ description: 'Estimated tokens of the text.' }),
  revision: z.int(),
  members: z.int().meta({ description: 'Members that are not retired, of those that the caller may read.' }),
}).meta({ id: 'BlockDetail' })
export type BlockDetail = z.infer<typeof BlockDetail>

/** What a write of a block's text answers; never the text itself, since answers are kept for retries. */
export const BlockReceipt = z
  .strictObject({
    blockId: BlockId,
    coreCubeId: CubeId,
    revision: z.int(),
    tokens: z.int(),
    pagedOut: z.array(CubeId).meta({ description: 'Cubes that took over what went beyond tokensMax, oldest first.' }),
    changeId: BlockId.nullable().meta({ description: 'The change that paged out; null where everything fits.' }),
  })
  .meta({ id: 'BlockReceipt' })
export type BlockReceipt = z.infer<typeof BlockReceipt>

export const AddMembers = z
  .strictObject({ cubeIds: z.array(CubeId).min(1).max(BLOCK_MEMBERS_PER_REQUEST_MAX) })
  .meta({ id: 'AddMembers', examples: [{ cubeIds: ['01JQZ3V5R8ZK6W3T7N2Y4B9C1D'] }] })
export const MembersAdded = z.strictObject({ added: z.int() }).meta({ id: 'MembersAdded' })

export const BlockMember = z
  .strictObject({
    cubeId: CubeId,
    weight: z.number().meta({ description: '-1..1, what feedback made of it in this block.' }),
    usefulness: z.number().meta({ description: '-1..1, what ranking goes by.' }),
    state: LifecycleState,
    addedAt: stamp,
    retiredAt: stamp.nullable(),
  })
  .meta({ id: 'BlockMember' })
export type BlockMember = z.infer<typeof BlockMember>

const Quality = z
  .number()
  .nullable()
  .meta({ description: 'Mean reciprocal rank (0..1) of what helped, over the replayed questions; null without any.' })

export const BlockChange = z
  .strictObject({
    changeId: BlockId,
    kind: BlockChangeKind,
    reason: z.string(),
    /** Ids, numbers and revisions only; what was said stands in the revisions. */
    before: z.record(z.string(), z.unknown()),
    after: z.record(z.string(), z.unknown()),
    questions: z.int(),
    qualityBefore: Quality,
    qualityAfter: Quality,
    caller: z.string(),
    at: stamp,
    undoneAt: stamp.nullable(),
  })
  .meta({ id: 'BlockChange' })
export type BlockChange = z.infer<typeof BlockChange>

export const EvolveBlock = z
  .strictObject({ dryRun: z.boolean().default(false) })
  .meta({ id: 'EvolveBlock', examples: [{ dryRun: true }] })

export const Evolution = z
  .strictObject({
    dryRun: z.boolean(),
    /** What is to be done, in a dry run; else what was done. */
    proposals: z.array(z.strictObject({ kind: BlockChangeKind, reason: z.string(), cubeIds: z.array(CubeId) })),
    changes: z.array(BlockChange),
    questions: z.int(),
    qualityBefore: Quality,
    qualityAfter: Quality,
  })
  .meta({ id: 'Evolution' })
export type Evolution = z.infer<typeof Evolution>

export const ChangeUndone = z.strictObject({ changeId: BlockId, undoneAt: stamp }).meta({ id: 'ChangeUndone' })

export const FeedbackItem = z.strictObject({
  cubeId: CubeId,
  outcome: Outcome,
  /** Request that handed the memory out: the same feedback on it counts once. */
  requestId: Name.optional(),
  /** Question that it was handed out for; kept with the memory, to see whether later changes do harm. */
  query: z
    .string()
    .max(FEEDBACK_QUERY_LENGTH_MAX)
    .refine((text) => text.trim() !== '', 'text that is not blank')
    .refine(isWellFormed, WELL_FORMED)
    .optional(),
  /** What it should have said; makes a new revision. */
  correction: BlockText.optional(),
})
export type FeedbackItem = z.infer<typeof FeedbackItem>

const correctsOnly = ({ outcome, correction }: FeedbackItem): boolean =>
  correction === undefined || outcome === 'corrected'
const CORRECTS_ONLY = { path: ['correction'], message: 'nothing, unless the outcome is corrected' }

/** Feedback on one memory, or `items` on several. */
export const SendFeedback = z
  .union([
    FeedbackItem.refine(correctsOnly, CORRECTS_ONLY),
    z.strictObject({
      items: z.array(FeedbackItem.refine(correctsOnly, CORRECTS_ONLY)).min(1).max(FEEDBACK_ITEMS_MAX),
    }),
  ])
  .meta({
    id: 'SendFeedback',
    examples: [{ cubeId: '01JQZ3V5R8ZK6W3T7N2Y4B9C1D', outcome: 'helped', requestId: 'turn-17' }],
  })
export type SendFeedback = z.infer<typeof SendFeedback>

export const FeedbackReceipt = z
  .strictObject({
    recorded: z.int().meta({ description: 'Feedback that was new.' }),
    revised: z.array(z.strictObject({ cubeId: CubeId, revision: z.int() })),
  })
  .meta({ id: 'FeedbackReceipt' })
export type FeedbackReceipt = z.infer<typeof FeedbackReceipt>
