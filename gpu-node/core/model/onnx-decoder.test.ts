/**
 * Goal: the graph computes a Llama, the same however tokens are split, and what is wrong is refused by a code.
 * Method: a tiny model with random weights, on every ONNX Runtime that is installed, against a plain one in double precision.
 */
import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../../test/conformance/seeded-random.ts'
import { largestDifference } from '../../../test/support/largest-difference.ts'
import { ADDON, modelOpener, ONNX_RUNTIMES } from '../../../test/support/onnx-runtimes.ts'
import { plainLogits } from '../../../test/support/plain-llama.ts'
import { TINY_CONFIG, tinyFiles, tinyTensors } from '../../../test/support/tiny-llama.ts'
import type { DecoderModel, ForwardOutput, KvBlock, LoraAdapter, Steering } from './decoder-model.ts'
import { memoryFiles } from './model-files.ts'
import { checkProbe, probeOf } from './probe.ts'
import { TensorKvCache } from './tensor-kv-cache.ts'

const SEED = startSeed()
const VOCABULARY = TINY_CONFIG.vocab_size

function randomIds(count: number, seed = SEED): number[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => random(VOCABULARY))
}

async function oneByOne(model: DecoderModel, ids: readonly number[]): Promise<ForwardOutput> {
  let output = await model.forward({ ids: ids.slice(0, 1), past: null })
  for (const id of ids.slice(1)) {
    const next = await model.forward({ ids: [id], past: output.cache })
    output.cache.dispose()
    output = next
  }
  return output
}

const bitsOf = (floats: Float32Array) =>
  Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength).toString('hex')
const blockBits = ({ layers }: KvBlock) => layers.map(({ key, value }) => bitsOf(key) + bitsOf(value)).join()
const random = seededRandom(SEED)
const floats = (count: number, spread: number) =>
  Float32Array.from({ length: count }, () => (random(2 ** 32) / 2 ** 31 - 1) * spread)

