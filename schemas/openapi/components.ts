import type { z } from 'zod'
import {
  type Converted,
  type Direction,
  definitionName,
  type JsonSchema,
  mapReferences,
  toJsonSchema,
} from './json-schema.ts'

/**
 * Collects the named schemas of a document. A schema whose input differs from its output (defaults make fields optional for a caller) gets
 * two components, `Name` for answers and `NameInput` for requests; one that is used in one direction only, or reads the same, gets one.
 */
export class ComponentSchemas {
  readonly #definitions: Record<Direction, Map<string, JsonSchema>> = { input: new Map(), output: new Map() }

  /** First pass: remembers what `schema` needs in this direction. */
  collect(schema: z.ZodType | undefined, direction: Direction): void {
    if (schema === undefined) return
    const { definitions } = toJsonSchema(schema, direction)
    for (const [name, definition] of Object.entries(definitions)) this.#definitions[direction].set(name, definition)
  }

  /** Second pass: the schema as it stands in the document, with references to components. */
  render(schema: z.ZodType, direction: Direction): JsonSchema {
    return this.#link(toJsonSchema(schema, direction).schema, direction)
  }

  /** All components by name, sorted. */
  all(): Record<string, JsonSchema> {
    const found = new Map<string, JsonSchema>()
    for (const direction of ['output', 'input'] as const) {
      for (const [name, definition] of this.#definitions[direction])
        found.set(this.#nameOf(name, direction), this.#link(definition, direction))
    }
    return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #link(schema: Converted['schema'], direction: Direction): JsonSchema {
    return mapReferences(
      schema,
      (reference) => `#/components/schemas/${this.#nameOf(definitionName(reference), direction)}`,
    )
  }

  #nameOf(name: string, direction: Direction): string {
    return direction === 'input' && this.#differs(name) ? `${name}Input` : name
  }

  /** Whether a name means two things: its own text differs, or that of anything it refers to. */
  #differs(name: string, seen = new Set<string>()): boolean {
    const input = this.#definitions.input.get(name)
    const output = this.#definitions.output.get(name)
    if (input === undefined || output === undefined || seen.has(name)) return false
    if (JSON.stringify(input) !== JSON.stringify(output)) return true
    seen.add(name)
    return referencesIn(input).some((reference) => this.#differs(reference, seen))
  }
}

function referencesIn(schema: JsonSchema): string[] {
  const found: string[] = []
  mapReferences(schema, (reference) => {
    found.push(definitionName(reference))
    return reference
  })
  return found
}
