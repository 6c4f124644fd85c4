import type { ChatReport } from '../../../schemas/chat.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { CHAT_SHRINKS_MAX } from '../../../schemas/limits-nodes.ts'
import type { NodeTaskInput, NodeTaskOutput } from '../../../schemas/node-task.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Runtime } from '../../ports/runtime.ts'
import type { EmbeddingBuilder } from '../embed/embedding-builder.ts'
import type { Assignment, NodeDispatcher } from '../nodes/node-dispatcher.ts'
import { isFaultOfTensors } from '../nodes/node-failure.ts'
import type { MemoryWriter } from '../organise/memory-writer.ts'
import type { RenditionShelf } from '../renditions/rendition-shelf.ts'
import type { MemOperator } from '../search/mem-operator.ts'
import {
  answerTokens,
  type ChatCall,
  type ChosenModel,
  chooseModel,
  memoryTokens,
  questionOf,
  type Turn,
  turnsOf,
} from './chat-call.ts'
import { digestOf, type InjectedMemory, type Recalled, recall } from './recall.ts'
import { type Remembered, writeBack } from './write-back.ts'

export interface ChatDeskComponents {
  dispatcher: NodeDispatcher
  operator: MemOperator
  shelf: RenditionShelf
  writer: MemoryWriter
  embeddings: EmbeddingBuilder
  runtime: Runtime
  logger: Logger
}

/** A whole answer. */
export interface Completion {
  model: ChosenModel
  output: NodeTaskOutput<'generate'>
  report: ChatReport
  /** What was recalled, for the log of uses. */
  recalled: Recalled
}

export type ChatEvent =
  | { kind: 'assigned'; model: ChosenModel; assignment: Assignment }
  | { kind: 'token'; text: string }
  | { kind: 'done'; completion: Completion }

/** One prompt on its way. */
interface Prompt {
  call: ChatCall
  turns: Turn[]
  model: ChosenModel
  recalled: Recalled
  retrievalMs: number
  notes: string[]
}

/**
 * Memory-augmented generation: recalls under a budget, injects each memory as text or as its KV cache, has a node answer, writes the conversation
 * back and keeps its KV cache. Without a node that can do it the answer is an error, never a text from somewhere else.
 */
export class ChatDesk {
  readonly #components: ChatDeskComponents

  constructor(components: ChatDeskComponents) {
    this.#components = components
  }

  /**
   * Exactly one `done` is the last event, or it throws. `isStreamed` tells whether the caller passes tokens on as they come.
   * @throws MemosError as NodeDispatcher.run
   */
  async *complete(call: ChatCall, isStreamed: boolean, signal: AbortSignal): AsyncGenerator<ChatEvent, void> {
    const { dispatcher, operator } = this.#components
    const startedMs = performance.now()
    const turns = turnsOf(call.request)
    const model = chooseModel(await dispatcher.nodes(call.context.principal.orgId), call.request.model)
    const question = {
      question: questionOf(turns),
      budgetTokens: memoryTokens(call.request, turns, model),
      model: model.fingerprint,
    }
    const recalled = await recall(call, question, operator)
    const retrievalMs = performance.now() - startedMs
    const prompt: Prompt = { call, turns, model, recalled, retrievalMs, notes: [] }
    const { assignment, output } = yield* this.#generate(prompt, isStreamed, signal)
    const remembered = await this.#remember(prompt, output)
    const report = reportOf(prompt, output, assignment, remembered)
    yield { kind: 'done', completion: { model, output, report, recalled: prompt.recalled } }
  }

  /** Has a node answer; with less memory where it was too long, and with text where a cache was refused. */
  async *#generate(
    prompt: Prompt,
    isStreamed: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<ChatEvent, { assignment: Assignment; output: NodeTaskOutput<'generate'> }> {
    for (let shrinks = 0; ; ) {
      try {
        return yield* this.#attempt(prompt, isStreamed, signal)
      } catch (error) {
        const { memories } = prompt.recalled
        if (error instanceof MemosError && error.code === 'context_overflow' && memories.length > 0) {
          if (shrinks++ === CHAT_SHRINKS_MAX) throw error
          prompt.recalled = halved(prompt.recalled)
          prompt.notes.push('The prompt was too long for the model; half of the memory was left out.')
        } else if (isFaultOfTensors(error) && usesCaches(prompt)) {
          await this.#dropCaches(prompt)
          prompt.notes.push('A node refused a KV cache; it was dropped, and the memory was given as text.')
        } else throw error
      }
    }
  }

