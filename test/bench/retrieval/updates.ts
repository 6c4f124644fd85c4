import type { ContextResponse } from '../../../schemas/search.ts'
import { mean } from '../harness/statistics.ts'
import type { Question, Turn } from './dataset.ts'

/** A question about something that changed: the statements that answer it, the newest last. */
export interface UpdateQuestion {
  question: Question
  /** Ids of the turns by day, oldest first; at least two days. */
  evidence: { id: string; day: string }[]
}

/** Questions of a category whose evidence was said on different days, so that one statement is the newest. */
export function updateQuestions(
  questions: readonly (Question & { category?: string })[],
  turns: readonly Turn[],
  category: RegExp,
): UpdateQuestion[] {
  const dayOf = new Map(turns.map(({ id, date }) => [id, date?.slice(0, 10) ?? '']))
  return questions.flatMap((question) => {
    if (question.answerable === false || !category.test(question.category ?? '')) return []
    const evidence = [...new Set(question.evidence)]
      .flatMap((id) => (dayOf.get(id) ? [{ id, day: dayOf.get(id) ?? '' }] : []))
      .sort((a, b) => (a.day < b.day ? -1 : Number(a.day > b.day)))
    return new Set(evidence.map(({ day }) => day)).size > 1 ? [{ question, evidence }] : []
  })
}

/** One line of a pack. */
export interface PackEntry {
  id: string
  isNewest: boolean
  isSuperseded: boolean
}

/** The entries of a pack in their order, with their marks. */
export function entriesOf(
  { text, citations }: Pick<ContextResponse, 'text' | 'citations'>,
  idOf: (cubeId: string) => string,
): PackEntry[] {
  const cubes = new Map(citations.map(({ mark, cubeId }) => [mark, cubeId]))
  return text.split('\n').flatMap((line) => {
    const [, label, mark = ''] =
      /^\[(\d+)\](?: \d{4}-\d\d-\d\d)?( \((?:newest|(?:partly )?superseded[^)]*)\))?/.exec(line) ?? []
    const cubeId = cubes.get(Number(label))
    if (cubeId === undefined) return []
    return [{ id: idOf(cubeId), isNewest: mark === ' (newest)', isSuperseded: mark.includes('superseded') }]
  })
}

export interface Judgement {
  /** A statement of the newest day is in the pack. */
  present: number
  /** ... and stands after all older evidence, unsuperseded. */
  last: number
  /** ... and is marked as the newest. */
  current: number
  /** Older evidence in the pack, and how much of it is marked as the newest. */
  older: number
  olderMarked: number
  marks: number
}

export function judge(entries: readonly PackEntry[], { evidence }: UpdateQuestion): Judgement {
  const newestDay = evidence.at(-1)?.day
  const newestIds = new Set(evidence.filter(({ day }) => day === newestDay).map(({ id }) => id))
  const olderIds = new Set(evidence.filter(({ day }) => day !== newestDay).map(({ id }) => id))
  const places = (ids: ReadonlySet<string>) => entries.flatMap(({ id }, at) => (ids.has(id) ? [at] : []))
  const lastOlder = Math.max(-1, ...places(olderIds))
  const newest = places(newestIds)
  const after = newest.filter((at) => at > lastOlder && entries[at]?.isSuperseded === false)
  return {
    present: Number(newest.length > 0),
    last: Number(after.length > 0),
    current: Number(after.some((at) => entries[at]?.isNewest)),
    older: places(olderIds).length,
    olderMarked: places(olderIds).filter((at) => entries[at]?.isNewest).length,
    marks: entries.filter(({ isNewest }) => isNewest).length,
  }
}

/** The same pack with only its last entry marked: how packs were marked before statements were compared. */
export const newestOverall = (entries: readonly PackEntry[]): PackEntry[] =>
  entries.map(({ id }, at) => ({ id, isNewest: at === entries.length - 1, isSuperseded: false }))

/** Percentages over questions; `older.marked` over the pieces of older evidence that are in packs. */
export function summary(judgements: readonly Judgement[]): Record<string, number> {
  const share = (name: 'present' | 'last' | 'current') => 100 * mean(judgements.map((one) => one[name]))
  const sum = (name: 'older' | 'olderMarked') => judgements.reduce((total, one) => total + one[name], 0)
  return {
    present: share('present'),
    last: share('last'),
    current: share('current'),
    'older.marked': sum('older') === 0 ? 0 : (100 * sum('olderMarked')) / sum('older'),
    marks: mean(judgements.map(({ marks }) => marks)),
  }
}
