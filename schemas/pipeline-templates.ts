import { Pipeline, type PipelineInput } from './pipeline.ts'

/** Pipelines that come with the edge. The first three are those of the short paper (arXiv 2505.22101, figure 6). */
const DEFINITIONS = {
  transfer: {
    description: 'Copies memories into another namespace; the copies name their sources.',
    parameters: { query: null, target: null },
    steps: [
      { id: 'found', kind: 'retrieve', query: '{{query}}', limit: 50 },
      { id: 'copies', kind: 'create', from: 'found', namespace: '{{target}}' },
    ],
  },
  purification: {
    description: 'Takes secrets, addresses and numbers of persons out of memories; earlier revisions stay restorable.',
    parameters: { query: null },
    steps: [
      { id: 'found', kind: 'retrieve', query: '{{query}}', limit: 50 },
      { id: 'clean', kind: 'transform', from: 'found', op: 'redact' },
      { id: 'written', kind: 'update', from: 'clean' },
    ],
  },
  rollback: {
    description: 'Brings memories back to what they said at a time.',
    parameters: { query: null, asOf: null },
    steps: [
      { id: 'found', kind: 'retrieve', query: '{{query}}', limit: 50, includeArchived: true },
      { id: 'back', kind: 'restore', from: 'found', asOf: '{{asOf}}' },
    ],
  },
  consolidate: {
    description: 'Makes one memory of several about the same, and puts the several away.',
    parameters: { query: null, title: 'Consolidated' },
    steps: [
      { id: 'found', kind: 'retrieve', query: '{{query}}', limit: 20 },
      { id: 'distinct', kind: 'transform', from: 'found', op: 'deduplicate' },
      { id: 'text', kind: 'transform', from: 'distinct', op: 'concatenate' },
      { id: 'one', kind: 'create', from: 'text', title: '{{title}}', relation: 'merged' },
      { id: 'put_away', kind: 'archive', from: 'found', after: ['one'], reason: 'consolidated' },
    ],
  },
  profile: {
    description: 'Writes what is known of somebody as one profile.',
    parameters: { subject: null },
    steps: [
      { id: 'found', kind: 'retrieve', query: '{{subject}} likes prefers is works lives', limit: 30 },
      { id: 'in_order', kind: 'select', from: 'found', order: 'oldest' },
      { id: 'lines', kind: 'transform', from: 'in_order', op: 'template', template: '{{date}}: {{content}}' },
      { id: 'text', kind: 'transform', from: 'lines', op: 'concatenate' },
      {
        id: 'profile',
        kind: 'create',
        from: 'text',
        title: 'Profile of {{subject}}',
        semanticType: 'user_profile',
        tags: ['profile'],
        priority: 'high',
      },
    ],
  },
} as const satisfies Record<string, PipelineInput>

export const PIPELINE_TEMPLATES: ReadonlyMap<string, Pipeline> = new Map(
  Object.entries(DEFINITIONS).map(([name, definition]) => [name, Pipeline.parse(definition)]),
)
