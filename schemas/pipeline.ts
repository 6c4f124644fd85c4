import { z } from 'zod'
import { Metadata, NamespaceName, Tags } from './common.ts'
import { Filter } from './filter.ts'
import {
  CONTENT_BYTES_MAX,
  PIPELINE_CUBES_MAX,
  PIPELINE_PARAMETERS_MAX,
  PIPELINE_STEPS_MAX,
  QUERY_LENGTH_MAX,
  SEARCH_RESULTS_MAX,
  TITLE_LENGTH_MAX,
} from './limits.ts'
import { CubeId, LINEAGE_RELATIONS, SemanticType } from './revision.ts'
import { Priority, UpdateMode } from './vocabulary.ts'

const StepId = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, 'expected a snake_case word of at most 40 characters')

/** May hold `{{parameter}}`; the template of a transform also `{{content}}`, `{{title}}`, `{{date}}` and `{{speaker}}` of the cube at hand. */
const Template = (lengthMax: number) => z.string().min(1).max(lengthMax)

const step = {
  id: StepId,
  /** Steps that come before, beside those it takes from. */
  after: z.array(StepId).max(PIPELINE_STEPS_MAX).optional(),
}
const From = z.union([StepId, z.array(StepId).min(1).max(PIPELINE_STEPS_MAX)]).meta({ id: 'StepSource' })
const taking = { ...step, from: From }

const Retrieve = z.strictObject({
  ...step,
  kind: z.literal('retrieve').describe('Cubes by query, by filter, or by id.'),
  query: Template(QUERY_LENGTH_MAX).optional(),
  filter: Filter.optional(),
  cubeIds: z.array(CubeId).min(1).max(PIPELINE_CUBES_MAX).optional(),
  namespace: Template(256).optional().describe('Another namespace than that of the run.'),
  limit: z.int().min(1).max(Math.min(SEARCH_RESULTS_MAX, PIPELINE_CUBES_MAX)).default(20),
  includeArchived: z.boolean().default(false),
})
const Augment = z.strictObject({
  ...taking,
  kind: z
    .literal('augment')
    .describe('Adds what belongs to the cubes at hand: the rest of their conversations, or what is similar.'),
  with: z.enum(['session', 'similar']),
  limit: z.int().min(1).max(PIPELINE_CUBES_MAX).default(20).describe('Cubes added for each cube at hand.'),
})
const Select = z.strictObject({
  ...taking,
  kind: z.literal('select').describe('Some of the cubes at hand.'),
  tag: Template(64).optional(),
  semanticType: SemanticType.optional(),
  order: z.enum(['given', 'oldest', 'newest']).default('given'),
  limit: z.int().min(1).max(PIPELINE_CUBES_MAX).optional(),
})
const Transform = z.strictObject({
  ...taking,
  kind: z.literal('transform').describe('Makes other texts of the texts at hand.'),
  op: z.enum(['redact', 'deduplicate', 'concatenate', 'template']),
  template: Template(4096).optional().describe('For op template: the text of each item.'),
  separator: z.string().max(64).default('\n').describe('For op concatenate.'),
})
const Create = z.strictObject({
  ...taking,
  kind: z.literal('create').describe('Writes each text at hand as a new cube that names its sources in its lineage.'),
  namespace: Template(256).optional().describe('Another namespace than that of the run.'),
  relation: z.enum(LINEAGE_RELATIONS).default('derived'),
  title: Template(TITLE_LENGTH_MAX).optional(),
  semanticType: SemanticType.optional(),
  tags: Tags.optional(),
  metadata: Metadata.optional(),
  priority: Priority.optional(),
})
const Update = z.strictObject({
  ...taking,
  kind: z.literal('update').describe('Writes each text at hand back into its cube, as the next revision.'),
  mode: UpdateMode.default('overwrite'),
  text: z.boolean().default(true).describe('false: only the fields below are written.'),
  title: Template(TITLE_LENGTH_MAX).optional(),
  tags: Tags.optional(),
  metadata: Metadata.optional(),
  priority: Priority.optional(),
})
const Link = z.strictObject({
  ...taking,
  kind: z.literal('link').describe('Names the cubes at hand in the lineage of others.'),
  to: From,
  relation: z.enum(LINEAGE_RELATIONS).default('derived'),
})
const Restore = z.strictObject({
  ...taking,
  kind: z
    .literal('restore')
    .describe('Brings cubes back to what they said at a time or in a snapshot, as new revisions.'),
  asOf: Template(80).describe('An ISO 8601 time, or snapshot:NAME.'),
})
const Archive = z.strictObject({
  ...taking,
  kind: z.literal('archive').describe('Takes cubes out of the hot index.'),
  reason: Template(200).optional(),
})
const Forget = z.strictObject({ ...taking, kind: z.literal('forget').describe('Erases cubes; tombstones stay.') })
const Notify = z.strictObject({
  ...taking,
  kind: z.literal('notify').describe('Tells another system which cubes were at hand, after the writes; ids only.'),
  url: z.url({ protocol: /^https?$/ }).max(2048),
})
const Publish = z.strictObject({
  ...taking,
  kind: z.literal('publish').describe('Offers cubes to other organisations, after the writes.'),
  topic: Template(256),
})

