import { existsSync } from 'node:fs'
import { type EdgeTenant, startEdge } from '../harness/edge-tenant.ts'
import { installPeers } from '../harness/peer-packages.ts'
import type { Comparison, Recorder } from '../harness/report.ts'
import { percentile } from '../harness/statistics.ts'
import { ask } from '../retrieval/ask.ts'
import { BASELINES, runBaseline } from '../retrieval/baselines.ts'
import { type Dataset, haystacks } from '../retrieval/dataset.ts'
import { isScored, score } from '../retrieval/metrics.ts'
import { rememberHaystacks } from '../retrieval/remember.ts'
import { chooseSets, NOISE, readSet } from '../retrieval/sets.ts'
import type { BenchOptions } from './topic.ts'

/** Orama needs more than 200 ms for a question among 100,000 documents: the wait would be longer than all the rest. */
const ORAMA_TURNS_MAX = 20_000

const TARGETS: [figure: string, comparison: Comparison, percent: number][] = [
  ['locomo.R@10', '>', 76],
  ['locomo.MRR', '>', 61],
  ['realmem.R@10', '>=', 36],
  ['lifebench_en.R@10', '>=', 43],
  ['lifebench_zh.R@10', '>=', 30],
  [`${NOISE}.R@10`, '>=', 69],
]

/** How well the right memories are found: every haystack in a namespace of its own, through the public API. */
export async function retrieval(recorder: Recorder, { data, sets }: BenchOptions): Promise<void> {
  if (!existsSync(data)) return recorder.skip('retrieval', 'no data: give a folder with --data')
  const chosen = chooseSets(data, sets)
  await edgeScores(
    recorder,
    chosen.map((name) => () => readSet(data, name)),
  )
  await installPeers((line) => recorder.progress(line))
  for (const name of chosen) await baselineScores(recorder, readSet(data, name))
  for (const target of TARGETS) recorder.target(...target)
}

async function edgeScores(recorder: Recorder, datasets: (() => Dataset)[]): Promise<void> {
  await using edge = await startEdge()
  for (const load of datasets) await askEdge(recorder, edge, load())
}

async function askEdge(recorder: Recorder, { client }: EdgeTenant, dataset: Dataset): Promise<void> {
  const { name, turns, questions } = dataset
  recorder.figure(`${name}.memories`, turns.length, 'memories')
  recorder.figure(`${name}.questions`, questions.filter(isScored).length, 'questions')
  const namespaces = await rememberHaystacks(client, dataset, (line) => recorder.progress(line))
  recorder.progress(`${name}: asking ${questions.length} questions`)
  const { rankings, times } = await ask(client, questions, (conv) => namespaces.get(conv) ?? '')
  recordScores(recorder, name, dataset, rankings)
  recorder.figure(`${name}.search.p50`, percentile(times, 0.5), 'ms')
  recorder.figure(`${name}.search.p95`, percentile(times, 0.95), 'ms')
}

async function baselineScores(recorder: Recorder, dataset: Dataset): Promise<void> {
  const largest = Math.max(...[...haystacks(dataset.turns).values()].map((turns) => turns.length))
  for (const [engine, build] of Object.entries(BASELINES)) {
    if (engine === 'orama' && largest > ORAMA_TURNS_MAX) {
      recorder.skip(`${dataset.name}.baseline.orama`, `a haystack of ${largest} turns takes it several minutes`)
      continue
    }
    recorder.progress(`${dataset.name}: baseline ${engine}`)
    const rankings = await runBaseline(build, dataset.turns, dataset.questions)
    recordScores(recorder, `${dataset.name}.baseline.${engine}`, dataset, rankings)
  }
}

function recordScores(
  recorder: Recorder,
  name: string,
  { turns, questions }: Dataset,
  rankings: ReadonlyMap<string, readonly string[]>,
): void {
  const sessionOf = new Map(turns.map((turn) => [turn.id, turn.session]))
  for (const [metric, value] of Object.entries(score(questions, rankings, sessionOf))) {
    recorder.figure(`${name}.${metric}`, value, '%')
  }
}
