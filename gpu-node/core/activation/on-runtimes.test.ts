/** Goal: what the other tests show on a decoder in plain TypeScript holds on ONNX Runtime, on every build of it that is here. */
import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../../test/conformance/seeded-random.ts'
import { MemoryBlobs } from '../../../test/support/memory-blobs.ts'
import { modelOpener, ONNX_RUNTIMES } from '../../../test/support/onnx-runtimes.ts'
import { referenceModelFolder } from '../../../test/support/shared-models.ts'
import { tinyFiles, tinyTensors } from '../../../test/support/tiny-llama.ts'
import { folderFiles } from '../../entry/node/folder-files.ts'
import { generate } from '../decode/generate.ts'
import type { DecoderModel, KvCache } from '../model/decoder-model.ts'
import { assembleMemory, type MemoryItem } from './assemble-memory.ts'
import { cacheMaker } from './cache-of-block.ts'
import { compareLogits } from './divergence.ts'
import { encodeKv } from './encode-kv.ts'
import { decodeKvBlock, encodeKvBlock, kvFileBytesMax } from './kv-codec.ts'
import { ResidentCache } from './resident-cache.ts'
import { rotateBlock } from './rotate-block.ts'
import { steeringVector } from './steering-vector.ts'

const seed = startSeed()
const MESSAGES = [{ role: 'user', content: 'the cat saw a dog' }]
const MEMORY: MemoryItem[] = [
  { cubeId: 'a', text: 'the cat sat on the mat.' },
  { cubeId: 'b', text: 'a dog runs.' },
  { cubeId: 'c', text: 'the dog saw the cat, and sat.' },
]

async function greedy(model: DecoderModel, past: KvCache | null, ids: readonly number[], maxTokens = 60) {
  const answer: number[] = []
  const sampling = { temperature: 0, topP: 1, topK: 0 }
  for await (const { id } of generate(model, { ids, past, maxTokens, ...sampling })) answer.push(id)
  return answer
}

