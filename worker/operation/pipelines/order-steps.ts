import { MemosError } from '../../../schemas/errors.ts'
import type { Pipeline, PipelineStep } from '../../../schemas/pipeline.ts'

/** A step and its place in the definition, which errors name. */
export interface PlacedStep {
  step: PipelineStep
  field: string
}

/**
 * The steps in an order in which each comes after all it needs; among those that are free, as they stand in the definition.
 * @throws MemosError invalid_request naming the step: an id that stands twice, an unknown one, a cycle
 */
export function orderSteps({ steps }: Pick<Pipeline, 'steps'>): PlacedStep[] {
  const placed = steps.map((step, at) => ({ step, field: `steps.${at}` }))
  const byId = new Map<string, PlacedStep>()
  for (const one of placed) {
    if (byId.has(one.step.id)) throw invalid(`${one.field}.id`, 'an id that no other step has')
    byId.set(one.step.id, one)
  }
  for (const { step, field } of placed) {
    for (const id of needsOf(step)) if (!byId.has(id)) throw invalid(field, `steps that exist; there is no "${id}"`)
  }
  const done = new Set<string>()
  const ordered: PlacedStep[] = []
  while (ordered.length < placed.length) {
    const next = placed.find(({ step }) => !done.has(step.id) && needsOf(step).every((id) => done.has(id)))
    if (next === undefined) {
      const stuck = placed.find(({ step }) => !done.has(step.id))
      throw invalid(stuck?.field ?? 'steps', 'steps that do not wait for each other in a circle')
    }
    done.add(next.step.id)
    ordered.push(next)
  }
  return ordered
}

/** Ids of the steps that a step takes from, as a list. */
export const listOf = (from: string | readonly string[]): readonly string[] =>
  typeof from === 'string' ? [from] : from

const needsOf = (step: PipelineStep): string[] => [
  ...('from' in step ? listOf(step.from) : []),
  ...('to' in step ? listOf(step.to) : []),
  ...(step.after ?? []),
]

const invalid = (field: string, expected: string) => new MemosError('invalid_request', { field, expected })
