import { activationOperations } from '../../../gpu-node/core/activation/activation-operations.ts'
import { assembleMemory, type MemoryItem } from '../../../gpu-node/core/activation/assemble-memory.ts'
import { compareLogits, type Divergence } from '../../../gpu-node/core/activation/divergence.ts'
import type { ActivationParts } from '../../../gpu-node/core/activation/entry-caches.ts'
import {
  decodeKvBlock,
  encodeKvBlock,
  type KvDtype,
  kvFileBytesMax,
} from '../../../gpu-node/core/activation/kv-codec.ts'
import { memoryFrame } from '../../../gpu-node/core/activation/memory-frame.ts'
import type { DecoderModel, KvCache } from '../../../gpu-node/core/model/decoder-model.ts'
import type { MemoryBlobs } from '../../support/memory-blobs.ts'
import { type Case, withoutAnswer } from './cases.ts'

/** How memory reaches the model. With a number format: out of a file. */
export const WAYS = [
  'text',
  'exact',
  'fp16',
  'int8',
  'blended',
  'blended.fp16',
  'blended.int8',
  'removed',
  'none',
] as const
export type Way = (typeof WAYS)[number]

export interface Answered {
  isRight: boolean
  /** Of the first answer token, from memory as text. */
  divergence: Divergence
}

/** Asks the question of a case in every way. Greedy: whether each token of the right answer is the likeliest behind those before it. */
export async function answersOf(parts: ActivationParts, blobs: MemoryBlobs, one: Case): Promise<Record<Way, Answered>> {
  const { model } = parts
  const messages = [{ role: 'user', content: one.question }]
  const answer = [...model.tokenizer.encode(one.answer), ...[...model.tokenizer.stopIds].slice(0, 1)]
  const memory = itemsOf(one.entries)
  let reference: Float32Array | undefined
  const judged = async (past: KvCache | null, ids: readonly number[]): Promise<Answered> => {
    const output = await model.forward({ ids: [...ids, ...answer.slice(0, -1)], past, logitsKept: answer.length })
    output.cache.dispose()
    const rows = answer.map((_, at) =>
      output.logits.subarray(at * model.config.vocabulary, (at + 1) * model.config.vocabulary),
    )
    reference ??= rows[0]!
    return {
      isRight: rows.every((row, at) => largest(row) === answer[at]),
      divergence: compareLogits(reference, rows[0]!),
    }
  }
  const assembled = async (items: readonly MemoryItem[], composition: 'text' | 'exact' | 'blended') => {
    using prompt = await assembleMemory(parts, messages, items, { composition, order: 'asked' })
    return judged(prompt.past, prompt.ids)
  }
  const throughFile = async (dtype: KvDtype) => {
    using prompt = await assembleMemory(parts, messages, memory, { composition: 'exact', order: 'asked' })
    const past = await reopened(parts, prompt.past!, dtype)
    const result = await judged(past, prompt.ids)
    past.dispose()
    return result
  }
  const { encode_kv } = activationOperations(async () => parts)
  const run = { signal: new AbortController().signal, blobs }
  const stored = async (dtype: KvDtype) => {
    const items: MemoryItem[] = []
    for (const item of memory) {
      const { rendition } = await encode_kv({ model: model.fingerprint.fp, text: item.text, dtype }, run)
      items.push({ ...item, kv: { rendition } })
    }
    // What was made for the file must not be at hand when it is read.
    parts.resident.clear()
    return assembled(items, 'blended')
  }
  const text = await assembled(memory, 'text')
  return {
    text,
    exact: await assembled(memory, 'exact'),
    fp16: await throughFile('fp16'),
    int8: await throughFile('int8'),
    blended: await assembled(memory, 'blended'),
    'blended.fp16': await stored('fp16'),
    'blended.int8': await stored('int8'),
    removed: await assembled(itemsOf(withoutAnswer(one)), 'text'),
    none: await assembled([], 'text'),
  }
}

/** A cache as it comes back from a file. */
async function reopened({ model, cacheOf }: ActivationParts, cache: KvCache, dtype: KvDtype): Promise<KvCache> {
  const { config, fingerprint } = model
  const facts = { dtype, fingerprint: fingerprint.fp }
  const file = encodeKvBlock(await cache.toBlock(), config, facts)
  const { tokenIds, positionStart } = cache
  const { layers, kvHeads, headDim } = config
  const bytesMax = kvFileBytesMax(config, tokenIds.length)
  return cacheOf(decodeKvBlock(file, { layers, kvHeads, headDim, ...facts, tokenIds, positionStart, bytesMax }))
}

const itemsOf = (entries: readonly string[]): MemoryItem[] => entries.map((text, at) => ({ cubeId: String(at), text }))

const largest = (row: Float32Array) => row.reduce((best, value, at) => (value > row[best]! ? at : best), 0)

/** Tokens of memory and prefix. */
export const memoryTokens = (model: DecoderModel, { entries }: Case): number =>
  memoryFrame(model.tokenizer, []).prefixIds.length +
  entries.reduce((sum, text) => sum + model.tokenizer.encode(text).length, 0)
