import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { haystacks, type Question, readDataset, type Turn } from '../../test/bench/retrieval/dataset.ts'
import { fromLocomo, isLocomo } from './locomo.ts'

/** A question with what a person wants to see beside it. */
export interface DemoQuestion extends Question {
  category?: string
  answer?: string | number
}

/** Something to remember and what to ask about it. Ids of turns are unique inside it. */
export interface Conversation {
  id: string
  turns: Turn[]
  questions: DemoQuestion[]
}

/** Layout of docs/samples/conversation.json. */
interface Sample {
  title: string
  sessions: { id: string; startedAt: string; turns: { id: string; speaker: string; text: string }[] }[]
  questions: { id: string; category: string; question: string; answer: string; evidence: string[] }[]
}

/**
 * Reads a conversation of ours (JSON with `sessions`), the JSON file that LoCoMo is published as, or a folder with corpus.jsonl and
 * questions.jsonl (also .gz), which may hold many conversations.
 * @throws RangeError when it is none of these
 */
export function readConversations(path: string): Conversation[] {
  if (statSync(path).isDirectory()) return fromFolder(resolve(path))
  const data: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (isLocomo(data)) return data.map(fromLocomo)
  if (isSample(data)) return [fromSample(data)]
  throw new RangeError(`${path}: expected "sessions" and "questions", or the layout of LoCoMo`)
}

const isSample = (data: unknown): data is Sample =>
  typeof data === 'object' && data !== null && 'sessions' in data && 'questions' in data

function fromSample({ title, sessions, questions }: Sample): Conversation {
  return {
    id: title,
    turns: sessions.flatMap(({ id: session, startedAt, turns }, si) =>
      turns.map((turn) => ({ ...turn, conv: title, session, si, date: startedAt.replace(/Z$/, '') })),
    ),
    questions: questions.map(({ id, ...rest }) => ({ ...rest, question_id: id, conv: title })),
  }
}

function fromFolder(folder: string): Conversation[] {
  const { turns, questions } = readDataset(dirname(folder), basename(folder))
  const asked = Map.groupBy(questions as DemoQuestion[], ({ conv }) => conv)
  return [...haystacks(turns)].map(([id, ofConv]) => ({ id, turns: ofConv, questions: asked.get(id) ?? [] }))
}
