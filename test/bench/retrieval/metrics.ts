import { mean } from '../harness/statistics.ts'
import type { Question } from './dataset.ts'

export const RECALL_CUTS = [1, 5, 10, 20] as const

/** Share of the evidence among the first `cut` of a ranking; an item that stands in it twice counts once, at its better place. */
export function recallAt(cut: number, ranking: readonly string[], evidence: readonly string[]): number {
  const wanted = new Set(evidence)
  const first = [...new Set(ranking)].slice(0, cut)
  return first.filter((id) => wanted.has(id)).length / wanted.size
}

/** 1 / place of the first piece of evidence in the ranking, 0 when there is none. */
export function reciprocalRank(ranking: readonly string[], evidence: readonly string[]): number {
  const wanted = new Set(evidence)
  const place = [...new Set(ranking)].findIndex((id) => wanted.has(id)) + 1
  return place === 0 ? 0 : 1 / place
}

/** Whether the question takes part in recall: it has an answer in the corpus and somebody said where. */
export const isScored = ({ evidence, answerable }: Question): boolean => answerable !== false && evidence.length > 0

/**
 * Mean over the scored questions, in percent: `MRR`, `R@1`, `R@5`, `R@10`, `R@20` over turns, `session.R@10` over the sessions of the turns.
 * A question without a ranking counts as found nothing.
 */
export function score(
  questions: readonly Question[],
  rankings: ReadonlyMap<string, readonly string[]>,
  sessionOf: ReadonlyMap<string, string>,
): Record<string, number> {
  const scored = questions.filter(isScored)
  const percent = (each: (question: Question, ranking: readonly string[]) => number) =>
    100 * mean(scored.map((question) => each(question, rankings.get(question.question_id) ?? [])))
  return {
    MRR: percent(({ evidence }, ranking) => reciprocalRank(ranking, evidence)),
    ...Object.fromEntries(
      RECALL_CUTS.map((cut) => [`R@${cut}`, percent(({ evidence }, ranking) => recallAt(cut, ranking, evidence))]),
    ),
    'session.R@10': sessionRecall(questions, rankings, sessionOf),
  }
}

function sessionRecall(
  questions: readonly Question[],
  rankings: ReadonlyMap<string, readonly string[]>,
  sessionOf: ReadonlyMap<string, string>,
): number {
  const recalls = questions.flatMap(({ question_id, evidence_sessions = [], answerable }) => {
    if (answerable === false || evidence_sessions.length === 0) return []
    const sessions = (rankings.get(question_id) ?? []).map((id) => sessionOf.get(id) ?? id)
    return [recallAt(10, sessions, evidence_sessions)]
  })
  return 100 * mean(recalls)
}
