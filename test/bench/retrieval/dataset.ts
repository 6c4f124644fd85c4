import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** One line of corpus.jsonl. */
export interface Turn {
  id: string
  /** Haystack that it belongs to. */
  conv: string
  session: string
  /** Number of the session in its haystack. */
  si: number
  date?: string
  speaker: string
  text: string
  caption?: string
}

/** One line of questions.jsonl. */
export interface Question {
  question_id: string
  conv: string
  question: string
  /** Ids of the turns that answer it. */
  evidence: string[]
  evidence_sessions?: string[]
  answerable?: boolean
  /** Only sessions with a smaller number may be found. */
  before?: number
}

export interface Dataset {
  name: string
  turns: Turn[]
  questions: Question[]
}

/** Names of the folders of `root` that hold a corpus and its questions. */
export function datasetNames(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map((entry) => entry.name)
    .filter((name) => ['corpus', 'questions'].every((file) => fileOf(root, name, file) !== undefined))
    .sort()
}

export function readDataset(root: string, name: string): Dataset {
  return { name, turns: readLines<Turn>(root, name, 'corpus'), questions: readLines<Question>(root, name, 'questions') }
}

/** Utterances of unrelated dialogues, as turns of one haystack: the dialogue is the session. Undefined when the data is not there. */
export function readNoise(root: string, count: number, conv: string): Turn[] | undefined {
  if (fileOf(root, 'load_sgd', 'utterances') === undefined) return undefined
  const utterances = readLines<{ id: string; speaker: string; text: string }>(root, 'load_sgd', 'utterances')
  return utterances.slice(0, count).map(({ id, speaker, text }) => ({
    id: `sgd/${id}`,
    conv,
    session: `sgd/${id.slice(0, id.lastIndexOf(':'))}`,
    si: 0,
    // In this corpus the assistant is called the system.
    speaker: speaker === 'system' ? 'assistant' : speaker,
    text,
  }))
}

function fileOf(root: string, name: string, file: string): string | undefined {
  return ['.jsonl', '.jsonl.gz'].map((end) => join(root, name, `${file}${end}`)).find((path) => existsSync(path))
}

function readLines<T>(root: string, name: string, file: string): T[] {
  const path = fileOf(root, name, file)
  if (path === undefined) throw new RangeError(`"${name}" has no ${file}.jsonl`)
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

/** Turns by haystack, in the order of their sessions. */
export function haystacks(turns: readonly Turn[]): Map<string, Turn[]> {
  const byConv = Map.groupBy(turns, (turn) => turn.conv)
  // The sort is stable: inside a session the order of the file stands.
  return new Map([...byConv].map(([conv, list]) => [conv, list.toSorted((a, b) => a.si - b.si)]))
}

/** Text that is searched: what was said and, for a picture, what it shows. Blank when there is nothing to find. */
export const textOf = ({ text, caption }: Turn): string => `${text} ${caption ?? ''}`.trim()