export const PipelineStep = z
  .discriminatedUnion('kind', [
    Retrieve,
    Augment,
    Select,
    Transform,
    Create,
    Update,
    Link,
    Restore,
    Archive,
    Forget,
    Notify,
    Publish,
  ])
  .meta({ id: 'PipelineStep' })
export type PipelineStep = z.infer<typeof PipelineStep>
export type StepOf<K extends PipelineStep['kind']> = Extract<PipelineStep, { kind: K }>

const ParameterName = z.string().regex(/^[a-z][A-Za-z0-9_]{0,39}$/, 'expected a word of at most 40 characters')

/** A pipeline as data (MemOS paper, section 5.3.3): steps over one shared context, all or nothing. */
export const Pipeline = z
  .strictObject({
    description: z.string().max(500).optional(),
    /** Parameters and their defaults; null: the caller must give one. */
    parameters: z
      .record(ParameterName, z.string().max(CONTENT_BYTES_MAX).nullable())
      .refine((record) => Object.keys(record).length <= PIPELINE_PARAMETERS_MAX, `at most ${PIPELINE_PARAMETERS_MAX}`)
      .default({}),
    steps: z.array(PipelineStep).min(1).max(PIPELINE_STEPS_MAX),
  })
  .meta({
    id: 'Pipeline',
    examples: [
      {
        description: 'Notes about a topic as one summary; the notes are put away.',
        parameters: { topic: null },
        steps: [
          { id: 'notes', kind: 'retrieve', query: '{{topic}}', limit: 10 },
          { id: 'text', kind: 'transform', from: 'notes', op: 'concatenate' },
          { id: 'summary', kind: 'create', from: 'text', title: 'About {{topic}}', relation: 'merged' },
          { id: 'put_away', kind: 'archive', from: 'notes', after: ['summary'] },
        ],
      },
    ],
  })
export type Pipeline = z.infer<typeof Pipeline>
export type PipelineInput = z.input<typeof Pipeline>

const stamp = z.iso.datetime()

export const PipelineView = z
  .strictObject({
    name: z.string(),
    builtIn: z.boolean(),
    definition: Pipeline,
    updatedAt: stamp.nullable(),
  })
  .meta({ id: 'PipelineView' })

export const RunPipeline = z
  .strictObject({
    /** Name of a kept or built-in pipeline, or a definition. */
    pipeline: z.union([z.string().min(1).max(128), Pipeline]),
    namespace: NamespaceName.optional(),
    parameters: z.record(ParameterName, z.string().max(CONTENT_BYTES_MAX)).default({}),
    /** Tell what would be written, and write nothing. */
    dryRun: z.boolean().default(false),
  })
  .meta({ id: 'RunPipeline', examples: [{ pipeline: 'profile', parameters: { subject: 'Alice' } }] })

export const StepReport = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    /** Cubes and texts that the step handed on; null in the run of another key to whoever is not cleared for secret memory. */
    cubes: z.int().nullable(),
    texts: z.int().nullable(),
    written: z.array(z.string()).meta({ description: 'Cubes that the step made, changed or erased.' }),
  })
  .meta({ id: 'StepReport' })
export type StepReport = z.infer<typeof StepReport>

export const PipelineRun = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    namespace: z.string().nullable(),
    caller: z.string(),
    at: stamp,
    dryRun: z.boolean(),
    steps: z.array(StepReport),
    effects: z.array(z.string()).meta({ description: 'Ids of the side effects that follow.' }),
  })
  .meta({ id: 'PipelineRun' })
export type PipelineRun = z.infer<typeof PipelineRun>

export const EFFECT_KINDS = ['notify', 'publish'] as const
export const Effect = z
  .strictObject({
    id: z.string(),
    kind: z.enum(EFFECT_KINDS),
    state: z.enum(['waiting', 'done', 'failed']),
    attempts: z.int(),
    nextAt: stamp,
    error: z.string().nullable(),
    createdAt: stamp,
  })
  .meta({
    id: 'Effect',
    description: 'A side effect of a pipeline run; it follows after the writes, again and again until it is done.',
  })
