import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDecoder } from '../../../gpu-node/core/model/onnx-decoder.ts'
import type { OnnxRuntime } from '../../../gpu-node/core/runtime/onnx-runtime.ts'
import { SessionPool } from '../../../gpu-node/core/runtime/session-pool.ts'
import { onnxRuntimeNode } from '../../../gpu-node/entry/node/onnxruntime-node.ts'
import { onnxRuntimeWeb } from '../../../gpu-node/entry/node/onnxruntime-web.ts'
import { bringSha256 } from '../../../protocol/core/sha256.ts'
import { seededRandom } from '../../conformance/seeded-random.ts'
import type { Recorder } from '../harness/report.ts'
import { FirstToken, WAYS } from '../ttft/first-token.ts'
import { filesOf, idsOnly, MODEL_SIZES, type ModelSize } from '../ttft/models.ts'
import type { BenchOptions } from './topic.ts'

const CONTEXTS = [256, 512, 1024]
const QUERIES = [16, 64, 256] as const
const SESSION_BYTES_MAX = 4 * 2 ** 30
/** Takes minutes and gigabytes: only when it is asked for by name. */
const LARGE: ModelSize = '135M'

/** How long the first token takes, by where the keys and values of its context are. */
export async function ttft(recorder: Recorder, { only, quick }: BenchOptions): Promise<void> {
  bringSha256((bytes) => createHash('sha256').update(bytes).digest())
  const sizes = MODEL_SIZES.filter((size) =>
    only ? only.includes(size) : size !== LARGE && !(quick && size === '15M'),
  )
  if (!only) recorder.skip(LARGE, 'takes minutes and gigabytes: --only 135M')
  const runtimes = { 'node-cpu': await onnxRuntimeNode({ threads: 1 }), wasm: await onnxRuntimeWeb({ threads: 1 }) }
  for (const size of sizes)
    for (const [name, runtime] of Object.entries(runtimes)) {
      const isTooLarge = size === LARGE && name === 'wasm'
      if (isTooLarge)
        recorder.skip(`${size}.${name}`, 'its session takes three quarters of what WebAssembly can address')
      else await grid(recorder, size, name, runtime)
    }
}

async function grid(recorder: Recorder, size: ModelSize, runtimeName: string, runtime: OnnxRuntime): Promise<void> {
  const name = `${size}.${runtimeName}`
  const files = await filesOf(size)
  if (files === null) return recorder.skip(name, 'the trained model is not beside the repository')
  const sessions = new SessionPool(runtime, SESSION_BYTES_MAX)
  const model = await openDecoder({ name: size, files, runtime, sessions, tokenizer: idsOnly })
  const folder = await mkdtemp(join(tmpdir(), 'memos-ttft-'))
  const { positionsMax, vocabulary } = model.config
  const random = seededRandom(1)
  const tokens = (count: number) => Array.from({ length: count }, () => random(vocabulary))
  const longest = positionsMax - QUERIES[0]
  const contexts = [...CONTEXTS.filter((context) => context < longest), longest]
  let worst = 0
  try {
    for (const context of contexts) {
      await using cell = await FirstToken.open(model, runtime, tokens(context), folder)
      for (const query of QUERIES.filter((count) => context + count <= positionsMax)) {
        const least = await cell.measure(tokens(query))
        for (const way of WAYS) recorder.figure(`${name}.c${context}.q${query}.${way}`, least[way], 'ms CPU')
        worst = Math.max(worst, least.resident / least.prefix)
      }
      recorder.progress(`${name}: ${context} tokens`)
    }
  } finally {
    await rm(folder, { recursive: true })
    await sessions.closeAll()
  }
  const at = (way: string) => recorder.value(`${name}.c${longest}.q${QUERIES[0]}.${way}`)
  recorder.figure(`${name}.saved`, 100 * (1 - at('resident') / at('prefill')), '% below prefill')
  recorder.figure(`${name}.control`, worst, 'x prefix cache, worst')
  recorder.target(`${name}.saved`, '>=', 94)
  recorder.target(`${name}.control`, '<=', 1.1)
}
