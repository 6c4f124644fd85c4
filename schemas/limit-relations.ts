/** Limits that depend on each other are checked where they are written. @throws Error when the relation does not hold. */
export function expectRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits contradict each other: ${relation}`)
}
