import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { checkKvBlock } from '../../gpu-node/core/activation/kv-block.ts'
import type {
  DecoderConfig,
  DecoderModel,
  ForwardInput,
  ForwardOutput,
  KvBlock,
  KvCache,
} from '../../gpu-node/core/model/decoder-model.ts'
import type { TextTokenizer } from '../../gpu-node/core/model/text-tokenizer.ts'
import { NodeError, throwIfCancelled } from '../../gpu-node/core/node-error.ts'
import { fingerprintOf } from '../../protocol/core/fingerprint.ts'
import type { ModelDescriptor } from '../../schemas/model-descriptor.ts'
import { seededRandom } from '../conformance/seeded-random.ts'

const digestOf = (text: string) => bytesToHex(sha256(utf8ToBytes(text)))

const CONFIG: DecoderConfig = {
  hidden: 24,
  intermediate: 40,
  layers: 3,
  heads: 6,
  kvHeads: 3,
  headDim: 4,
  vocabulary: 64,
  ropeTheta: 10_000,
  positionsMax: 256,
  eps: 1e-5,
}

const [BOS, MEMORY, END, USER, ASSISTANT] = [0, 1, 2, 3, 4]
const SPECIALS = 5

/** Each word is one token, by its digest; what a template adds has ids of its own. */
const tokenizer: TextTokenizer = {
  encode: (text) =>
    (text.match(/\S+/g) ?? []).map(
      (word) => SPECIALS + (sha256(utf8ToBytes(word))[0]! % (CONFIG.vocabulary - SPECIALS)),
    ),
  decode: (ids) => ids.map((id) => `w${id}`).join(' '),
  plain: (text) => text,
  chat: (messages, { memory } = {}) => [
    BOS,
    ...(memory ? [MEMORY, ...memory.flatMap((entry) => tokenizer.encode(entry)), END] : []),
    ...messages.flatMap(({ content }) => [USER, ...tokenizer.encode(content), END]),
    ASSISTANT,
  ],
  stopIds: new Set([END]),
}

/** Rows of numbers. */
type Matrix = Float64Array[]

interface Layer {
  [name: string]: Matrix
}

/** Keys and values of plain arrays, that knows whether it was disposed. */
export class PlainCache implements KvCache {
  readonly block: KvBlock
  disposals = 0

  constructor(block: KvBlock) {
    this.block = block
  }

  get length() {
    return this.block.tokenIds.length
  }
  get tokenIds() {
    return this.block.tokenIds
  }
  get positionStart() {
    return this.block.positionStart
  }
  get bytes() {
    return this.block.layers.reduce((sum, { key, value }) => sum + key.byteLength + value.byteLength, 0)
  }
  dispose() {
    this.disposals += 1
  }
  async toBlock() {
    if (this.disposals > 0) throw new NodeError('internal', 'the cache was disposed')
    return structuredClone(this.block)
  }
}

/**
 * A Llama with random weights in plain TypeScript and double precision: slow, obvious, and with an attention mask of the caller's choice.
 * It is what composed and stored keys are held against without a runtime in between.
 */
export class PlainDecoder implements DecoderModel {
  readonly name = 'plain'
  readonly config = CONFIG
  readonly tokenizer = tokenizer
  readonly descriptor: ModelDescriptor
  readonly fingerprint
  /** Says whether the token at index i may see the one at index j < i. */
  canSee: (i: number, j: number) => boolean = () => true
  /** Every cache that was ever made here. */
  readonly caches: PlainCache[] = []
  /** Tokens of all passes. */
  tokensRun = 0
  readonly #embedding: Matrix
  readonly #layers: Layer[]

