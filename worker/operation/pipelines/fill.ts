import { MemosError } from '../../../schemas/errors.ts'
import { type Pipeline, PipelineStep } from '../../../schemas/pipeline.ts'
import type { PlacedStep } from './order-steps.ts'

const HOLE = /\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}/g

/** What the template of a transform may say of the cube at hand; a parameter of the same name is not seen there. */
export const CUBE_HOLES = ['content', 'title', 'date', 'speaker'] as const
export type CubeHoles = Record<(typeof CUBE_HOLES)[number], string>

/**
 * The values of a pipeline's parameters: those given, else their defaults.
 * @throws MemosError invalid_request naming a parameter that is missing or unknown
 */
export function parameterValues(
  { parameters }: Pick<Pipeline, 'parameters'>,
  given: Record<string, string>,
): Record<string, string> {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(parameters, name))
  if (unknown !== undefined)
    throw new MemosError('invalid_request', {
      field: `parameters.${unknown}`,
      expected: `one of ${Object.keys(parameters).join(', ') || 'none'}`,
    })
  return Object.fromEntries(
    Object.entries(parameters).map(([name, standard]) => {
      const value = given[name] ?? standard
      if (value === null)
        throw new MemosError('invalid_request', {
          field: `parameters.${name}`,
          expected: 'a text: the pipeline has no default for it',
        })
      return [name, value]
    }),
  )
}

/**
 * A step with its parameters filled in, checked again: a value may not make a step what it could not have been from the start.
 * @throws MemosError invalid_request naming the field
 */
export function fillStep({ step, field }: PlacedStep, values: Record<string, string>): PipelineStep {
  const filled = fillValue(step, values, field)
  const result = PipelineStep.safeParse(filled)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new MemosError('invalid_request', {
    field: [field, ...(issue?.path ?? [])].join('.'),
    expected: issue?.message ?? 'a valid step',
  })
}

function fillValue(value: unknown, values: Record<string, string>, field: string): unknown {
  if (typeof value === 'string') return fillText(value, values, field)
  if (Array.isArray(value)) return value.map((one, at) => fillValue(one, values, `${field}.${at}`))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fillValue(one, values, `${field}.${key}`)]))
}

/** Filled once: what a parameter holds is text and not looked at again. In templates the holes of the cube at hand stay for later. */
function fillText(text: string, values: Record<string, string>, field: string): string {
  return text.replace(HOLE, (hole, name: string) => {
    if (field.endsWith('.template') && (CUBE_HOLES as readonly string[]).includes(name)) return hole
    const value = values[name]
    if (value === undefined)
      throw new MemosError('invalid_request', {
        field,
        expected: `parameters that the pipeline declares; there is no "${name}"`,
      })
    return value
  })
}

/** A text template for one cube. */
export const fillCube = (template: string, holes: CubeHoles): string =>
  template.replace(HOLE, (hole, name: string) => (Object.hasOwn(holes, name) ? holes[name as keyof CubeHoles] : hole))
