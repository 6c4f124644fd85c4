import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { expect, it } from 'vitest'
import { KvRendition } from '../../../schemas/rendition.ts'
import { startSeed } from '../../../test/conformance/seeded-random.ts'
import { MemoryBlobs } from '../../../test/support/memory-blobs.ts'
import { PlainDecoder } from '../../../test/support/plain-decoder.ts'
import type { KvCache } from '../model/decoder-model.ts'
import { type AssemblyOptions, assembleMemory, type MemoryItem } from './assemble-memory.ts'
import { compareLogits } from './divergence.ts'
import { encodeKv } from './encode-kv.ts'
import type { ActivationParts } from './entry-caches.ts'
import { ResidentCache } from './resident-cache.ts'

const seed = startSeed()
const MESSAGES = [{ role: 'user', content: 'where does Ann live' }]
const MEMORY: MemoryItem[] = [
  { cubeId: 'b', text: 'Ann lives in Bern now .' },
  { cubeId: 'c', text: 'Bob has a cat .' },
  { cubeId: 'a', text: 'The weather is nice today .' },
]
const ASKED = { order: 'asked' } as const

function opened(bytesMax = 1e6) {
  const model = new PlainDecoder(seed)
  const resident = new ResidentCache({ bytesMax, strategy: 'lru', halfLifeMs: 1000, nowMs: () => 0 })
  const blobs = new MemoryBlobs()
  const parts: ActivationParts = { model, cacheOf: model.cacheOf, resident, blobs }
  const assemble = (options: AssemblyOptions, memory = MEMORY) => assembleMemory(parts, MESSAGES, memory, options)
  const next = async (past: KvCache | null, ids: readonly number[]) => {
    const output = await model.forward({ ids, past })
    output.cache.dispose()
    return output.logits
  }
  /** Caches that nobody disposed and that are not at hand. */
  const lost = () => {
    const alive = model.caches.filter(({ disposals }) => disposals === 0)
    return alive.reduce((sum, { bytes }) => sum + bytes, 0) - resident.bytes
  }
  return { model, resident, blobs, parts, assemble, next, lost }
}

it(`memory that is injected exactly answers as memory in the prompt (seed ${seed})`, async () => {
  const { assemble, next, lost } = opened()
  const text = await assemble({ composition: 'text' })
  using exact = await assemble({ composition: 'exact' })
  expect(text.past).toBeNull()
  expect([...exact.past!.tokenIds, ...exact.ids]).toEqual(text.ids)
  expect(exact.promptTokens).toBe(text.ids.length)
  const { logitDifference } = compareLogits(await next(null, text.ids), await next(exact.past, exact.ids))
  expect(logitDifference).toBeLessThan(1e-4)
  expect(lost()).toBe(0)
})

it('one entry is the same blended and exact; of several the difference is measured when asked', async () => {
  const { assemble, lost } = opened()
  const [one] = MEMORY
  using alone = await assemble({ composition: 'blended', measuresDivergence: true }, [one!])
  expect(alone.divergence!.logitDifference).toBeLessThan(1e-4)
  expect(alone.divergence!.kl).toBeLessThan(1e-6)
  using several = await assemble({ composition: 'blended', measuresDivergence: true })
  expect(several.divergence!.logitDifference).toBeGreaterThan(1e-3)
  expect(several.divergence!.kl).toBeGreaterThan(0)
  using unmeasured = await assemble({ composition: 'blended' })
  expect(unmeasured.divergence).toBeNull()
  expect(lost()).toBe(0)
})

it('the same memories are one prompt in canonical order, and another one in the order asked', async () => {
  const { assemble } = opened()
  const cubes = async (options: AssemblyOptions, memory: MemoryItem[]) => {
    using result = await assemble(options, memory)
    return {
      ids: [...(result.past?.tokenIds ?? []), ...result.ids],
      cubes: result.injected.map(({ cubeId }) => cubeId),
    }
  }
  for (const composition of ['text', 'exact', 'blended'] as const) {
    const forward = await cubes({ composition }, MEMORY)
    expect(forward.cubes).toEqual(['a', 'b', 'c'])
    expect(await cubes({ composition }, MEMORY.toReversed())).toEqual(forward)
    const asked = await cubes({ composition, ...ASKED }, MEMORY)
    expect(asked.cubes).toEqual(['b', 'c', 'a'])
    expect(asked.ids).not.toEqual(forward.ids)
  }
})

it('what is at hand is used again: the second time only the conversation is computed', async () => {
  const { model, assemble } = opened()
  for (const composition of ['blended', 'exact'] as const) {
    using first = await assemble({ composition })
    expect(first.injected.map(({ source }) => source)).toEqual(['made', 'made', 'made'])
    const before = model.tokensRun
    using second = await assemble({ composition })
    expect(model.tokensRun).toBe(before)
    expect(second.injected.map(({ source }) => source)).toEqual(['resident', 'resident', 'resident'])
    expect(second.past).toBe(first.past)
    expect(second.injected.map(({ as, tokens }) => ({ as, tokens }))).toEqual(
      [6, 6, 5].map((tokens) => ({ as: 'kv', tokens })),
    )
  }
  // Exact memory goes on from the longest beginning that is at hand.
  const before = model.tokensRun
  using more = await assemble({ composition: 'exact' }, [...MEMORY, { cubeId: 'd', text: 'one two' }])
  expect(model.tokensRun - before).toBe(2)
  expect(more.past!.length).toBe(2 + 17 + 2)
})

