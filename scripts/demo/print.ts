import { cut, dayOf, oneLine, table } from '../../cli/text.ts'
import { mean, percentile } from '../../test/bench/harness/statistics.ts'
import { isScored, recallAt, reciprocalRank } from '../../test/bench/retrieval/metrics.ts'
import type { Asked } from './recall.ts'

const CUTS = [1, 5, 10] as const
const HIT = '✓'
const EXPLAINED_PARTS_MAX = 4

/** Recall of a set of questions, percent; `questions` counts those that have evidence. */
export interface Figures {
  questions: number
  'R@1': number
  'R@5': number
  'R@10': number
  MRR: number
}

export function figuresOf(asked: readonly Asked[]): Figures {
  const scored = asked.filter(({ question }) => isScored(question))
  const recall = (k: number) => 100 * mean(scored.map(({ ranking, evidence }) => recallAt(k, ranking, evidence)))
  const [r1, r5, r10] = CUTS.map(recall) as [number, number, number]
  const mrr = 100 * mean(scored.map(({ ranking, evidence }) => reciprocalRank(ranking, evidence)))
  return { questions: scored.length, 'R@1': r1, 'R@5': r5, 'R@10': r10, MRR: mrr }
}

/** One question: the expected answer, the best memories with their scores, and at which places the evidence stands. */
export function questionText({ question, answer, ranking, evidence }: Asked, top: number, width: number): string {
  const wanted = new Set(evidence)
  const lines = answer.results.slice(0, top).map(({ cube, score, explain }, i) => {
    const { speaker, saidAt } = cube.descriptive
    const mark = wanted.has(ranking[i] ?? '') ? HIT : ' '
    const said = `${dayOf(saidAt)} ${speaker ?? '-'}: ${oneLine(cube.content ?? '')}`
    const parts = i === 0 && explain !== undefined ? [`         ${explainText(explain)}`] : []
    return [
      cut(`  ${mark} ${String(i + 1).padStart(2)} ${score.toFixed(3)}  ${said}`, width),
      ...parts.map((part) => cut(part, width)),
    ].join('\n')
  })
  const head = `${oneLine(question.question)}${question.category === undefined ? '' : ` (${question.category})`}`
  const expected =
    question.answer === undefined
      ? []
      : [cut(`  answer: ${oneLine(String(question.answer))}; ${placesText(ranking, evidence)}`, width)]
  return `${[head, ...expected, ...lines].join('\n')}\n\n`
}

function placesText(ranking: readonly string[], evidence: readonly string[]): string {
  if (evidence.length === 0) return 'no evidence named'
  const places = evidence.map((id) => ranking.indexOf(id) + 1).sort((a, b) => a - b)
  const found = places.filter((place) => place > 0)
  const missing = places.length - found.length
  if (found.length === 0) return 'evidence not found'
  return `evidence at ${found.join(', ')}${missing === 0 ? '' : `, ${missing} not found`}`
}

const explainText = (parts: Record<string, number>): string =>
  Object.entries(parts)
    .filter(([name, value]) => name !== 'score' && value !== 0)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, EXPLAINED_PARTS_MAX)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join(', ')

/** Recall by category and in all, and how long a search took. */
export function summaryText(asked: readonly Asked[], width: number): string {
  const byCategory = [...Map.groupBy(asked, ({ question }) => question.category ?? 'other')]
  const groups: [string, readonly Asked[]][] = [...byCategory, ['all', asked]]
  const rows = groups
    .map(([name, group]) => ({ name, ...figuresOf(group) }))
    .filter(({ questions }) => questions > 0)
    .map((row) => [
      row.name,
      row.questions,
      ...[row['R@1'], row['R@5'], row['R@10'], row.MRR].map((value) => value.toFixed(1)),
    ])
  const titles = ['QUESTIONS', 'R@1', 'R@5', 'R@10', 'MRR'].map((title) => ({ title, align: 'right' as const }))
  const times = asked.map(({ answer }) => answer.tookMs)
  const speed = `search on the server: ${percentile(times, 0.5).toFixed(1)} ms median, ${percentile(times, 0.95).toFixed(1)} ms p95\n`
  return `${table([{ title: 'RECALL %' }, ...titles], rows, width)}\n${speed}${modesText(asked)}`
}

function modesText(asked: readonly Asked[]): string {
  const notes = new Set(
    asked.flatMap(({ answer: { retrieval } }) => [
      `mode: ${retrieval.mode}, model: ${retrieval.model ?? 'none'}`,
      ...retrieval.notes,
    ]),
  )
  return [...notes].map((note) => `${oneLine(note)}\n`).join('')
}
