import type { Tensor } from 'onnxruntime-common'
import type { Fingerprint } from '../../../protocol/core/fingerprint.ts'
import type { ModelDescriptor } from '../../../schemas/model-descriptor.ts'
import { buildLlama } from '../../onnx/llama-graph.ts'
import { NodeError, throwIfCancelled } from '../node-error.ts'
import type { OnnxRuntime } from '../runtime/onnx-runtime.ts'
import type { SessionPlan, SessionPool } from '../runtime/session-pool.ts'
import { DecoderFeeds, type Span } from './decoder-feeds.ts'
import type { DecoderConfig, DecoderModel, ForwardInput, ForwardOutput } from './decoder-model.ts'
import { presentNames, type RunOutput, runDecoder } from './decoder-run.ts'
import { HubTokenizer } from './hub-tokenizer.ts'
import type { LlamaShape } from './llama-config.ts'
import type { ModelFiles } from './model-files.ts'
import { readModelParts, readShards } from './model-parts.ts'
import type { Probe } from './probe.ts'
import { selfTest } from './self-test.ts'
import { TensorKvCache } from './tensor-kv-cache.ts'
import type { TextTokenizer } from './text-tokenizer.ts'
import { readWeights } from './weights.ts'

/** Tokens of one run: more are computed in parts, which bounds the memory of attention and leaves room to cancel. */
const RUN_TOKENS_MAX = 512

export interface DecoderOptions {
  name: string
  files: ModelFiles
  runtime: OnnxRuntime
  sessions: SessionPool
  /** Instead of the one in the files. */
  tokenizer?: TextTokenizer
  /** Logits that every session must give, instead of `probe.json`; see `selfTest` for what is looked at besides. */
  probe?: Probe
}

/**
 * Opens a Llama from its Hugging Face files: `config.json`, `model.safetensors` (or shards), `tokenizer.json`, `tokenizer_config.json`.
 * Whenever its session is opened, it is tested before it is used.
 * @throws NodeError `invalid_input`, `invalid_tensor`, `out_of_memory`, `result_mismatch`
 */
export async function openDecoder(options: DecoderOptions): Promise<DecoderModel> {
  const parts = await readModelParts(options.files)
  const tokenizer = options.tokenizer ?? new HubTokenizer(parts)
  const model = new OnnxDecoder(options, { ...parts, tokenizer })
  await model.open()
  return model
}

interface DecoderParts {
  shape: LlamaShape
  descriptor: ModelDescriptor
  fingerprint: Fingerprint
  tokenizer: TextTokenizer
  weightBytes: number
  probe: Probe | null
}

class OnnxDecoder implements DecoderModel {
  readonly name: string
  readonly config: DecoderConfig
  readonly descriptor: ModelDescriptor
  readonly fingerprint: Fingerprint
  readonly tokenizer: TextTokenizer
  readonly #runtime: OnnxRuntime
  readonly #sessions: SessionPool
  readonly #plan: SessionPlan
  readonly #feeds: DecoderFeeds

  constructor(options: DecoderOptions, parts: DecoderParts) {
    this.name = options.name
    this.config = parts.shape
    this.descriptor = parts.descriptor
    this.fingerprint = parts.fingerprint
    this.tokenizer = parts.tokenizer
    this.#runtime = options.runtime
    this.#sessions = options.sessions
    this.#feeds = new DecoderFeeds(options.runtime, parts.shape)
    this.#plan = {
      key: parts.fingerprint.fp,
      // The file's numbers, and the same as fp32 once constants are folded.
      bytes: parts.weightBytes * 3,
      onDevice: presentNames(parts.shape),
      model: async () => {
        const shards = await readShards(options.files)
        return buildLlama(parts.shape, readWeights(shards.map(({ bytes }) => bytes)))
      },
      check: (session) => selfTest(session, this.#feeds, parts.shape, options.probe ?? parts.probe),
    }
  }

  open(): Promise<void> {
    return this.#sessions.use(this.#plan, async () => {})
  }

