/**
 * Goal: models that were trained elsewhere write what they write elsewhere, on every ONNX Runtime, and a stored KV cache stands for its text.
 * Method: greedy samples against those of llama2.c's own programs; logits and tokens of prefill, single tokens and injected KV compared.
 */
import { describe, expect, it } from 'vitest'
import { generate } from '../../gpu-node/core/decode/generate.ts'
import type { DecoderModel, KvBlock } from '../../gpu-node/core/model/decoder-model.ts'
import { TensorKvCache } from '../../gpu-node/core/model/tensor-kv-cache.ts'
import type { OnnxRuntime } from '../../gpu-node/core/runtime/onnx-runtime.ts'
import { folderFiles } from '../../gpu-node/entry/node/folder-files.ts'
import { largestDifference } from '../support/largest-difference.ts'
import { llama2cFiles } from '../support/llama2c-model.ts'
import { letterPieces, scoredPieces } from '../support/llama2c-tokenizer.ts'
import { modelOpener, ONNX_RUNTIMES } from '../support/onnx-runtimes.ts'
import { referenceModelFolder, sharedModel } from '../support/shared-models.ts'

const PROMPT = 'Once upon a time, there was a little girl named Lily.'
const STORIES = {
  title: 'stories260K',
  weights: sharedModel('stories260K.bin'),
  pieces: sharedModel('tok512.bin'),
  read: scoredPieces,
  sample:
    " She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.\nLily's mom said, ",
}
const BABY = {
  title: 'BabyLlama 940K',
  weights: sharedModel('babyllama-tok105-940K.bin'),
  pieces: sharedModel('tok105.vocab'),
  read: letterPieces,
  sample: null,
}
const TRAINED = [STORIES, BABY].filter(({ weights, pieces }) => weights && pieces)
const reference = referenceModelFolder()

async function greedy(model: DecoderModel, input: { ids: number[]; past: TensorKvCache | null; maxTokens: number }) {
  const ids: number[] = []
  let text = ''
  for await (const token of generate(model, { temperature: 0, ...input })) {
    ids.push(token.id)
    text += token.text
  }
  return { ids, text }
}

const bitsOf = ({ layers }: KvBlock) =>
  layers.map(({ key, value }) => [key, value].map((part) => Buffer.from(part.buffer).toString('base64')).join()).join()

function cacheOf(runtime: OnnxRuntime, block: KvBlock, { kvHeads, headDim }: DecoderModel['config']): TensorKvCache {
  const tensor = (data: Float32Array) =>
    new runtime.Tensor('float32', data, [1, kvHeads, block.tokenIds.length, headDim])
  const layers = block.layers.map(({ key, value }) => ({ key: tensor(key), value: tensor(value) }))
  return new TensorKvCache(block.tokenIds, block.positionStart, layers)
}

/** Logits and greedy tokens of the three ways to the end of `ids`: at once, token by token, behind a KV cache that was stored. */
async function waysOf(runtime: OnnxRuntime, model: DecoderModel, ids: number[], split: number) {
  const whole = await model.forward({ ids, past: null })
  let slow = await model.forward({ ids: ids.slice(0, 1), past: null })
  for (const id of ids.slice(1)) {
    const next = await model.forward({ ids: [id], past: slow.cache })
    slow.cache.dispose()
    slow = next
  }
  const head = await model.forward({ ids: ids.slice(0, split), past: null })
  const stored = cacheOf(runtime, await head.cache.toBlock(), model.config)
  const injected = await model.forward({ ids: ids.slice(split), past: stored })
  const wholeText = await greedy(model, { ids, past: null, maxTokens: 60 })
  const injectedText = await greedy(model, { ids: ids.slice(split), past: stored, maxTokens: 60 })
  for (const { cache } of [whole, slow, head, injected]) cache.dispose()
  stored.dispose()
  return {
    slowOff: largestDifference(whole.logits, slow.logits),
    injectedOff: largestDifference(whole.logits, injected.logits),
    areTextsEqual: wholeText.text === injectedText.text && wholeText.ids.join() === injectedText.ids.join(),
  }
}

describe.each(ONNX_RUNTIMES)('on $name $provider', (runtime) => {
  const open = modelOpener(runtime)

  describe.skipIf(TRAINED.length < 2)('trained models (their files are not here: see shared-models.ts)', () => {
    it.each(TRAINED)(
      '$title writes its story, the same by every way to a prompt',
      async ({ weights, pieces, read, sample, title }) => {
        const tokenizer = await read(pieces!)
        const model = await open(await llama2cFiles(weights!, pieces!), { tokenizer })
        const ids = tokenizer.encode(PROMPT)
        const { text } = await greedy(model, { ids, past: null, maxTokens: 100 })
        if (sample) expect(text.startsWith(sample)).toBe(true)
        expect(text).toMatch(/^[ A-Za-z.,!"'\n?]{50,}$/)
        const ways = await waysOf(runtime, model, ids, Math.floor(ids.length / 2))
        report(
          `${title} on ${runtime.name}: one by one ${ways.slowOff.toExponential(1)}, injected ${ways.injectedOff.toExponential(1)}`,
        )
        expect(ways.slowOff).toBeLessThan(1e-4)
        expect(ways.injectedOff).toBeLessThan(1e-4)
        expect(ways.areTextsEqual).toBe(true)
      },
    )
  })

  describe.skipIf(!reference)('the reference model (it is not here: see shared-models.ts)', () => {
    it('answers in the form it was trained on, the same by every way, on caches that stay as they are', async () => {
      const model = await open(folderFiles(reference!))
      const ids = model.tokenizer.chat([{ role: 'user', content: "What is Mika's favourite colour?" }], {
        memory: ["Mika's favourite colour is red."],
      })
      const ways = await waysOf(runtime, model, ids, 15)
      report(
        `reference on ${runtime.name}: one by one ${ways.slowOff.toExponential(1)}, injected ${ways.injectedOff.toExponential(1)}`,
      )
      expect(ways.slowOff).toBeLessThan(1e-3)
      expect(ways.injectedOff).toBeLessThan(1e-3)
      expect(ways.areTextsEqual).toBe(true)

      const head = await model.forward({ ids: ids.slice(0, 15), past: null })
      const stored = head.cache as TensorKvCache
      const before = bitsOf(await stored.toBlock())
      const answers = new Set<string>()
      for (let round = 0; round < 100; round++) {
        const { text } = await greedy(model, { ids: ids.slice(15), past: stored, maxTokens: 8 })
        answers.add(text)
      }
      expect([...answers]).toEqual([expect.stringMatching(/\w/)])
      expect(bitsOf(await stored.toBlock()) === before).toBe(true)
      stored.dispose()
    })
  })
})

/** Shown beside the test by reporters. */
const report = (line: string) => process.stdout.write(`${line}\n`)
