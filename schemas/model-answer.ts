import { z } from 'zod'

/** What a language model is asked to fill in: the schema that it is told, and the reading of what it answers. */
export interface AnswerForm<T> {
  name: string
  schema: Record<string, unknown>
  /** The answer, or null when it is no JSON or not of the form. */
  read(text: string): T | null
}

/** Fence and words that models put around JSON although nobody asked. */
const FENCED = /```(?:json)?\s*([\s\S]*?)```/

/** A form from a schema. All fields should be required and nullable rather than optional: strict modes know no optional ones. */
export function answerForm<T extends z.ZodType>(name: string, type: T): AnswerForm<z.infer<T>> {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io: 'input' })
  return {
    name,
    schema,
    read: (text) => {
      const parsed = type.safeParse(jsonOf(text))
      return parsed.success ? parsed.data : null
    },
  }
}

function jsonOf(text: string): unknown {
  const inner = (FENCED.exec(text)?.[1] ?? text).trim()
  const from = inner.indexOf('{')
  const to = inner.lastIndexOf('}')
  if (from < 0 || to < from) return undefined
  try {
    return JSON.parse(inner.slice(from, to + 1))
  } catch {
    return undefined
  }
}
