import { z } from 'zod'
import { FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, FILTER_VALUES_MAX, METADATA_VALUE_LENGTH_MAX } from './limits.ts'

/** Fields of a cube that a filter may name; `metadata.KEY` names the caller's own. */
export const FILTER_FIELDS = {
  cubeId: 'text',
  memoryType: 'text',
  semanticType: 'text',
  state: 'text',
  speaker: 'text',
  role: 'text',
  session: 'text',
  priority: 'text',
  sensitivity: 'text',
  originKind: 'text',
  originRef: 'text',
  /** Of what was taken in from other organisations: publisher, its id of the cube, tier of the publisher as it is now, id of the licence. */
  'origin.did': 'text',
  'origin.cube': 'text',
  'origin.trust': 'text',
  'origin.licence': 'text',
  title: 'text',
  tags: 'list',
  /** Name of a person, place, organisation or thing that the text mentions, aliases included: a predicted tag. */
  entity: 'list',
  saidAt: 'moment',
  createdAt: 'moment',
  updatedAt: 'moment',
  expiresAt: 'moment',
  validFrom: 'moment',
  validTo: 'moment',
  accessCount: 'number',
  revision: 'number',
} as const
export type FilterField = keyof typeof FILTER_FIELDS

export const FILTER_OPERATORS = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin', 'contains', 'exists'] as const
export type FilterOperator = (typeof FILTER_OPERATORS)[number]

const Scalar = z.union([z.string().max(METADATA_VALUE_LENGTH_MAX), z.number(), z.boolean()])

const FieldName = z
  .string()
  .refine(
    (name) => Object.hasOwn(FILTER_FIELDS, name) || /^metadata\.[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name),
    'a filterable field or metadata.KEY',
  )

const Condition = z.strictObject({
  field: FieldName,
  op: z.enum(FILTER_OPERATORS).default('eq'),
  value: z.union([Scalar, z.array(Scalar).max(FILTER_VALUES_MAX)]).optional(),
})
export type FilterCondition = z.infer<typeof Condition>

export type Filter = FilterCondition | { and: Filter[] } | { or: Filter[] } | { not: Filter }

const Node: z.ZodType<Filter> = z.lazy(() =>
  z.union([
    Condition,
    z.strictObject({ and: z.array(Node).min(1) }),
    z.strictObject({ or: z.array(Node).min(1) }),
    z.strictObject({ not: Node }),
  ]),
)

/** Children of a raw, unvalidated filter node. */
const childrenOf = (node: unknown): unknown[] => {
  if (typeof node !== 'object' || node === null) return []
  const { and, or, not } = node as Record<string, unknown>
  return [...(Array.isArray(and) ? and : []), ...(Array.isArray(or) ? or : []), ...(not === undefined ? [] : [not])]
}

/** Depth and size are checked level by level before the recursive schema runs: a deep filter must not exhaust the stack. */
const withinBounds = (root: unknown): boolean => {
  let level: unknown[] = [root]
  let conditions = 0
  for (let depth = 1; level.length > 0; depth++) {
    const children = level.map(childrenOf)
    conditions += children.filter((list) => list.length === 0).length
    if (depth > FILTER_DEPTH_MAX || conditions > FILTER_CONDITIONS_MAX) return false
    level = children.flat()
  }
  return true
}

/** Boolean conditions over a cube's fields, tags, times and metadata. Evaluated by the database, with the permissions. */
export const Filter = z
  .unknown()
  .refine(withinBounds, {
    message: `a filter of at most ${FILTER_DEPTH_MAX} levels and ${FILTER_CONDITIONS_MAX} conditions`,
    abort: true,
  })
  .pipe(Node)
  .meta({
    id: 'Filter',
    examples: [
      {
        and: [
          { field: 'tags', op: 'contains', value: 'travel' },
          { field: 'metadata.year', op: 'gte', value: 2025 },
        ],
      },
    ],
  })
