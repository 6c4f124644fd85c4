import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MemCube } from '../../../schemas/cube.ts'
import { PAGE_ITEMS_MAX, QUERY_LENGTH_MAX } from '../../../schemas/limits.ts'
import type { ContextResponse } from '../../../schemas/search.ts'
import type { EdgeClient } from '../harness/edge-client.ts'
import { startEdge, tasksDone } from '../harness/edge-tenant.ts'
import type { Comparison, Recorder } from '../harness/report.ts'
import { type Dataset, datasetNames, readDataset } from '../retrieval/dataset.ts'
import { rememberHaystacks } from '../retrieval/remember.ts'
import { entriesOf, judge, newestOverall, summary, type UpdateQuestion, updateQuestions } from '../retrieval/updates.ts'
import type { BenchOptions } from './topic.ts'

/** Category of questions about what changed, by set. */
const CATEGORIES: Record<string, RegExp> = {
  realmem: /Dynamic Updating/,
  lifebench_en: /Knowledge Updating/,
  lifebench_zh: /Updating/,
}
/** Haystacks of a set; those of LifeBench hold thousands of memories each. */
const HAYSTACKS_MAX = 10
const QUICK_HAYSTACKS_MAX = 2
/** The minute after which the server looks for memories that were not read for facts, and some seconds. */
const LOOK_MS = 70_000

const TARGETS: [figure: string, comparison: Comparison, percent: number][] = [
  ['realmem.current', '>=', 12],
  ['lifebench_en.current', '>=', 20],
  ['lifebench_zh.current', '>=', 20],
]

/**
 * Whether context packs present the newest statement as the current one, on questions about what changed, through the public API: the newest
 * evidence is in the pack, stands after all older evidence, is not marked as superseded, and is marked as the newest. `baseline` marks the last
 * entry of the same packs only.
 */
export async function updates(recorder: Recorder, { data, sets, quick }: BenchOptions): Promise<void> {
  if (!existsSync(data)) return recorder.skip('updates', 'no data: give a folder with --data')
  const names = datasetNames(data).filter((name) => name in CATEGORIES && (sets?.includes(name) ?? true))
  for (const name of names)
    await askAboutUpdates(recorder, readDataset(data, name), quick ? QUICK_HAYSTACKS_MAX : HAYSTACKS_MAX)
  for (const [figure, comparison, percent] of TARGETS)
    if (names.includes(figure.split('.')[0] ?? '')) recorder.target(figure, comparison, percent)
}

async function askAboutUpdates(recorder: Recorder, dataset: Dataset, haystacksMax: number): Promise<void> {
  const { name, turns, questions } = dataset
  const all = updateQuestions(questions, turns, CATEGORIES[name] ?? /^$/)
  const haystacks = new Set([...new Set(all.map(({ question }) => question.conv))].slice(0, haystacksMax))
  const asked = all.filter(({ question }) => haystacks.has(question.conv))
  await using edge = await startEdge()
  const progress = (line: string) => recorder.progress(line)
  const namespaces = await rememberHaystacks(
    edge.client,
    { ...dataset, turns: turns.filter(({ conv }) => haystacks.has(conv)) },
    progress,
  )
  progress(`${name}: waiting for facts`)
  await sleep(LOOK_MS)
  await tasksDone(edge.client, progress)
  recorder.figure(`${name}.questions`, asked.length, 'questions')
  recorder.figure(`${name}.facts`, await factCount(edge.client, [...namespaces.values()]), 'facts')
  const now = []
  const baseline = []
  for (const [conv, ofConv] of Map.groupBy(asked, ({ question }) => question.conv)) {
    const namespace = namespaces.get(conv) ?? ''
    const idOf = await turnIds(edge.client, namespace)
    for (const one of ofConv) {
      const pack = await edge.client.post<ContextResponse>('/v1/context', requestOf(one, namespace))
      const entries = entriesOf(pack, (cubeId) => idOf.get(cubeId) ?? '')
      now.push(judge(entries, one))
      baseline.push(judge(newestOverall(entries), one))
    }
  }
  for (const [part, judgements] of [
    ['', now],
    ['baseline.', baseline],
  ] as const)
    for (const [figure, value] of Object.entries(summary(judgements)))
      recorder.figure(`${name}.${part}${figure}`, value, figure === 'marks' ? 'marks' : '%')
}

const requestOf = ({ question: { question, before } }: UpdateQuestion, namespace: string) => ({
  query: question.slice(0, QUERY_LENGTH_MAX),
  namespaces: [namespace],
  ...(before !== undefined && { live: true, filter: { field: 'metadata.si', op: 'lt', value: before } }),
})

/** The turn that each cube of a namespace was made of. */
async function turnIds(client: EdgeClient, namespace: string): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  for await (const cube of pages<MemCube>(client, `/v1/cubes?namespace=${namespace}`))
    ids.set(cube.cubeId, String(cube.metadata.sourceId))
  return ids
}

async function factCount(client: EdgeClient, namespaces: readonly string[]): Promise<number> {
  let count = 0
  for (const namespace of namespaces)
    for await (const _ of pages(client, `/v1/facts?namespace=${namespace}`)) count += 1
  return count
}

async function* pages<T>(client: EdgeClient, path: string): AsyncGenerator<T> {
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: T[]; nextCursor: string | null } = await client.get(
      `${path}&limit=${PAGE_ITEMS_MAX}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    yield* page.items
    cursor = page.nextCursor
  }
}
