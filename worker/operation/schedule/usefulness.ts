/** What a caller says of a memory that it was given. */
export type Outcome = 'used' | 'helped' | 'corrected' | 'ignored'

/** Where feedback pulls the usefulness of a memory, within -1..1. */
const TARGETS: Readonly<Record<Outcome, number>> = { helped: 1, used: 0.25, ignored: -0.25, corrected: -1 }
/** Share of the way to the target that one piece of feedback goes: five in a row say two thirds of what there is to say. */
const STEP = 0.2

/** A change of usefulness as `u * keep + add`: such changes are put together without knowing `u`. */
export interface UsefulnessChange {
  keep: number
  add: number
}

export const usefulnessChange = (outcomes: readonly Outcome[]): UsefulnessChange =>
  outcomes.reduce(
    ({ keep, add }, outcome) => ({ keep: keep * (1 - STEP), add: add * (1 - STEP) + STEP * TARGETS[outcome] }),
    { keep: 1, add: 0 },
  )

/** Usefulness (-1..1) after feedback; an exponential average, so it never leaves the range and recent feedback weighs most. */
export function usefulnessAfter(usefulness: number, outcomes: readonly Outcome[]): number {
  const { keep, add } = usefulnessChange(outcomes)
  return usefulness * keep + add
}
