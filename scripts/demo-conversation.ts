/**
 * `npm run demo:conversation [-- --data FILE] [--limit N] [--top N] [--json] [--url URL --key KEY]`: remembers a conversation, asks about it, shows
 * which memories come back and how much of the evidence is among them. Without --url it starts a server of its own with empty data.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CliError, describeFailure, EXIT, failureOf } from '../cli/failure.ts'
import { processIo } from '../cli/io.ts'
import { Progress } from '../cli/progress.ts'
import type { MemosClient } from '../sdk/client.ts'
import { type Conversation, readConversations } from './demo/conversations.ts'
import { openEdge } from './demo/edge.ts'
import { figuresOf, questionText, summaryText } from './demo/print.ts'
import { type Asked, ask, remember } from './demo/recall.ts'

const SAMPLE = join(import.meta.dirname, '../docs/samples/conversation.json')

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: SAMPLE },
    limit: { type: 'string', default: 'Infinity' },
    top: { type: 'string', default: '3' },
    url: { type: 'string' },
    key: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const io = processIo()

async function show(conversation: Conversation, client: MemosClient): Promise<Asked[]> {
  const { id, turns } = conversation
  const sessions = new Set(turns.map((turn) => turn.session)).size
  const title = `${id}: ${turns.length} turns in ${sessions} sessions, ${conversation.questions.length} questions`
  const asked = await inNamespace(client, async (namespace) => {
    await withProgress(`remembering ${id}`, (report) => remember(client, namespace, conversation, report))
    return withProgress(`asking about ${id}`, (report) => ask(client, namespace, conversation, report))
  })
  if (!values.json) io.out(`${title}\n\n${asked.map((one) => questionText(one, countOf('top'), io.columns)).join('')}`)
  return asked
}

/** Each conversation is remembered apart from the others, and forgotten afterwards. */
async function inNamespace<T>(client: MemosClient, work: (namespace: string) => Promise<T>): Promise<T> {
  const name = `demo-${crypto.randomUUID()}`
  await client.namespaces.create({ name, layer: 'shared' })
  try {
    return await work(name)
  } finally {
    await client.namespaces.delete(name)
  }
}

async function withProgress<T>(
  title: string,
  work: (report: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const progress = new Progress(io, title)
  try {
    return await work((done, total) => progress.update(done, total))
  } finally {
    progress.end()
  }
}

function countOf(option: 'limit' | 'top'): number {
  const count = Number(values[option])
  if (count >= 1) return count
  throw new CliError(`--${option} expected a number of at least 1`, { exitCode: EXIT.usage })
}

async function main(): Promise<void> {
  const conversations = readConversations(values.data).slice(0, countOf('limit'))
  await using edge = await openEdge(values)
  const asked: Asked[] = []
  for (const conversation of conversations) asked.push(...(await show(conversation, edge.client)))
  if (!values.json) return io.out(summaryText(asked, io.columns))
  const questions = asked.map(({ question, ranking, evidence, answer }) => {
    const found = evidence.map((id) => ({ id, place: ranking.indexOf(id) + 1 || null }))
    return {
      id: question.question_id,
      question: question.question,
      category: question.category,
      evidence: found,
      tookMs: answer.tookMs,
    }
  })
  io.out(`${JSON.stringify({ conversations: conversations.length, figures: figuresOf(asked), questions }, null, 2)}\n`)
}

try {
  await main()
} catch (error) {
  const failure = failureOf(error)
  io.err(describeFailure(failure))
  process.exitCode = failure.exitCode
}