describe.each(ONNX_RUNTIMES)('$name, $provider', (runtime) => {
  const open = modelOpener(runtime)
  const opened = async (files = tinyFiles(tinyTensors(seed))) => {
    const model = await open(files)
    const resident = new ResidentCache({ bytesMax: 1e8, strategy: 'lru', halfLifeMs: 1000, nowMs: () => 0 })
    const blobs = new MemoryBlobs()
    return { model, resident, blobs, cacheOf: cacheMaker(runtime, model.config) }
  }

  it(`exact memory gives the very tokens that memory in the prompt gives (seed ${seed})`, async () => {
    const parts = await opened()
    const text = await assembleMemory(parts, MESSAGES, MEMORY, { composition: 'text' })
    using exact = await assembleMemory(parts, MESSAGES, MEMORY, { composition: 'exact' })
    expect([...exact.past!.tokenIds, ...exact.ids]).toEqual(text.ids)
    const answer = await greedy(parts.model, null, text.ids)
    expect(await greedy(parts.model, exact.past, exact.ids)).toEqual(answer)
  })

  it(`memory is byte for byte what it was after 100 generations from it (seed ${seed})`, async () => {
    const parts = await opened()
    const { model } = parts
    using blended = await assembleMemory(parts, MESSAGES, MEMORY, { composition: 'blended' })
    const before = await blended.past!.toBlock()
    const first = await greedy(model, blended.past, blended.ids, 8)
    for (let round = 0; round < 25; round++) {
      const answers = await Promise.all([1, 2, 3, 4].map(() => greedy(model, blended.past, blended.ids, 8)))
      for (const answer of answers) expect(answer).toEqual(first)
    }
    expect(await blended.past!.toBlock()).toEqual(before)
  })

  it(`turned keys are those that the graph makes at the other place (seed ${seed})`, async () => {
    const { model } = await opened()
    const ids = Array.from({ length: 9 }, () => 7)
    const at = async (start: number) => {
      const { cache } = await model.forward({ ids, past: null, positions: ids.map((_, i) => start + i) })
      const block = await cache.toBlock()
      cache.dispose()
      return block
    }
    const [turned, made] = [rotateBlock(await at(0), 700, model.config), await at(700)]
    for (const [layer, { key, value }] of made.layers.entries()) {
      // Deeper layers add up the rounding of those before them.
      for (const [i, number] of key.entries())
        expect(Math.abs(number - turned.layers[layer]!.key[i]!)).toBeLessThan(1e-3)
      for (const [i, number] of value.entries())
        expect(Math.abs(number - turned.layers[layer]!.value[i]!)).toBeLessThan(1e-3)
    }
  })

  it(`a cache that went through a file goes on as before, within its precision (seed ${seed})`, async () => {
    const parts = await opened()
    const { model, cacheOf } = parts
    using exact = await assembleMemory(parts, MESSAGES, MEMORY, { composition: 'exact' })
    const next = async (past: KvCache) => {
      const { logits, cache } = await model.forward({ ids: exact.ids, past })
      cache.dispose()
      return logits
    }
    const reference = await next(exact.past!)
    const facts = { fingerprint: model.fingerprint.fp, tokenIds: exact.past!.tokenIds, positionStart: 0 }
    for (const [dtype, klMax] of [
      ['fp16', 1e-5],
      ['int8', 1e-2],
    ] as const) {
      const file = encodeKvBlock(await exact.past!.toBlock(), model.config, { dtype, ...facts })
      const bytesMax = kvFileBytesMax(model.config, exact.past!.length)
      expect(file.length).toBeLessThanOrEqual(bytesMax)
      const { layers, kvHeads, headDim } = model.config
      const past = cacheOf(decodeKvBlock(file, { layers, kvHeads, headDim, dtype, ...facts, bytesMax }))
      expect(compareLogits(reference, await next(past)).kl).toBeLessThan(klMax)
      past.dispose()
    }
  })

  it(`stored memories are composed as made ones are (seed ${seed})`, async () => {
    const maker = await opened()
    const items: MemoryItem[] = []
    for (const item of MEMORY)
      items.push({ ...item, kv: { rendition: await encodeKv(maker, maker.blobs, { text: item.text, dtype: 'fp16' }) } })
    const { blobs } = maker
    const parts = { ...(await opened()), blobs }
    using stored = await assembleMemory(parts, MESSAGES, items, { composition: 'blended', measuresDivergence: true })
    expect(stored.injected.map(({ source }) => source)).toEqual(['blob', 'blob', 'blob'])
    expect(stored.divergence!.kl).toBeGreaterThanOrEqual(0)
    using made = await assembleMemory(await opened(), MESSAGES, MEMORY, { composition: 'blended' })
    const [a, b] = [await stored.past!.toBlock(), await made.past!.toBlock()]
    expect(a.tokenIds).toEqual(b.tokenIds)
    for (const [layer, { key }] of b.layers.entries())
      for (const [i, number] of key.entries())
        expect(Math.abs(number - a.layers[layer]!.key[i]!)).toBeLessThan(2e-3 * Math.max(1, Math.abs(number)))
  })

  it(`a steering vector moves the layer that it was made for (seed ${seed})`, async () => {
    const { model } = await opened()
    const vector = await steeringVector(model, [{ positive: 'the cat', negative: 'the dog' }], 1)
    const run = async (strength: number) => {
      const steering = [{ layer: 1, site: 'residual' as const, vector, strength }]
      const { logits, cache } = await model.forward({ ids: [8, 9], past: null, steering })
      cache.dispose()
      return logits
    }
    const [plain, weak, strong] = [await run(0), await run(1), await run(4)]
    expect(compareLogits(plain, weak).kl).toBeGreaterThan(0)
    expect(compareLogits(plain, strong).logitDifference).toBeGreaterThan(compareLogits(plain, weak).logitDifference / 4)
  })

  const folder = referenceModelFolder()
  it.skipIf(folder === null)(
    'the reference model reads injected memory as it reads the prompt (skipped while the repository has no reference model)',
    async () => {
      const parts = await opened(folderFiles(folder!))
      const names = ['Fono', 'Mimo', 'Kusa', 'Reso']
      const random = seededRandom(seed)
      const memory = names.map((name, at) => ({
        cubeId: `${at}`,
        text: `The code of ${name} is ${1000 + random(9000)}.`,
      }))
      for (const name of names) {
        const messages = [{ role: 'user', content: `What is the code of ${name}?` }]
        const text = await assembleMemory(parts, messages, memory, { composition: 'text' })
        using exact = await assembleMemory(parts, messages, memory, { composition: 'exact' })
        expect([...exact.past!.tokenIds, ...exact.ids]).toEqual(text.ids)
        expect(await greedy(parts.model, exact.past, exact.ids)).toEqual(await greedy(parts.model, null, text.ids))
      }
    },
  )
})
