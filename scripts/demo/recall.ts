import { setTimeout as sleep } from 'node:timers/promises'
import { QUERY_LENGTH_MAX, SEARCH_RESULTS_MAX } from '../../schemas/limits.ts'
import type { MemosClient } from '../../sdk/client.ts'
import type { Answer } from '../../sdk/endpoints.ts'
import { inParallel, slices } from '../../test/bench/harness/statistics.ts'
import { textOf } from '../../test/bench/retrieval/dataset.ts'
import { messageOf } from '../../test/bench/retrieval/remember.ts'
import type { Conversation, DemoQuestion } from './conversations.ts'

const MESSAGES_PER_REQUEST = 200
const QUESTIONS_IN_FLIGHT = 4
const TASK_POLL_MS = 200
const TASK_MS_MAX = 10 * 60_000

export interface Asked {
  question: DemoQuestion
  answer: Answer<'search'>
  /** Ids of the turns found, best first. */
  ranking: string[]
  /** Ids of the turns that hold the answer. */
  evidence: string[]
}

export type Report = (done: number, total: number) => void

/** Writes a conversation, session after session, and waits for the work that goes on after the answers (embedding). */
export async function remember(
  client: MemosClient,
  namespace: string,
  { turns }: Conversation,
  report: Report,
): Promise<void> {
  const spoken = turns.filter((turn) => textOf(turn) !== '')
  const tasks: string[] = []
  let done = 0
  report(done, spoken.length)
  for (const [session, ofSession] of Map.groupBy(spoken, (turn) => turn.session)) {
    for (const batch of slices(ofSession, MESSAGES_PER_REQUEST)) {
      const { taskId } = await client.remember({ namespace, session, messages: batch.map(messageOf) })
      if (taskId !== null) tasks.push(taskId)
      done += batch.length
      report(done, spoken.length)
    }
  }
  for (const id of new Set(tasks)) await taskDone(client, id)
}

async function taskDone(client: MemosClient, id: string): Promise<void> {
  const signal = AbortSignal.timeout(TASK_MS_MAX)
  for (;;) {
    const { state, error } = await client.tasks.get(id, { signal })
    if (state === 'succeeded') return
    if (state === 'failed' || state === 'cancelled')
      throw new Error(`task ${id} ${state}: ${error ?? 'no reason given'}`)
    await sleep(TASK_POLL_MS, undefined, { signal })
  }
}

/** Asks every question of a conversation. */
export function ask(
  client: MemosClient,
  namespace: string,
  { questions }: Conversation,
  report: Report,
): Promise<Asked[]> {
  let done = 0
  return inParallel(questions, QUESTIONS_IN_FLIGHT, async (question) => {
    const answer = await client.search({
      query: question.question.slice(0, QUERY_LENGTH_MAX),
      namespaces: [namespace],
      limit: SEARCH_RESULTS_MAX,
      explain: true,
    })
    done += 1
    report(done, questions.length)
    const ranking = answer.results.map(({ cube }) => String(cube.metadata.sourceId))
    return { question, answer, ranking, evidence: question.evidence }
  })
}