describe.each(ONNX_RUNTIMES)('a decoder on $name $provider', (runtime) => {
  const open = modelOpener(runtime)

  it(`gives the logits of the definition, with half and single precision weights (seed ${SEED})`, async () => {
    for (const dtype of ['F16', 'F32'] as const) {
      const tensors = tinyTensors(SEED, dtype)
      const model = await open(tinyFiles(tensors))
      const ids = randomIds(20)
      const { logits, cache } = await model.forward({ ids, past: null, logitsKept: 20 })
      expect(largestDifference(logits, plainLogits(tensors, ids).flat())).toBeLessThan(2e-4)
      cache.dispose()
    }
  })

  it(`gives the same at once, one by one, behind a past and in parts of a long text (seed ${SEED})`, async () => {
    const model = await open(tinyFiles(tinyTensors(SEED)))
    const ids = randomIds(1100)
    const long = await model.forward({ ids, past: null, logitsKept: 700, hiddenLayers: [0, 2] })
    const head = await model.forward({ ids: ids.slice(0, 430), past: null, hiddenLayers: [0] })
    const tail = await model.forward({ ids: ids.slice(430), past: head.cache, logitsKept: 670 })
    const last = 30 * VOCABULARY
    expect(largestDifference(long.logits.subarray(last), tail.logits)).toBeLessThan(1e-4)
    expect(
      largestDifference(long.hidden.get(0)!.subarray(0, 430 * TINY_CONFIG.hidden_size), head.hidden.get(0)!),
    ).toBeLessThan(1e-4)
    expect(long.hidden.get(2)!.length).toBe(1100 * TINY_CONFIG.hidden_size)
    const slow = await oneByOne(model, ids.slice(0, 60))
    const fast = await model.forward({ ids: ids.slice(0, 60), past: null })
    expect(largestDifference(slow.logits, fast.logits)).toBeLessThan(1e-4)
    expect([slow.cache.length, tail.cache.length, tail.cache.tokenIds]).toEqual([60, 1100, ids])
    for (const { cache } of [long, head, tail, slow, fast]) cache.dispose()
  })

  it(`turns by positions: a shifted text has the same logits, and a cache goes on from where it is (seed ${SEED})`, async () => {
    const model = await open(tinyFiles(tinyTensors(SEED)))
    const ids = randomIds(12)
    const plain = await model.forward({ ids, past: null })
    const shifted = await model.forward({ ids, past: null, positions: ids.map((_, i) => 100 + i) })
    expect(largestDifference(plain.logits, shifted.logits)).toBeLessThan(1e-3)
    expect(shifted.cache.positionStart).toBe(100)
    const next = await model.forward({ ids: [1], past: shifted.cache })
    await expect(model.forward({ ids: [1], past: shifted.cache, positions: [12] })).rejects.toMatchObject({
      code: 'invalid_input',
    })
    const [before, after] = await Promise.all([shifted.cache.toBlock(), next.cache.toBlock()])
    expect([before.positionStart, after.positionStart, after.tokenIds]).toEqual([100, 100, [...ids, 1]])
    for (const { cache } of [plain, shifted, next]) cache.dispose()
    await expect(shifted.cache.toBlock()).rejects.toMatchObject({ code: 'internal' })
    await expect(model.forward({ ids: [1], past: shifted.cache })).rejects.toMatchObject({ code: 'internal' })
  })

  it(`takes a cache that was made elsewhere, and leaves it as it is (seed ${SEED})`, async () => {
    const model = await open(tinyFiles(tinyTensors(SEED)))
    const ids = randomIds(30)
    const made = await model.forward({ ids: ids.slice(0, 20), past: null })
    const block = await made.cache.toBlock()
    const tensor = (data: Float32Array) => new runtime.Tensor('float32', data, [1, 2, 20, 8])
    const layers = block.layers.map(({ key, value }) => ({ key: tensor(key), value: tensor(value) }))
    const injected = new TensorKvCache(block.tokenIds, 0, layers)
    const whole = await model.forward({ ids, past: null })
    const rest = await model.forward({ ids: ids.slice(20), past: injected })
    expect(largestDifference(whole.logits, rest.logits)).toBeLessThan(1e-4)
    expect(blockBits(await injected.toBlock())).toBe(blockBits(block))
    for (const cache of [made.cache, injected, whole.cache, rest.cache]) cache.dispose()
  })

  describe('adapters and steering', () => {
    const q = 'model.layers.1.self_attn.q_proj'
    const down = 'model.layers.0.mlp.down_proj'
    const pair = (inSize: number, outSize: number, rank: number) => ({
      rank,
      a: floats(inSize * rank, 0.3),
      b: floats(rank * outSize, 0.3),
    })

    it(`of rank 0 and of strength 0 change nothing bit for bit, others do (seed ${SEED})`, async () => {
      const model = await open(tinyFiles(tinyTensors(SEED)))
      const ids = randomIds(10)
      const logits = async (steering: Steering[], adapters: LoraAdapter[]) => {
        const output = await model.forward({ ids, past: null, steering, adapters })
        output.cache.dispose()
        return output.logits
      }
      const bare = bitsOf(await logits([], []))
      const none = { modules: new Map([[q, pair(16, 32, 0)]]) }
      expect(bitsOf(await logits([], [none]))).toBe(bare)
      const vector = floats(16, 1)
      for (const site of ['residual', 'attention_output', 'mlp_output'] as const) {
        expect(bitsOf(await logits([{ layer: 1, site, vector, strength: 0 }], []))).toBe(bare)
        expect(bitsOf(await logits([{ layer: 1, site, vector, strength: 1 }], []))).not.toBe(bare)
      }
      expect(bitsOf(await logits([], [{ modules: new Map([[q, pair(16, 32, 3)]]) }]))).not.toBe(bare)
      expect(bitsOf(await logits([], []))).toBe(bare)
    })

    it(`of several ranks at once are what merged weights are (seed ${SEED})`, async () => {
      const tensors = tinyTensors(SEED, 'F32')
      const adapters = [
        {
          modules: new Map([
            [q, pair(16, 32, 3)],
            [down, pair(24, 16, 1)],
          ]),
        },
        { modules: new Map([[q, pair(16, 32, 2)]]) },
      ]
      const merged = structuredClone(tensors)
      for (const { modules } of adapters)
        for (const [path, { rank, a, b }] of modules) {
          const { shape, data } = merged[`${path}.weight`]!
          const [outSize = 0, inSize = 0] = shape
          for (let o = 0; o < outSize; o++)
            for (let i = 0; i < inSize; i++)
              for (let r = 0; r < rank; r++) data[o * inSize + i]! += a[i * rank + r]! * b[r * outSize + o]!
        }
      const ids = randomIds(10)
      const model = await open(tinyFiles(tensors))
      const { logits, cache } = await model.forward({ ids, past: null, adapters })
      expect(largestDifference(logits, plainLogits(merged, ids).at(-1)!)).toBeLessThan(2e-4)
      cache.dispose()
    })

    it('of a wrong shape, place or value are refused', async () => {
      const model = await open(tinyFiles(tinyTensors(SEED)))
      const steer = (change: Partial<Steering>): Steering[] => [
        { layer: 0, site: 'residual', vector: new Float32Array(16), strength: 1, ...change },
      ]
      const adapter = (path: string, change: object = {}): LoraAdapter[] => [
        { modules: new Map([[path, { ...pair(16, 32, 2), ...change }]]) },
      ]
      for (const wrong of [
        { steering: steer({ layer: 2 }) },
        { steering: steer({ vector: new Float32Array(15) }) },
        { steering: steer({ vector: new Float32Array(16).fill(Number.NaN) }) },
        { adapters: adapter('model.layers.9.self_attn.q_proj') },
        { adapters: adapter(q, { rank: 3 }) },
        { adapters: adapter(q, { b: new Float32Array(64).fill(Number.POSITIVE_INFINITY) }) },
      ])
        await expect(model.forward({ ids: [1], past: null, ...wrong })).rejects.toMatchObject({
          code: 'invalid_tensor',
        })
    })
  })

  it('refuses input that is wrong in one way, and works on', async () => {
    const model = await open(tinyFiles(tinyTensors(SEED)))
    const tensor = new runtime.Tensor('float32', new Float32Array(16), [1, 2, 1, 8])
    const cases = [
      ['invalid_input', { ids: [] }],
      ['invalid_input', { ids: [VOCABULARY] }],
      ['invalid_input', { ids: [-1] }],
      ['invalid_input', { ids: [1.5] }],
      ['invalid_input', { ids: [1], logitsKept: 2 }],
      ['invalid_input', { ids: [1], hiddenLayers: [3] }],
      ['invalid_input', { ids: [1, 2], positions: [0, 2] }],
      ['context_overflow', { ids: randomIds(1201) }],
      ['context_overflow', { ids: [1], positions: [1200] }],
      ['invalid_tensor', { ids: [1], past: new TensorKvCache([1], 0, [{ key: tensor, value: tensor }]) }],
      ['cancelled', { ids: [1], signal: AbortSignal.abort() }],
    ] as const
    for (const [code, input] of cases)
      await expect(model.forward({ past: null, ...input })).rejects.toMatchObject({ name: 'NodeError', code })
    const { cache } = await model.forward({ ids: [1], past: null })
    cache.dispose()
  })

  it('opens no model whose files are damaged or not those of a Llama', async () => {
    const tensors = tinyTensors(SEED)
    const without = { ...tensors }
    delete without['model.norm.weight']
    const changed = (name: string, change: object) => ({ ...tensors, [name]: { ...tensors[name]!, ...change } })
    const head = 'lm_head.weight'
    const file = (await tinyFiles(tensors).read('model.safetensors'))!
    const cases = [
      ['invalid_tensor', tinyFiles(without)],
      ['invalid_tensor', tinyFiles(changed(head, { shape: [16, VOCABULARY] }))],
      [
        'invalid_tensor',
        tinyFiles(changed(head, { data: tensors[head]!.data.map((x, i) => (i === 5 ? Number.NaN : x)) })),
      ],
      ['invalid_tensor', tinyFiles(tensors, { files: { 'model.safetensors': file.subarray(0, file.length - 1) } })],
      ['invalid_tensor', tinyFiles(tensors, { files: { 'model.safetensors': file.subarray(0, 100) } })],
      ['invalid_tensor', tinyFiles(tensors, { files: { 'model.safetensors': new Uint8Array(3) } })],
      ['invalid_input', tinyFiles(tensors, { files: { 'tokenizer.json': new Uint8Array([123]) } })],
      ['invalid_input', tinyFiles(tensors, { files: { 'tokenizer.json': new TextEncoder().encode('{}') } })],
      ['invalid_input', tinyFiles(tensors, { config: { num_key_value_heads: 3 } })],
      ['invalid_input', tinyFiles(tensors, { config: { model_type: 'gpt2' } })],
      ['invalid_input', tinyFiles(tensors, { config: { rope_scaling: { rope_type: 'llama3' } } })],
      ['invalid_input', memoryFiles({})],
      // Finite in half precision, and far beyond single precision in between.
      [
        'result_mismatch',
        tinyFiles(
          Object.fromEntries(
            Object.entries(tensors).map(([name, tensor]) => [
              name,
              name.includes('norm') ? { ...tensor, dtype: 'F32' as const, data: tensor.data.map(() => 1e30) } : tensor,
            ]),
          ),
        ),
      ],
    ] as const
    for (const [code, files] of cases) await expect(open(files)).rejects.toMatchObject({ name: 'NodeError', code })
  })

  it(`tests a session against a probe (seed ${SEED})`, async () => {
    const tensors = tinyTensors(SEED)
    const ids = randomIds(9)
    const probe = probeOf(ids, Float32Array.from(plainLogits(tensors, ids).at(-1)!), 5)
    await expect(open(tinyFiles(tensors), { probe })).resolves.toMatchObject({ name: 'test' })
    const off = { ...probe, topLogitsMilli: probe.topLogitsMilli.map((logit) => logit + 10) }
    const fresh = tinyFiles(tensors, {
      config: { pad_token_id: 0 },
      files: { 'probe.json': new TextEncoder().encode(JSON.stringify(off)) },
    })
    await expect(open(fresh)).rejects.toMatchObject({ code: 'result_mismatch' })
  })
})