  constructor(seed: number) {
    const random = seededRandom(seed)
    const matrix = (rows: number, columns: number, spread = 1 / Math.sqrt(columns)): Matrix =>
      Array.from({ length: rows }, () =>
        Float64Array.from({ length: columns }, () => (random(2 ** 32) / 2 ** 31 - 1) * 2 * spread),
      )
    const { hidden, intermediate, heads, kvHeads, headDim, vocabulary, layers } = CONFIG
    this.#embedding = matrix(vocabulary, hidden, 1)
    this.#layers = Array.from({ length: layers }, () => ({
      q: matrix(heads * headDim, hidden),
      k: matrix(kvHeads * headDim, hidden),
      v: matrix(kvHeads * headDim, hidden),
      o: matrix(hidden, heads * headDim),
      gate: matrix(intermediate, hidden),
      up: matrix(intermediate, hidden),
      down: matrix(hidden, intermediate),
    }))
    this.descriptor = {
      v: 1,
      arch: 'LlamaForCausalLM',
      configHash: digestOf('config'),
      weightsHash: digestOf(`weights ${seed}`),
      tokenizerHash: digestOf('tokenizer'),
      chatTemplateHash: null,
      rope: { kind: 'default', settings: { thetaMilli: CONFIG.ropeTheta * 1000 } },
      quant: null,
      adapters: [],
      runtimeLayout: { kv: 'bhtd', dtype: 'fp32', settings: {} },
    }
    this.fingerprint = fingerprintOf(this.descriptor)
  }

  readonly cacheOf = (block: KvBlock): PlainCache => {
    checkKvBlock(block, CONFIG)
    const cache = new PlainCache(block)
    this.caches.push(cache)
    return cache
  }

  async dispose(): Promise<void> {}

  async forward({
    ids,
    positions,
    past,
    logitsKept = 1,
    steering = [],
    hiddenLayers = [],
    signal,
  }: ForwardInput): Promise<ForwardOutput> {
    throwIfCancelled(signal)
    if ((past?.length ?? 0) + ids.length > CONFIG.positionsMax)
      throw new NodeError('context_overflow', 'more tokens than positions')
    this.tokensRun += ids.length
    const before = past === null ? null : await past.toBlock()
    const start = before === null ? 0 : before.positionStart + before.tokenIds.length
    const places = positions ?? ids.map((_, at) => start + at)
    const caches = this.#layers.map((_, layer) => new LayerCache(before, layer))
    const hidden = new Map(hiddenLayers.map((layer) => [layer, new Float32Array(ids.length * CONFIG.hidden)]))
    const logits: number[] = []
    for (const [at, id] of ids.entries()) {
      let x = Float64Array.from(this.#embedding[id]!)
      for (const [layer, weights] of this.#layers.entries()) {
        x = this.#layer(x, weights, caches[layer]!, places[at]!)
        for (const { layer: where, vector, strength } of steering)
          if (where === layer) x = x.map((value, i) => value + strength * vector[i]!)
        hidden.get(layer)?.set(x, at * CONFIG.hidden)
      }
      const last = normalised(x)
      if (at >= ids.length - logitsKept) logits.push(...this.#embedding.map((row) => dot(row, last)))
    }
    const cache = this.cacheOf({
      tokenIds: [...(before?.tokenIds ?? []), ...ids],
      positionStart: before?.positionStart ?? places[0] ?? 0,
      layers: caches.map((layer) => layer.arrays()),
    })
    return { logits: Float32Array.from(logits), cache, hidden }
  }

  #layer(x: Float64Array, weights: Layer, cache: LayerCache, position: number): Float64Array<ArrayBuffer> {
    const { heads, kvHeads, headDim } = CONFIG
    const h = normalised(x)
    const split = (vector: Float64Array, count: number) =>
      Array.from({ length: count }, (_, head) => vector.slice(head * headDim, (head + 1) * headDim))
    const queries = split(times(weights.q!, h), heads).map((query) => turned(query, position))
    const keys = split(times(weights.k!, h), kvHeads).map((key) => turned(key, position))
    cache.push(keys, split(times(weights.v!, h), kvHeads))
    const seen = Array.from({ length: cache.length }, (_, j) => j).filter(
      (j) => j === cache.length - 1 || this.canSee(cache.length - 1, j),
    )
    const attended = queries.map((query, head) => {
      const at = Math.floor(head / (heads / kvHeads))
      const scores = seen.map((j) => Math.exp(dot(cache.keys[at]![j]!, query) / Math.sqrt(headDim)))
      const sum = scores.reduce((total, score) => total + score, 0)
      return query.map((_, d) =>
        seen.reduce((total, j, s) => total + (scores[s]! / sum) * cache.values[at]![j]![d]!, 0),
      )
    })
    const mixed = times(weights.o!, Float64Array.from(attended.flatMap((head) => [...head])))
    const middle = x.map((value, i) => value + mixed[i]!)
    const normal = normalised(middle)
    const [gate, up] = [times(weights.gate!, normal), times(weights.up!, normal)]
    const inner = gate.map((value, i) => (value / (1 + Math.exp(-value))) * up[i]!)
    const out = times(weights.down!, inner)
    return Float64Array.from(middle, (value, i) => value + out[i]!)
  }
}

class LayerCache {
  readonly keys: Matrix[]
  readonly values: Matrix[]

  constructor(before: KvBlock | null, layer: number) {
    const { kvHeads, headDim } = CONFIG
    const tokens = before?.tokenIds.length ?? 0
    const read = (array: Float32Array | undefined) =>
      Array.from({ length: kvHeads }, (_, head) =>
        Array.from({ length: tokens }, (_, t) => {
          const at = (head * tokens + t) * headDim
          return Float64Array.from(array!.subarray(at, at + headDim))
        }),
      )
    this.keys = read(before?.layers[layer]?.key)
    this.values = read(before?.layers[layer]?.value)
  }

  get length() {
    return this.keys[0]!.length
  }

  push(keys: Matrix, values: Matrix) {
    for (const [head, key] of keys.entries()) this.keys[head]!.push(key)
    for (const [head, value] of values.entries()) this.values[head]!.push(value)
  }

  arrays() {
    const flat = (heads: Matrix[]) => Float32Array.from(heads.flatMap((rows) => rows.flatMap((row) => [...row])))
    return { key: flat(this.keys), value: flat(this.values) }
  }
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

const times = (matrix: Matrix, x: Float64Array) => Float64Array.from(matrix, (row) => dot(row, x))

function normalised(x: Float64Array): Float64Array {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + CONFIG.eps)
  return x.map((value) => value * scale)
}

/** RoPE by complex numbers, another way to write it than in the code under test. */
function turned(x: Float64Array, position: number): Float64Array {
  const half = x.length / 2
  const result = new Float64Array(x.length)
  for (let j = 0; j < half; j++) {
    const size = Math.hypot(x[j]!, x[j + half]!)
    const angle = Math.atan2(x[j + half]!, x[j]!) + position / CONFIG.ropeTheta ** (j / half)
    result[j] = size * Math.cos(angle)
    result[j + half] = size * Math.sin(angle)
  }
  return result
}
