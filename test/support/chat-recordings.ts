import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Asked, type ChatAnswer, completion } from './chat-server.ts'

const FOLDER = join(import.meta.dirname, '../fixtures/llm')

/** One exchange: which question it belongs to (form, empty where the server was told none, and document; "*" stands for any value), and the answer byte for byte. */
interface Recording {
  request: { form: string; data: Record<string, unknown> }
  response: { status: number; headers?: Record<string, string>; body: unknown }
}

/** Answers from files under test/fixtures/llm. A question that none of them holds is kept in `unknown`, and fails the test that looks at it. */
export class Recordings {
  /** Questions without a recording, as JSON that a recording can be made of. */
  readonly unknown: string[] = []
  readonly #recordings: Recording[]

  constructor(...names: string[]) {
    this.#recordings = names.flatMap(
      (name) => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Recording[],
    )
  }

  readonly answer: ChatAnswer = (asked: Asked) => {
    const form = asked.response_format?.json_schema.name ?? ''
    const found = this.#recordings.find(({ request }) => request.form === form && fits(request.data, asked.data))
    if (found === undefined) {
      this.unknown.push(JSON.stringify({ form, data: asked.data }))
      return completion('There is no recording of this question.')
    }
    const { status, headers, body } = found.response
    return typeof body === 'string' ? new Response(body, { status, headers }) : Response.json(body, { status, headers })
  }
}

function fits(recorded: unknown, asked: unknown): boolean {
  if (recorded === '*') return true
  if (Array.isArray(recorded) && Array.isArray(asked))
    return recorded.length === asked.length && recorded.every((one, at) => fits(one, asked[at]))
  if (typeof recorded !== 'object' || typeof asked !== 'object' || recorded === null || asked === null)
    return isDeepStrictEqual(recorded, asked)
  const [want, have] = [recorded as Record<string, unknown>, asked as Record<string, unknown>]
  return (
    isDeepStrictEqual(Object.keys(want).sort(), Object.keys(have).sort()) &&
    Object.keys(want).every((key) => fits(want[key], have[key]))
  )
}