  async *#attempt(
    prompt: Prompt,
    isStreamed: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<ChatEvent, { assignment: Assignment; output: NodeTaskOutput<'generate'> }> {
    const { call, model } = prompt
    const input = inputOf(prompt)
    const request = {
      orgId: call.context.principal.orgId,
      namespaceId: call.target?.id ?? null,
      kind: 'generate' as const,
      input,
      model: model.fingerprint,
      residentKeys: keysOf(input),
      isStreamed,
    }
    for await (const event of this.#components.dispatcher.run(request, signal)) {
      if (event.kind === 'assigned') yield { kind: 'assigned', model, assignment: event }
      else if (event.kind === 'token') yield event
      else if (event.kind === 'done') return { assignment: event, output: event.output }
    }
    throw new MemosError('node_failed', { reason: 'node_lost' })
  }

  async #dropCaches({ call, recalled }: Prompt): Promise<void> {
    const rows = recalled.memories.flatMap(({ cache }) => (cache === null ? [] : [cache]))
    const all = recalled.conversation.row === null ? rows : [...rows, recalled.conversation.row]
    await this.#components.shelf.drop(call.session, all)
    recalled.memories = recalled.memories.map(asText)
    if (recalled.conversation.row !== null)
      recalled.conversation = { ...recalled.conversation, state: 'changed', row: null }
  }

  /** The answer stands whatever becomes of this: a failure is a note. */
  async #remember(prompt: Prompt, output: NodeTaskOutput<'generate'>): Promise<Remembered> {
    const { call, turns, model, recalled } = prompt
    const { shelf, logger, runtime } = this.#components
    const { target, session } = call
    // The answer may have taken minutes: what is written now is written now.
    const context = { ...call.context, nowMs: runtime.nowMs() }
    if (target === null) return { cubes: [], note: null }
    try {
      const rows = recalled.memories.flatMap(({ cache }) => (cache === null ? [] : [cache]))
      if (rows.length > 0) await shelf.touch(session, rows, context)
      const answer = { text: output.text, model: model.name }
      const remembered = await writeBack({ ...call, target, context }, turns, answer, this.#components)
      const kept = await this.#keepConversation({ ...prompt, call: { ...call, context } }, output, remembered)
      return { ...remembered, note: remembered.note ?? kept }
    } catch (error) {
      const code = error instanceof MemosError ? error.code : 'internal'
      logger.warn('chat_not_remembered', { requestId: context.requestId, error: code })
      return { cubes: [], note: `The conversation was not written back (${code}).` }
    }
  }

  /** Keeps the cache of the conversation with its last turn. Answers why it could not; null when there was nothing to keep, or it is kept. */
  async #keepConversation(
    { call, model, recalled }: Prompt,
    { conversationKv }: NodeTaskOutput<'generate'>,
    { cubes }: Remembered,
  ): Promise<string | null> {
    const name = call.request.memos.session
    const last = cubes.at(-1)
    if (conversationKv === undefined || name === undefined || last === undefined || call.target === null) return null
    const memory = recalled.memories.map(({ entry }) => entry)
    const sources = [
      ...memory.map(({ full }) => full.cube.cubeId),
      ...cubes.map(({ cubeId }) => cubeId),
      ...recalled.conversation.turns,
    ]
    const cache = {
      cube: { ...last, namespaceId: call.target.id },
      model: model.fingerprint,
      session: name,
      digest: digestOf(memory),
      rendition: conversationKv,
      sources: [...new Set(sources)],
    }
    try {
      await this.#components.shelf.keep(call.session, cache, call.context)
      return null
    } catch (error) {
      const code = error instanceof MemosError ? (error.facts.reason ?? error.code) : 'internal'
      this.#components.logger.warn('conversation_cache_lost', { requestId: call.context.requestId, error: code })
      return `The KV cache of the conversation was not kept (${code}).`
    }
  }
}

