/**
 * What OpenAI's strict mode takes. A keyword outside of it does not go unnoticed there: the whole request is refused with 400 (`'minLength' is not
 * permitted`), so lengths and the like are left to whoever reads the answer.
 */
const TAKEN = new Set([
  ...['type', 'description', 'enum', 'const', 'anyOf', 'properties', 'required', 'additionalProperties', 'items'],
  ...['pattern', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minItems', 'maxItems'],
  ...['$ref', '$defs', 'title'],
])
/** Keywords whose value names schemas by names of the form itself, which are no keywords. */
const NAMED = new Set(['properties', '$defs'])
/** Keywords whose value is data. */
const LITERAL = new Set(['enum', 'const', 'required'])

/** A JSON Schema without what strict mode refuses. It asks for no less than the answer needs; the reader checks the rest. */
export function strictSchema(schema: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => TAKEN.has(keyword))
      .map(([keyword, value]) => [keyword, LITERAL.has(keyword) ? value : within(value, NAMED.has(keyword))]),
  )
}

function within(value: unknown, isNamed: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => within(one, false))
  if (typeof value !== 'object' || value === null) return value
  const record = value as Record<string, unknown>
  if (!isNamed) return strictSchema(record)
  return Object.fromEntries(Object.entries(record).map(([name, schema]) => [name, within(schema, false)]))
}
