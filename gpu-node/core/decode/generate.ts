import type { DecoderModel, ForwardInput, KvCache } from '../model/decoder-model.ts'
import { NodeError, throwIfCancelled } from '../node-error.ts'
import { type Sampling, samplerOf } from './sampling.ts'
import { TextStream } from './text-stream.ts'

export interface GenerateInput extends Sampling, Pick<ForwardInput, 'past' | 'steering' | 'adapters' | 'signal'> {
  /** Tokens behind the past, at least one. */
  ids: readonly number[]
  maxTokens: number
  /** Texts that end the answer and are not part of it. */
  stop?: readonly string[]
  /** Whether the cache at the end is wanted; then the caller disposes it. */
  keepsCache?: boolean
}

export interface GeneratedToken {
  id: number
  /** Text that is certain with this token: none, or that of several. All texts together are the answer. */
  text: string
}

export interface GenerateEnd {
  /** `length`: maxTokens, or the model has no more positions. */
  finish: 'stop' | 'length'
  /** Tokens of the answer, with the one that ended it. */
  ids: readonly number[]
  /** Past, ids and answer, without the last token; null unless it was asked for. */
  cache: KvCache | null
}

/**
 * Writes on behind `past` and `ids`, one token at a time. The past stays as it is.
 * @throws NodeError `context_overflow` if there is no room for one token, `cancelled`, and what `forward` throws
 */
export async function* generate(
  model: DecoderModel,
  input: GenerateInput,
): AsyncGenerator<GeneratedToken, GenerateEnd, undefined> {
  const { past, maxTokens, signal, stop = [] } = input
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    throw new NodeError('invalid_input', 'maxTokens expected an integer, at least 1')
  if (stop.includes('')) throw new NodeError('invalid_input', 'stop expected no empty text')
  const sample = samplerOf(input)
  const { positionsMax } = model.config
  const start = (past ? past.positionStart + past.length : 0) + input.ids.length
  if (start >= positionsMax)
    throw new NodeError('context_overflow', `a prompt up to position ${start}, and the model has ${positionsMax}`)
  const tokensMax = Math.min(maxTokens, positionsMax - start)
  const extras = { steering: input.steering ?? [], adapters: input.adapters ?? [], ...(signal ? { signal } : {}) }
  const stream = new TextStream(model.tokenizer, stop)
  const answer: number[] = []
  let { logits, cache } = await model.forward({ ids: input.ids, past, ...extras })
  let isKept = false
  try {
    while (true) {
      throwIfCancelled(signal)
      const id = sample(logits)
      answer.push(id)
      const isStopId = model.tokenizer.stopIds.has(id)
      let text = isStopId ? '' : stream.push(id)
      const isStop = isStopId || stream.isStopped
      const isLast = isStop || answer.length === tokensMax
      if (isLast) text += stream.end()
      yield { id, text }
      if (isLast) {
        isKept = input.keepsCache ?? false
        // The last text that is released may complete a stop string.
        const finish = isStop || stream.isStopped ? 'stop' : 'length'
        return { finish, ids: answer, cache: isKept ? cache : null }
      }
      const next = await model.forward({ ids: [id], past: cache, ...extras })
      cache.dispose()
      ;({ logits, cache } = next)
    }
  } finally {
    if (!isKept) cache.dispose()
  }
}