const asText = (memory: InjectedMemory): InjectedMemory => ({
  ...memory,
  as: 'text',
  because: memory.cache === null ? memory.because : 'cache_refused',
  cache: null,
})

const usesCaches = ({ recalled }: Prompt): boolean =>
  recalled.conversation.row !== null || recalled.memories.some(({ cache }) => cache !== null)

/** The later half of the memory: what is asked for most often is what was said last. */
function halved(recalled: Recalled): Recalled {
  const kept = recalled.memories.slice(Math.ceil(recalled.memories.length / 2))
  const { conversation } = recalled
  return {
    ...recalled,
    memories: kept.map((memory) => (memory.because === 'part_of_conversation' ? asText(memory) : memory)),
    omitted: recalled.omitted + recalled.memories.length - kept.length,
    conversation: conversation.row === null ? conversation : { ...conversation, state: 'changed', row: null },
  }
}

function inputOf({ call: { request }, turns, model, recalled }: Prompt): NodeTaskInput<'generate'> {
  const { memos, temperature, top_p, top_k, seed, stop } = request
  const stops = stop === undefined || stop === null ? [] : typeof stop === 'string' ? [stop] : stop
  const { row } = recalled.conversation
  return {
    model: model.fingerprint,
    messages: turns,
    memory: recalled.memories.map(({ entry, cache }) => ({
      cubeId: entry.full.cube.cubeId,
      text: entry.text,
      ...(cache !== null && { kv: { rendition: cache.rendition } }),
    })),
    composition: compositionOf(memos.composition, recalled),
    ...(memos.session !== undefined && {
      // The bytes of the cache lie with the cube of the last turn: under that name a node may read them.
      conversation: row === null ? { id: memos.session } : { id: row.cubeId, kv: row.rendition.blob },
    }),
    maxTokens: answerTokens(request, model),
    temperature,
    topP: top_p,
    topK: top_k ?? 0,
    ...(seed !== undefined && { seed }),
    ...(stops.length > 0 && { stop: stops }),
  }
}

/** Caches of single memories can only be put together; where there is none, all is read as one text. */
const compositionOf = (
  asked: 'auto' | 'text' | 'exact' | 'blended',
  { memories }: Recalled,
): 'text' | 'exact' | 'blended' => {
  if (asked !== 'auto') return asked
  return memories.some(({ cache }) => cache !== null) ? 'blended' : 'text'
}

/** What a node may hold already: caches are known by the address of their bytes. */
const keysOf = ({ memory, conversation }: NodeTaskInput<'generate'>): string[] => [
  ...memory.flatMap(({ kv }) => (kv === undefined ? [] : [kv.rendition.blob.cid])),
  ...(conversation?.kv === undefined ? [] : [conversation.kv.cid]),
]

function reportOf(
  { call, model, recalled, retrievalMs, notes }: Prompt,
  output: NodeTaskOutput<'generate'>,
  { node, decision, attempt, waitedMs }: Assignment,
  remembered: Remembered,
): ChatReport {
  const rules = new Map(recalled.memories.map(({ entry, because }) => [entry.full.cube.cubeId, because]))
  return {
    namespace: call.target?.name ?? null,
    session: call.request.memos.session ?? null,
    node: { id: node.nodeId, name: node.name, attempts: attempt },
    model: model.fingerprint,
    composition: compositionOf(call.request.memos.composition, recalled),
    // A node may not name what it was not given.
    injected: output.injected.flatMap((one) => {
      const because = rules.get(one.cubeId)
      return because === undefined ? [] : [{ ...one, because }]
    }),
    omitted: recalled.omitted,
    conversation: recalled.conversation.state,
    remembered: remembered.cubes.map(({ cubeId }) => cubeId),
    ms: { retrieval: round(retrievalMs), waiting: waitedMs, ...output.ms },
    routing: decision.weighed.map(({ name: _, ...facts }) => facts),
    notes: [...notes, ...(remembered.note === null ? [] : [remembered.note])],
  }
}

const round = (ms: number): number => Math.round(ms * 100) / 100