describe.skipIf(!ADDON)('two runtimes (the optional package onnxruntime-node is not installed)', () => {
  it(`agree: what one computed is a probe and a past for the other (seed ${SEED})`, async () => {
    const [web, addon] = [ONNX_RUNTIMES[0]!, ADDON!]
    const files = tinyFiles(tinyTensors(SEED))
    const [onWeb, onAddon] = [await modelOpener(web)(files), await modelOpener(addon)(files)]
    expect(onWeb.fingerprint).toEqual(onAddon.fingerprint)
    const ids = randomIds(20)
    const head = await onWeb.forward({ ids: ids.slice(0, 12), past: null })
    await expect(onAddon.forward({ ids: [1], past: head.cache })).rejects.toMatchObject({ code: 'invalid_tensor' })
    const { layers, tokenIds } = await head.cache.toBlock()
    const tensor = (data: Float32Array) => new addon.Tensor('float32', data, [1, 2, 12, 8])
    const moved = layers.map(({ key, value }) => ({ key: tensor(key), value: tensor(value) }))
    const past = new TensorKvCache(tokenIds, 0, moved)
    const rest = await onAddon.forward({ ids: ids.slice(12), past })
    const whole = await onWeb.forward({ ids, past: null })
    expect(largestDifference(rest.logits, whole.logits)).toBeLessThan(1e-4)
    checkProbe(probeOf(ids, whole.logits, 1), rest.logits)
    for (const cache of [head.cache, past, rest.cache, whole.cache]) cache.dispose()
  })
})
