import type { DecoderModel, KvCache } from '../model/decoder-model.ts'
import type { ChatMessage } from '../model/text-tokenizer.ts'
import { NodeError } from '../node-error.ts'
import { canonicalOrder, composeBlocks } from './compose-blocks.ts'
import { type Divergence, divergenceOf } from './divergence.ts'
import { type ActivationParts, EntryCaches, type KvRendition, type KvSource } from './entry-caches.ts'
import { compositionKey } from './kv-key.ts'
import { entryIds, memoryFrame } from './memory-frame.ts'
import type { KvLease } from './resident-cache.ts'

export interface MemoryItem {
  cubeId: string
  text: string
  kv?: { rendition: KvRendition } | undefined
}

/** How one memory reached the model. */
export interface Injected {
  cubeId: string
  as: 'text' | 'kv'
  tokens: number
  source: KvSource
}

export interface AssemblyOptions {
  /** `text`: as part of the prompt; `exact`: keys and values of all of them together; `blended`: of each by itself, composed. */
  composition: 'text' | 'exact' | 'blended'
  /** `canonical` (default): by cube id, so that the same memories are the same prompt; `asked`: as they come. */
  order?: 'canonical' | 'asked'
  /** Also computes the joint prefill, and how far the composition is from it. */
  measuresDivergence?: boolean
  signal?: AbortSignal
}

/** A prompt of which memory has been dealt with. */
export interface AssembledMemory extends Disposable {
  /** What the model goes on from: it belongs to the resident cache and stays valid until dispose. */
  past: KvCache | null
  /** What is still to be run. */
  ids: readonly number[]
  /** Tokens of the whole prompt, those of `past` included. */
  promptTokens: number
  injected: Injected[]
  /** null: not asked for, or nothing was composed. */
  divergence: Divergence | null
}

/**
 * Puts memory in front of a conversation, as text or as keys and values.
 * @throws NodeError `invalid_input` (no place for memory), `wrong_fingerprint`, `invalid_tensor`, `context_overflow`, `cancelled`, and what
 * the model and the blobs throw. Nothing is injected then, and nothing stays held.
 */
export async function assembleMemory(
  parts: ActivationParts,
  messages: readonly ChatMessage[],
  memory: readonly MemoryItem[],
  options: AssemblyOptions,
): Promise<AssembledMemory> {
  const items = options.order === 'asked' ? [...memory] : canonicalOrder(memory)
  const { tokenizer } = parts.model
  const entries = items.map(({ text }) => entryIds(tokenizer, text))
  if (items.length === 0 || options.composition === 'text') {
    const ids = tokenizer.chat(messages, items.length === 0 ? {} : { memory: items.map(({ text }) => text) })
    expectRoom(parts.model, ids.length)
    return assembled(
      null,
      ids,
      ids.length,
      items.map((item, at) => textOf(item, entries[at]!)),
      null,
    )
  }
  const { prefixIds, tailIds } = memoryFrame(tokenizer, messages)
  const promptTokens = prefixIds.length + entries.flat().length + tailIds.length
  expectRoom(parts.model, promptTokens)
  const caches = new EntryCaches(parts, prefixIds)
  const { signal } = options
  if (options.composition === 'exact') {
    const { lease, isMade } = await caches.exact(entries, signal)
    const source = isMade ? 'made' : 'resident'
    return assembled(
      lease,
      tailIds,
      promptTokens,
      items.map((item, at) => kvOf(item, entries[at]!, source)),
      null,
    )
  }
  const { lease, sources } = await blended(parts, caches, items, entries, signal)
  try {
    using joint = options.measuresDivergence ? (await caches.exact(entries, signal)).lease : null
    const divergence = joint && (await divergenceOf(parts.model, joint.cache, lease.cache, tailIds, signal))
    const injected = items.map((item, at) => kvOf(item, entries[at]!, sources[at]!))
    return assembled(lease, tailIds, promptTokens, injected, divergence)
  } catch (error) {
    lease.release()
    throw error
  }
}

/** Each entry by itself, put together at its place. The whole is kept at hand as well, under a key of its own. */
async function blended(
  { model, cacheOf, resident }: ActivationParts,
  caches: EntryCaches,
  items: readonly MemoryItem[],
  entries: readonly (readonly number[])[],
  signal: AbortSignal | undefined,
): Promise<{ lease: KvLease; sources: KvSource[] }> {
  using held = new DisposableStack()
  const prefix = await caches.prefix(signal)
  if (prefix !== null) held.use(prefix)
  const blocks: KvLease[] = []
  const sources: KvSource[] = []
  for (const [at, { kv }] of items.entries()) {
    const { lease, source } = await caches.entry(entries[at]!, kv?.rendition, signal)
    blocks.push(held.use(lease))
    sources.push(source)
  }
  const keys = [prefix, ...blocks].flatMap((lease) => (lease === null ? [] : [lease.key]))
  const { lease } = await resident.take(compositionKey(keys), async () => {
    const made = await Promise.all(blocks.map(({ cache }) => cache.toBlock()))
    return cacheOf(composeBlocks((await prefix?.cache.toBlock()) ?? null, made, model.config))
  })
  return { lease, sources }
}

function expectRoom({ config }: DecoderModel, tokens: number): void {
  if (tokens >= config.positionsMax)
    throw new NodeError('context_overflow', `a prompt of ${tokens} tokens, and the model has ${config.positionsMax}`)
}

const textOf = ({ cubeId }: MemoryItem, ids: readonly number[]): Injected => ({
  cubeId,
  as: 'text',
  tokens: ids.length,
  source: 'made',
})

const kvOf = ({ cubeId }: MemoryItem, ids: readonly number[], source: KvSource): Injected => ({
  cubeId,
  as: 'kv',
  tokens: ids.length,
  source,
})

function assembled(
  lease: KvLease | null,
  ids: readonly number[],
  promptTokens: number,
  injected: Injected[],
  divergence: Divergence | null,
): AssembledMemory {
  const dispose = () => lease?.release()
  return { past: lease?.cache ?? null, ids, promptTokens, injected, divergence, [Symbol.dispose]: dispose }
}
