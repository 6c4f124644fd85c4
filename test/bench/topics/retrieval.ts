import { existsSync } from 'node:fs'
import { createNamespace, type EdgeTenant, startEdge, tasksDone } from '../harness/edge-tenant.ts'
import { installPeers } from '../harness/peer-packages.ts'
import type { Comparison, Recorder } from '../harness/report.ts'
import { percentile } from '../harness/statistics.ts'
import { ask } from '../retrieval/ask.ts'
import { BASELINES, runBaseline } from '../retrieval/baselines.ts'
import { type Dataset, datasetNames, haystacks, readDataset, readNoise } from '../retrieval/dataset.ts'
import { isScored, score } from '../retrieval/metrics.ts'
import { remember } from '../retrieval/remember.ts'
import type { BenchOptions } from './topic.ts'

const NOISE_TURNS = 100_000
const NOISE = 'locomo_noise'

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
  const names = [...datasetNames(data), ...(existsSync(`${data}/load_sgd`) ? [NOISE] : [])]
  const chosen = sets ?? names
  const unknown = chosen.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new RangeError(`no set ${unknown.join(', ')}; there are ${names.join(', ')}`)
  await installPeers((line) => recorder.progress(line))
  await using edge = await startEdge()
  // The noisy set comes last: its hundred thousand memories are in the database of no other one.
  for (const name of chosen.toSorted((a, b) => Number(a === NOISE) - Number(b === NOISE))) {
    const dataset = name === NOISE ? noisy(readDataset(data, 'locomo'), data) : readDataset(data, name)
    await measure(recorder, edge, dataset)
  }
  for (const target of TARGETS) recorder.target(...target)
}

/** All haystacks of a set as one, with unrelated dialogues around them. */
function noisy(dataset: Dataset, data: string): Dataset {
  const noise = readNoise(data, NOISE_TURNS, NOISE) ?? []
  return {
    name: NOISE,
    turns: [...dataset.turns.map((turn) => ({ ...turn, conv: NOISE })), ...noise],
    questions: dataset.questions.map((question) => ({ ...question, conv: NOISE })),
  }
}

async function measure(recorder: Recorder, { client }: EdgeTenant, dataset: Dataset): Promise<void> {
  const { name, turns, questions } = dataset
  const sessionOf = new Map(turns.map((turn) => [turn.id, turn.session]))
  recorder.figure(`${name}.memories`, turns.length, 'memories')
  recorder.figure(`${name}.questions`, questions.filter(isScored).length, 'questions')

  const namespaces = new Map<string, string>()
  for (const [conv, ofConv] of haystacks(turns)) {
    const namespace = `bench-${name}-${namespaces.size}`
    namespaces.set(conv, namespace)
    recorder.progress(`${name}: remembering ${ofConv.length} turns of haystack ${namespaces.size}`)
    await createNamespace(client, namespace)
    await remember(client, namespace, ofConv)
  }
  await tasksDone(client, (line) => recorder.progress(line))

  recorder.progress(`${name}: asking ${questions.length} questions`)
  const { rankings, times } = await ask(client, questions, (conv) => namespaces.get(conv) ?? '')
  recordScores(recorder, name, score(questions, rankings, sessionOf))
  recorder.figure(`${name}.search.p50`, percentile(times, 0.5), 'ms')
  recorder.figure(`${name}.search.p95`, percentile(times, 0.95), 'ms')

  for (const [baseline, build] of Object.entries(BASELINES)) {
    recorder.progress(`${name}: baseline ${baseline}`)
    const found = await runBaseline(build, turns, questions)
    recordScores(recorder, `${name}.baseline.${baseline}`, score(questions, found, sessionOf))
  }
}

function recordScores(recorder: Recorder, name: string, scores: Record<string, number>): void {
  for (const [metric, value] of Object.entries(scores)) recorder.figure(`${name}.${metric}`, value, '%')
}
