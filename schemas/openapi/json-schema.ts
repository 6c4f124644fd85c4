import { z } from 'zod'

export type JsonSchema = Record<string, unknown>
/** Bodies and parameters are shown as callers write them (`input`), answers as they receive them (`output`). */
export type Direction = 'input' | 'output'

const DEFINITIONS = '#/$defs/'
const NAME_OF_ROOT = 'root'

/** A JSON Schema (draft 2020-12) and the named schemas that its `#/$defs/NAME` references reach. */
export interface Converted {
  schema: JsonSchema
  definitions: Record<string, JsonSchema>
}

/** JSON Schema of a zod schema. Schemas with `.meta({ id })` become named definitions, at the root too. */
export function toJsonSchema(schema: z.ZodType, direction: Direction): Converted {
  const { properties, $defs } = convert(z.object({ [NAME_OF_ROOT]: schema }), direction)
  const root = (properties as Record<string, JsonSchema>)[NAME_OF_ROOT] as JsonSchema
  return { schema: root, definitions: ($defs ?? {}) as Record<string, JsonSchema> }
}

function convert(schema: z.ZodType, direction: Direction): JsonSchema {
  return z.toJSONSchema(schema, {
    io: direction,
    override: ({ zodSchema, jsonSchema }) => {
      showAcceptedInput(zodSchema, jsonSchema as JsonSchema, direction)
      dropNoise(jsonSchema as JsonSchema)
    },
  }) as JsonSchema
}

/**
 * The input of a pipe is what its first half accepts. Two of our pipes start wider than what they take in the end: a filter is bounded as
 * unknown data before its recursive schema runs, and a query flag is a string that spells a boolean.
 */
function showAcceptedInput(schema: z.core.$ZodTypes, json: JsonSchema, direction: Direction): void {
  if (direction === 'output' || schema._zod.def.type !== 'pipe') return
  const { in: from, out: to } = schema._zod.def
  if (from._zod.def.type === 'string' && to._zod.def.type === 'boolean') json.type = 'boolean'
  const id = z.globalRegistry.get(schema)?.id
  if (from._zod.def.type !== 'unknown' || id === undefined) return
  const { $schema: _, ...inner } = convert(to as z.ZodType, direction)
  Object.assign(
    json,
    mapReferences(inner, (reference) => (reference === '#' ? `${DEFINITIONS}${id}` : reference)),
  )
}

/** Patterns that `format` already says, and bounds that every JSON integer has. */
function dropNoise(json: JsonSchema): void {
  if (json.format === 'date-time') delete json.pattern
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum
  delete json.id
}

/** A copy with every `$ref` replaced by what `change` makes of it. */
export function mapReferences<T>(value: T, change: (reference: string) => string): T {
  if (Array.isArray(value)) return value.map((item) => mapReferences(item, change)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string' ? change(item) : mapReferences(item, change),
    ]),
  ) as T
}

/** Name of the definition that `#/$defs/NAME` means. */
export const definitionName = (reference: string): string => reference.slice(DEFINITIONS.length)
