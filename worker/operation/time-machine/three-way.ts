import { diff3Merge } from 'node-diff3'
import type { MergeStrategy } from '../../../schemas/time-machine.ts'

/** Three sides of a value: where both began, what the namespace has, what the branch has. */
export interface Sides<T> {
  base: T
  ours: T
  theirs: T
}

export interface Decided<T> {
  value: T
  /** Whether both sides changed it in different ways, so that the strategy decided. */
  isConflict: boolean
}

/** What strategy `fail` takes for a conflict is never written, because it refuses the merge. */
const pick = <T>(strategy: MergeStrategy, { ours, theirs }: Pick<Sides<T>, 'ours' | 'theirs'>): T =>
  strategy === 'theirs' ? theirs : ours

/** A value that is one thing: changed on one side it is taken from there. Values are compared as JSON. */
export function mergeValue<T>(sides: Sides<T>, strategy: MergeStrategy): Decided<T> {
  const { base, ours, theirs } = sides
  if (same(ours, theirs) || same(theirs, base)) return { value: ours, isConflict: false }
  if (same(ours, base)) return { value: theirs, isConflict: false }
  return { value: pick(strategy, sides), isConflict: true }
}

/** Texts line by line (diff3, Khanna, Kunal and Pierce 2007). Only lines that both sides changed are a conflict. */
export function mergeText({ base, ours, theirs }: Sides<string>, strategy: MergeStrategy): Decided<string> {
  if (ours === theirs || theirs === base) return { value: ours, isConflict: false }
  if (ours === base) return { value: theirs, isConflict: false }
  const lines = (text: string) => text.split('\n')
  let isConflict = false
  const merged = diff3Merge(lines(ours), lines(base), lines(theirs), { excludeFalseConflicts: true }).flatMap(
    (part) => {
      if (part.ok !== undefined) return part.ok
      isConflict = true
      return pick(strategy, { ours: part.conflict?.a ?? [], theirs: part.conflict?.b ?? [] })
    },
  )
  return { value: merged.join('\n'), isConflict }
}

/** Lists without order: what either side added is there, what either side removed is not. Two such changes never contradict. */
export function mergeSet<T>({ base, ours, theirs }: Sides<readonly T[]>): T[] {
  const gone = new Set(base.filter((one) => !ours.includes(one) || !theirs.includes(one)))
  return [...new Set([...ours, ...theirs])].filter((one) => !gone.has(one))
}

/** Facts by name, each a value of its own. Answers the names in conflict. */
export function mergeRecord<T>(
  { base, ours, theirs }: Sides<Readonly<Record<string, T>>>,
  strategy: MergeStrategy,
): { value: Record<string, T>; conflicts: string[] } {
  const value: Record<string, T> = {}
  const conflicts: string[] = []
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs), ...Object.keys(base)])) {
    const merged = mergeValue({ base: base[name], ours: ours[name], theirs: theirs[name] }, strategy)
    if (merged.isConflict) conflicts.push(name)
    if (merged.value !== undefined) value[name] = merged.value
  }
  return { value, conflicts }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
