/**
 * Runs a small decoder many times, in every way in which a run can end, and looks whether memory grows: on every ONNX Runtime that is
 * installed. The last line of each says how much, in MiB; the exit code is 1 if it is too much.
 *
 *   node --expose-gc test/gpu-node/leak.ts [runs, default 10000]
 */
import { generate } from '../../gpu-node/core/decode/generate.ts'
import type { DecoderModel, KvCache } from '../../gpu-node/core/model/decoder-model.ts'
import { openDecoder } from '../../gpu-node/core/model/onnx-decoder.ts'
import type { OnnxRuntime } from '../../gpu-node/core/runtime/onnx-runtime.ts'
import { SessionPool } from '../../gpu-node/core/runtime/session-pool.ts'
import { folderFiles } from '../../gpu-node/entry/node/folder-files.ts'
import { onnxRuntimeNode } from '../../gpu-node/entry/node/onnxruntime-node.ts'
import { onnxRuntimeWeb } from '../../gpu-node/entry/node/onnxruntime-web.ts'
import { referenceModelFolder } from '../support/shared-models.ts'
import { tinyFiles, tinyTensors } from '../support/tiny-llama.ts'

const MIB = 2 ** 20
/**
 * Growth over the second half of the runs: until then heaps take the size that they keep. The allocator behind the addon grows in steps of
 * up to 30 MiB while the heap stays flat; 10,000 runs that each lose one cache of the tiny model grow by 50 MiB, of the reference model by 300.
 */
const GROWTH_MIB_MAX = 40
const RUNS_DEFAULT = 10_000

const say = (line: string) => process.stdout.write(`${line}\n`)

async function oneRun(model: DecoderModel, past: KvCache, round: number): Promise<void> {
  const ids = [7 + (round % 5), 8, 9]
  const signal = round % 3 === 0 ? AbortSignal.timeout(0) : undefined
  const settings = { ids, past, maxTokens: 4, temperature: 1, seed: round, ...(signal ? { signal } : {}) }
  try {
    for await (const _ of generate(model, settings)) if (round % 7 === 0) break
  } catch (error) {
    if (!signal?.aborted) throw error
  }
  const { cache } = await model.forward({ ids, past, hiddenLayers: [0], logitsKept: 2 })
  if (round % 11 === 0) await cache.toBlock()
  cache.dispose()
}

async function residentMiB(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return process.memoryUsage.rss() / MIB
}

async function memory(): Promise<string> {
  const resident = await residentMiB()
  const { heapUsed, external } = process.memoryUsage()
  const [heap, outside] = [heapUsed / MIB, external / MIB]
  return `${resident.toFixed(1)} MiB, of them heap ${heap.toFixed(1)} and external ${outside.toFixed(1)}`
}

async function growthMiB(runtime: OnnxRuntime, runs: number): Promise<number> {
  const folder = referenceModelFolder()
  const files = folder ? folderFiles(folder) : tinyFiles(tinyTensors(1))
  const sessions = new SessionPool(runtime, 2 ** 30)
  const model = await openDecoder({ name: 'leak', files, runtime, sessions })
  const past = await model.forward({ ids: Array.from({ length: 40 }, (_, i) => 7 + (i % 10)), past: null })
  let before = 0
  for (let round = 0; round < runs; round++) {
    if (round === Math.floor(runs / 2)) before = await residentMiB()
    await oneRun(model, past.cache, round)
    if (round % Math.ceil(runs / 10) === 0) say(`${runtime.name} ${round}: ${await memory()}`)
  }
  const growth = (await residentMiB()) - before
  past.cache.dispose()
  await sessions.closeAll()
  return growth
}

const runs = Number(process.argv[2] ?? RUNS_DEFAULT)
const addon = await onnxRuntimeNode({ threads: 1 }).catch(() => null)
for (const runtime of [addon, await onnxRuntimeWeb({ threads: 1 })]) {
  if (!runtime) continue
  const growth = await growthMiB(runtime, runs)
  say(`${runtime.name} ${runtime.provider}: ${runs} runs, grown by ${growth.toFixed(1)} MiB`)
  if (growth > GROWTH_MIB_MAX) process.exitCode = 1
}
