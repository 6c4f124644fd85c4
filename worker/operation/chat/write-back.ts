import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { CreateCube } from '../../../schemas/cube.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import type { MemoryWriter } from '../organise/memory-writer.ts'
import { recalledSpans } from '../planning/recalled-text.ts'
import type { ChatCall, Turn } from './chat-call.ts'

export interface WriteBackComponents {
  writer: MemoryWriter
  embeddings: EmbeddingBuilder
}

/** Cubes that a conversation was written to, oldest first; the last one is the answer's. */
export interface Remembered {
  cubes: { cubeId: string; cid: string }[]
  /** Why nothing was written; null when it was, by this request or by an earlier one that said the same. */
  note: string | null
}

/**
 * Remembers what the user said since the last answer, and the answer. What the prompt repeats of memory is left out, and no facts are taken from
 * answers (`extract-facts.ts`), so that memory does not grow from its own echo. The same turn of the same caller is remembered once a day.
 */
export async function writeBack(
  call: ChatCall & { target: NamespaceRow },
  turns: readonly Turn[],
  answer: { text: string; model: string },
  { writer, embeddings }: WriteBackComponents,
): Promise<Remembered> {
  const { session, target } = call
  const inputs = [...saidSince(turns), { role: 'assistant' as const, content: answer.text }].flatMap((turn) =>
    cubeOf(turn, call.request.memos.session, answer.model),
  )
  if (inputs.length === 0) return { cubes: [], note: 'Nothing was said that could be remembered.' }
  const { key, hash } = identityOf(call, turns)
  const context: RequestContext = { ...call.context, idempotencyKey: key }
  try {
    const kept = await session.idempotency.claim(key, hash, context.nowMs)
    if (kept !== null) return { cubes: cubesIn(kept.response), note: null }
  } catch (error) {
    if (error instanceof MemosError && error.code === 'idempotency_in_progress')
      return { cubes: [], note: 'Another request is remembering the same turn.' }
    throw error
  }
  try {
    const plan = embeddings.plan(target, context)
    const cubes = await writer.create(session, target, inputs, context, plan.writes, (made) => ({
      status: 201,
      body: made.map(({ record: { cubeId, cid } }) => ({ cubeId, cid })),
    }))
    embeddings.wake(target, plan)
    return { cubes, note: null }
  } catch (error) {
    await session.idempotency.release(key)
    throw error
  }
}

/** Turns of the user behind the last answer. */
const saidSince = (turns: readonly Turn[]): Turn[] =>
  turns.slice(turns.findLastIndex(({ role }) => role === 'assistant') + 1).filter(({ role }) => role === 'user')

function cubeOf(turn: Turn, session: string | undefined, model: string): CreateCube[] {
  const content = (turn.role === 'user' ? withoutRecalled(turn.content) : turn.content).trim()
  if (content === '') return []
  return [
    CreateCube.parse({
      content,
      role: turn.role,
      ...(session !== undefined && { session }),
      origin: turn.role === 'assistant' ? { kind: 'inference', ref: model } : { kind: 'user_input' },
    }),
  ]
}

/** A text without what it repeats of memory. */
function withoutRecalled(text: string): string {
  let rest = ''
  let at = 0
  for (const { start, end } of recalledSpans(text)) {
    rest += text.slice(at, start)
    at = end
  }
  return rest + text.slice(at)
}

/** Under which key a turn is remembered: what was said so far, in which conversation, by whom. The answer is no part of it. */
function identityOf({ target, request, context }: ChatCall, turns: readonly Turn[]): { key: string; hash: string } {
  const said = JSON.stringify([target?.id, request.memos.session ?? null, turns])
  const hash = bytesToHex(sha256(utf8ToBytes(said)))
  return { key: `${context.principal.keyId}/chat:${hash}`, hash }
}

const cubesIn = (response: string): Remembered['cubes'] => JSON.parse(response) as Remembered['cubes']