it.each(['fp16', 'int8'] as const)('a stored rendition of %s is injected instead of being made', async (dtype) => {
  const { parts, blobs } = opened()
  const rendition = await encodeKv(parts, blobs, { text: MEMORY[0]!.text, dtype })
  expect(KvRendition.parse(rendition)).toEqual(rendition)
  expect(rendition).toMatchObject({ tokenCount: 6, positionOffset: 2, dtype: dtype === 'fp16' ? 'fp16' : 'q8' })
  const stored = await blobs.get(rendition.blob.cid)
  const digest = bytesToHex(sha256(stored))

  const { reads } = blobs
  const other = opened()
  const items = [{ ...MEMORY[0]!, kv: { rendition } }, MEMORY[1]!]
  const assemble = () =>
    assembleMemory({ ...other.parts, blobs }, MESSAGES, items, { composition: 'blended', measuresDivergence: true })
  using first = await assemble()
  expect(first.injected.map(({ source }) => source)).toEqual(['blob', 'made'])
  using made = await other.assemble({ composition: 'blended' }, MEMORY.slice(0, 2))
  const [a, b] = [await other.next(made.past, made.ids), await other.next(first.past, first.ids)]
  expect(compareLogits(a, b).kl).toBeLessThan(dtype === 'fp16' ? 1e-4 : 0.02)
  using second = await assemble()
  expect(second.injected.map(({ source }) => source)).toEqual(['resident', 'resident'])
  expect(blobs.reads).toBe(reads + 1)
  expect(bytesToHex(sha256(stored))).toBe(digest)
})

it('a rendition of another model, text or place injects nothing and holds nothing', async () => {
  const { parts, blobs, lost } = opened()
  const rendition = await encodeKv(parts, blobs, { text: MEMORY[0]!.text, dtype: 'fp16' })
  const file = await blobs.get(rendition.blob.cid)
  const attempts = [
    { code: 'wrong_fingerprint', changed: { modelFingerprint: 'ab'.repeat(32) } },
    { code: 'invalid_tensor', changed: { positionOffset: 0 } },
    { code: 'invalid_tensor', changed: { layout: 'bthd' as const } },
    { code: 'invalid_tensor', changed: { layers: 2 } },
    { code: 'invalid_tensor', changed: { dtype: 'q8' as const, quantGroupSize: 4 } },
    { code: 'invalid_tensor', changed: { blob: { ...rendition.blob, bytes: 1e9 } } },
    { code: 'invalid_tensor', text: 'Bob lives in Bern now .' },
    { code: 'invalid_tensor', bytes: file.subarray(0, file.length - 1) },
    { code: 'invalid_tensor', bytes: new Uint8Array(0) },
  ]
  for (const { code, changed, text, bytes } of attempts) {
    const other = opened()
    const kv = { rendition: { ...rendition, ...changed } }
    const items = [{ cubeId: 'a', text: text ?? MEMORY[0]!.text, kv }, MEMORY[1]!]
    const sent = { get: async () => bytes ?? file }
    const act = assembleMemory({ ...other.parts, blobs: sent }, MESSAGES, items, { composition: 'blended' })
    await expect(act).rejects.toMatchObject({ code })
    expect(other.lost()).toBe(0)
    other.resident.clear()
    expect(other.model.caches.every(({ disposals }) => disposals === 1)).toBe(true)
  }
  expect(lost()).toBe(0)
})

it('a cancelled or too long request holds nothing', async () => {
  const { assemble, model, resident, lost } = opened()
  const controller = new AbortController()
  controller.abort()
  for (const composition of ['exact', 'blended'] as const)
    await expect(assemble({ composition, signal: controller.signal })).rejects.toMatchObject({ code: 'cancelled' })
  const long = [{ cubeId: 'a', text: 'word '.repeat(300) }]
  for (const composition of ['text', 'exact', 'blended'] as const)
    await expect(assemble({ composition }, long)).rejects.toMatchObject({ code: 'context_overflow' })
  expect(lost()).toBe(0)
  resident.clear()
  expect(model.caches.every(({ disposals }) => disposals === 1)).toBe(true)
})

it('without room for anything it works all the same, and everything is given back', async () => {
  const { assemble, model, next } = opened(0)
  const logits: Float32Array[] = []
  for (let round = 0; round < 2; round++) {
    using result = await assemble({ composition: 'blended' })
    logits.push(await next(result.past, result.ids))
  }
  expect(logits[0]).toEqual(logits[1])
  expect(model.caches.every(({ disposals }) => disposals === 1)).toBe(true)
})

it('generating from memory leaves it as it is, also for many at once', async () => {
  const { assemble, next } = opened()
  using held = await assemble({ composition: 'blended' })
  const before = await held.past!.toBlock()
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      using shared = await assemble({ composition: 'blended' })
      expect(shared.past).toBe(held.past)
      return next(shared.past, shared.ids)
    }),
  )
  for (const answer of answers) expect(answer).toEqual(answers[0])
  expect(await held.past!.toBlock()).toEqual(before)
})

it('no memory is no injection', async () => {
  const { assemble, model } = opened()
  using result = await assemble({ composition: 'blended' }, [])
  expect(result).toMatchObject({ past: null, injected: [], ids: model.tokenizer.chat(MESSAGES) })
})
