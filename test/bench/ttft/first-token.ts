import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CacheOf, cacheMaker } from '../../../gpu-node/core/activation/cache-of-block.ts'
import {
  decodeKvBlock,
  encodeKvBlock,
  type KvDtype,
  kvFileBytesMax,
} from '../../../gpu-node/core/activation/kv-codec.ts'
import { kvKey } from '../../../gpu-node/core/activation/kv-key.ts'
import { ResidentCache } from '../../../gpu-node/core/activation/resident-cache.ts'
import type { DecoderModel, KvCache } from '../../../gpu-node/core/model/decoder-model.ts'
import type { OnnxRuntime } from '../../../gpu-node/core/runtime/onnx-runtime.ts'

export const WAYS = ['prefill', 'prefix', 'resident', 'disk', 'disk8'] as const
export type Way = (typeof WAYS)[number]

const ROUNDS = { least: 5, most: 100 }
/** Runs of our own code before it is measured: a server's has long been compiled. */
const WARM_RUNS = 300
const CELL_MS = 1500

/** One context, ready to be gone on from in every way. */
export class FirstToken implements AsyncDisposable {
  readonly #model: DecoderModel
  readonly #cacheOf: CacheOf
  readonly #resident: ResidentCache
  readonly #context: readonly number[]
  readonly #prefix: KvCache
  readonly #files: Record<KvDtype, string>

  private constructor(
    model: DecoderModel,
    cacheOf: CacheOf,
    context: readonly number[],
    prefix: KvCache,
    files: Record<KvDtype, string>,
  ) {
    this.#model = model
    this.#cacheOf = cacheOf
    this.#context = context
    this.#prefix = prefix
    this.#files = files
    this.#resident = new ResidentCache({ bytesMax: 2 ** 30, strategy: 'lru', halfLifeMs: 60_000, nowMs: Date.now })
  }

  static async open(
    model: DecoderModel,
    runtime: OnnxRuntime,
    context: readonly number[],
    folder: string,
  ): Promise<FirstToken> {
    const { cache } = await model.forward({ ids: context, past: null })
    const block = await cache.toBlock()
    const files = { fp16: join(folder, 'fp16'), int8: join(folder, 'int8') }
    for (const dtype of ['fp16', 'int8'] as const)
      await writeFile(files[dtype], encodeKvBlock(block, model.config, { dtype, fingerprint: model.fingerprint.fp }))
    const cacheOf = cacheMaker(runtime, model.config)
    const opened = new FirstToken(model, cacheOf, context, cache, files)
    opened.#resident.put(opened.#key(), cacheOf(block)).release()
    for (let run = 0; run < WARM_RUNS; run++) opened.#resident.find(opened.#key())?.release()
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#prefix.dispose()
    this.#resident.clear()
  }

  /** CPU milliseconds of each way, the least of rounds in which all ways take turns. */
  async measure(query: readonly number[]): Promise<Record<Way, number>> {
    const least = Object.fromEntries(WAYS.map((way) => [way, Number.POSITIVE_INFINITY])) as Record<Way, number>
    for (const way of WAYS) await this.#run(way, query)
    await this.#rounds(WAYS, query, least)
    // Large reads leave garbage whose collection is charged to whoever runs next: these two are compared among themselves as well.
    await this.#rounds(['prefix', 'resident'], query, least)
    return least
  }

  async #rounds(ways: readonly Way[], query: readonly number[], least: Record<Way, number>): Promise<void> {
    const start = performance.now()
    for (let round = 0; round < ROUNDS.most; round++) {
      if (round >= ROUNDS.least && performance.now() - start > CELL_MS) break
      for (const way of turns(ways, round)) {
        const before = process.cpuUsage()
        await this.#run(way, query)
        const { user, system } = process.cpuUsage(before)
        least[way] = Math.min(least[way], (user + system) / 1000)
      }
    }
  }

  async #run(way: Way, query: readonly number[]): Promise<void> {
    const ahead = async (past: KvCache | null, ids: readonly number[]) => {
      const { cache } = await this.#model.forward({ ids, past })
      cache.dispose()
    }
    if (way === 'prefill') return ahead(null, [...this.#context, ...query])
    if (way === 'prefix') return ahead(this.#prefix, query)
    if (way === 'resident') {
      using lease = this.#resident.find(this.#key())
      return await ahead(lease!.cache, query)
    }
    const past = await this.#read(way === 'disk' ? 'fp16' : 'int8')
    await ahead(past, query)
    past.dispose()
  }

  #key(): string {
    return kvKey({ model: this.#model, dtype: 'fp32', prefixIds: [], tokenIds: this.#context, positionStart: 0 })
  }

  async #read(dtype: KvDtype): Promise<KvCache> {
    const { config, fingerprint } = this.#model
    const { layers, kvHeads, headDim } = config
    const tokenIds = this.#context
    const bytesMax = kvFileBytesMax(config, tokenIds.length)
    const facts = { layers, kvHeads, headDim, fingerprint: fingerprint.fp, dtype, tokenIds, positionStart: 0, bytesMax }
    return this.#cacheOf(decodeKvBlock(await readFile(this.#files[dtype]), facts))
  }
}

/** The ways in another order for each round, so that none is always the one behind the dearest: what that leaves behind costs the next. */
function turns(ways: readonly Way[], round: number): Way[] {
  const first = round % ways.length
  const order = [...ways.slice(first), ...ways.slice(0, first)]
  return Math.floor(round / ways.length) % 2 === 0 ? order : order.toReversed()
}
