import { type GenerateEnd, generate } from '../decode/generate.ts'
import type { Sampling } from '../decode/sampling.ts'
import type { KvCache, Steering } from '../model/decoder-model.ts'
import type { ChatMessage } from '../model/text-tokenizer.ts'
import type { ActivationRun, OpenModel } from './activation-operations.ts'
import {
  type AssembledMemory,
  type AssemblyOptions,
  assembleMemory,
  type Injected,
  type MemoryItem,
} from './assemble-memory.ts'
import { conversationCache } from './conversation-cache.ts'
import { storeKv } from './encode-kv.ts'
import type { ActivationParts, KvRendition } from './entry-caches.ts'
import { memoryFrame } from './memory-frame.ts'
import { openSteering, type SteeringRendition } from './steering-vector.ts'

export interface GenerateTaskInput extends Sampling {
  /** `fp` of the model's fingerprint. */
  model: string
  messages: readonly ChatMessage[]
  memory: readonly MemoryItem[]
  composition: AssemblyOptions['composition']
  /** With it the cache of the conversation is stored; `kv` is what was stored after the turn before. */
  conversation?: { kv?: { cid: string } | undefined } | undefined
  maxTokens: number
  stop?: readonly string[] | undefined
  steering?: readonly { rendition: SteeringRendition }[] | undefined
}

export interface GenerateRun extends ActivationRun {
  token(text: string): void
}

export interface GenerateTaskOutput {
  text: string
  finish: GenerateEnd['finish']
  usage: { promptTokens: number; cachedTokens: number; completionTokens: number }
  /** Milliseconds; `firstToken` and `total` from the start of the task. */
  ms: { load: number; prefill: number; firstToken: number; total: number }
  injected: Injected[]
  conversationKv?: KvRendition
}

/** What the model goes on from, and what it is still to be shown. */
interface Start {
  past: KvCache | null
  ids: readonly number[]
  promptTokens: number
  cachedTokens: number
  injected: Injected[]
}

/** The task `generate`: memory as the caller composed it, the conversation so far, then token by token. @throws NodeError of each part */
export function generateOperation(open: (model: string) => Promise<OpenModel>) {
  return async (input: GenerateTaskInput, run: GenerateRun): Promise<GenerateTaskOutput> => {
    const { signal } = run
    const begun = performance.now()
    const since = () => performance.now() - begun
    const parts = { ...(await open(input.model)), blobs: run.blobs }
    const load = since()
    const steering = await steeringOf(parts, input)
    using held = new DisposableStack()
    const { memory, messages, composition } = input
    const assembled = held.use(await assembleMemory(parts, messages, memory, { composition, signal }))
    const start = await begin(parts, input, assembled, held)
    const prefill = since() - load
    const { maxTokens, temperature, topK, topP, seed, stop } = input
    const sampling = Object.fromEntries(
      Object.entries({ temperature, topK, topP, seed, stop }).filter(([, value]) => value !== undefined),
    )
    // What was computed under steering is not what the model makes of the text: it is not kept.
    const keepsCache = input.conversation !== undefined && steering.length === 0
    const { ids, past } = start
    const stream = generate(parts.model, { ids, past, maxTokens, steering, keepsCache, signal, ...sampling })
    let [text, firstToken] = ['', 0]
    let step = await stream.next()
    for (; !step.done; step = await stream.next()) {
      firstToken ||= since()
      text += step.value.text
      if (step.value.text !== '') run.token(step.value.text)
    }
    const { finish, ids: answer, cache } = step.value
    if (cache !== null) held.defer(() => cache.dispose())
    const conversationKv = cache && (await storeKv(parts.model, await cache.toBlock(), 'fp16', run.blobs))
    const { promptTokens, cachedTokens, injected } = start
    return {
      text,
      finish,
      usage: { promptTokens, cachedTokens, completionTokens: answer.length },
      ms: { load, prefill, firstToken, total: since() },
      injected,
      ...(conversationKv && { conversationKv }),
    }
  }
}

/** From the conversation's own cache where that reaches behind memory, else from memory. */
async function begin(
  parts: ActivationParts,
  { conversation, messages, memory, steering = [] }: GenerateTaskInput,
  { past, ids, promptTokens, injected }: AssembledMemory,
  held: DisposableStack,
): Promise<Start> {
  const promptIds = [...(past?.tokenIds ?? []), ...ids]
  const cid = steering.length > 0 ? undefined : conversation?.kv?.cid
  const behindMemory =
    memory.length === 0 ? 0 : promptTokens - memoryFrame(parts.model.tokenizer, messages).tailIds.length
  const told = cid === undefined ? null : await conversationCache(parts, cid, promptIds, behindMemory)
  if (told === null) {
    const ready = injected.filter(({ as, source }) => as === 'kv' && source !== 'made')
    return { past, ids, promptTokens, cachedTokens: ready.reduce((sum, { tokens }) => sum + tokens, 0), injected }
  }
  held.defer(() => told.dispose())
  return {
    past: told,
    ids: promptIds.slice(told.length),
    promptTokens,
    cachedTokens: told.length,
    injected: injected.map((one) => ({ ...one, as: 'kv', source: 'blob' })),
  }
}

async function steeringOf(
  { model, blobs }: ActivationParts,
  { steering = [] }: GenerateTaskInput,
): Promise<Steering[]> {
  const opened: Steering[] = []
  for (const { rendition } of steering) opened.push(openSteering(await blobs.get(rendition.blob.cid), rendition, model))
  return opened
}