  async forward(input: ForwardInput): Promise<ForwardOutput> {
    const past = this.#checkedPast(input.past)
    const positionStart = this.#checkedStart(input, past)
    const extras = this.#feeds.extras(input.steering ?? [], input.adapters ?? [])
    return this.#sessions.use(this.#plan, async (session) => {
      const run = (span: Span) => runDecoder(session, this.#feeds, this.config, span, extras, input.hiddenLayers)
      try {
        return await this.#inParts(input, past, positionStart, run)
      } finally {
        for (const tensor of Object.values(extras)) tensor.dispose()
      }
    })
  }

  async #inParts(
    { ids, logitsKept = 1, signal }: ForwardInput,
    past: TensorKvCache | null,
    positionStart: number,
    run: (span: Span) => Promise<RunOutput>,
  ): Promise<ForwardOutput> {
    const parts: RunOutput[] = []
    try {
      for (let from = 0; from < ids.length; from += RUN_TOKENS_MAX) {
        throwIfCancelled(signal)
        const part = ids.slice(from, from + RUN_TOKENS_MAX)
        const behind = ids.length - from - part.length
        const output = await run({
          ids: part,
          positionStart: positionStart + from,
          past: parts.at(-1)?.cache ?? past,
          // One row at least: zero would mean all of them.
          logitsKept: Math.max(1, Math.min(part.length, logitsKept - behind)),
        })
        parts.at(-1)?.cache.dispose()
        parts.push(output)
      }
    } catch (error) {
      parts.at(-1)?.cache.dispose()
      throw error
    }
    return this.#joined(parts, logitsKept)
  }

  #joined(parts: readonly RunOutput[], logitsKept: number): ForwardOutput {
    const last = parts.at(-1)!
    if (parts.length === 1) return last
    const logits = concatenated(parts.map((part) => part.logits))
    const layers = [...last.hidden.keys()]
    const hidden = layers.map((layer) => [layer, concatenated(parts.map((part) => part.hidden.get(layer)!))] as const)
    return {
      logits: logits.subarray(logits.length - logitsKept * this.config.vocabulary),
      cache: last.cache,
      hidden: new Map(hidden),
    }
  }

  dispose(): Promise<void> {
    return this.#sessions.close(this.#plan.key)
  }

  #checkedPast(past: ForwardInput['past']): TensorKvCache | null {
    if (past === null) return null
    if (!(past instanceof TensorKvCache)) throw new NodeError('invalid_input', 'expected a KV cache of this runtime')
    const { layers, kvHeads, headDim } = this.config
    const dims = [1, kvHeads, past.length, headDim].join()
    const fits = (tensor: Tensor) => tensor instanceof this.#runtime.Tensor && tensor.dims.join() === dims
    if (past.layers.length !== layers || !past.layers.every(({ key, value }) => fits(key) && fits(value)))
      throw new NodeError('invalid_tensor', `expected a KV cache of ${layers} layers [${dims}] of this runtime`)
    return past
  }

  /** Position of the first id. */
  #checkedStart({ ids, positions, logitsKept = 1, hiddenLayers = [] }: ForwardInput, past: TensorKvCache | null) {
    const { vocabulary, positionsMax, layers } = this.config
    const isId = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabulary
    if (ids.length === 0 || !ids.every(isId))
      throw new NodeError('invalid_input', `expected token ids from 0 to ${vocabulary - 1}, at least one`)
    if (!Number.isInteger(logitsKept) || logitsKept < 1 || logitsKept > ids.length)
      throw new NodeError('invalid_input', `logitsKept expected 1 to ${ids.length} but got ${logitsKept}`)
    if (hiddenLayers.some((layer) => !Number.isInteger(layer) || layer < 0 || layer > layers))
      throw new NodeError('invalid_input', `hiddenLayers expected 0 to ${layers}`)
    const behind = past ? past.positionStart + past.length : 0
    const start = positions?.[0] ?? behind
    if (!Number.isInteger(start) || start < 0 || (past && start !== behind))
      throw new NodeError('invalid_input', `expected positions from ${behind} on but got ${start}`)
    if (positions && (positions.length !== ids.length || positions.some((position, i) => position !== start + i)))
      throw new NodeError('invalid_input', 'expected one position for each id, each one more than the one before')
    if (start + ids.length > positionsMax)
      throw new NodeError('context_overflow', `${start + ids.length} positions, and the model has ${positionsMax}`)
    return start
  }
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
