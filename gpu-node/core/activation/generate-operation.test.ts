import { expect, it } from 'vitest'
import { KvRendition } from '../../../schemas/rendition.ts'
import { startSeed } from '../../../test/conformance/seeded-random.ts'
import { MemoryBlobs } from '../../../test/support/memory-blobs.ts'
import { PlainDecoder } from '../../../test/support/plain-decoder.ts'
import { activationOperations } from './activation-operations.ts'
import { type GenerateTaskInput, generateOperation } from './generate-operation.ts'
import { ResidentCache } from './resident-cache.ts'

const seed = startSeed()
const MEMORY = [
  { cubeId: 'a', text: 'Ann lives in Bern .' },
  { cubeId: 'b', text: 'Bob has a cat .' },
]
const QUESTION = { role: 'user', content: 'where does Ann live' }

function opened(blobs = new MemoryBlobs()) {
  const model = new PlainDecoder(seed)
  const resident = new ResidentCache({ bytesMax: 1e6, strategy: 'lru', halfLifeMs: 1000, nowMs: () => 0 })
  const open = async () => ({ model, cacheOf: model.cacheOf, resident })
  const controller = new AbortController()
  const tokens: string[] = []
  const run = { signal: controller.signal, blobs, token: (text: string) => tokens.push(text) }
  const generate = (changed: Partial<GenerateTaskInput> = {}) =>
    generateOperation(open)(
      {
        model: model.fingerprint.fp,
        messages: [QUESTION],
        memory: MEMORY,
        composition: 'exact',
        maxTokens: 6,
        ...changed,
      },
      run,
    )
  /** Bytes of caches that nobody disposed and that are not at hand. */
  const lost = () => {
    const alive = model.caches.filter(({ disposals }) => disposals === 0)
    return alive.reduce((sum, { bytes }) => sum + bytes, 0) - resident.bytes
  }
  return { model, blobs, generate, run, tokens, controller, lost, operations: activationOperations(open) }
}

it(`answers are the same with memory in the prompt and injected, and are streamed as they are (seed ${seed})`, async () => {
  const { generate, tokens, lost } = opened()
  const text = await generate({ composition: 'text' })
  expect(tokens.join('')).toBe(text.text)
  const exact = await generate()
  expect(exact.text).toBe(text.text)
  expect(exact.injected).toMatchObject([
    { cubeId: 'a', as: 'kv', source: 'made' },
    { cubeId: 'b', as: 'kv', source: 'made' },
  ])
  expect(exact.usage).toMatchObject({ promptTokens: text.usage.promptTokens, cachedTokens: 0 })
  const again = await generate()
  expect(again.text).toBe(text.text)
  expect(again.usage.cachedTokens).toBe(10)
  expect(again.ms.total).toBeGreaterThanOrEqual(again.ms.firstToken)
  expect(again.conversationKv).toBeUndefined()
  expect(lost()).toBe(0)
})

it.each(['text', 'exact'] as const)(
  `a conversation with memory as %s goes on from its stored cache on another node (seed ${seed})`,
  async (composition) => {
    const { generate, blobs } = opened()
    const first = await generate({ composition, conversation: {} })
    const { conversationKv: kv } = first
    expect(KvRendition.parse(kv)).toEqual(kv)
    // PlainDecoder writes ids as words, which it reads as other ids: only what stands before the answer is the same.
    const messages = [QUESTION, { role: 'assistant', content: first.text }, { role: 'user', content: 'and Bob' }]
    const other = opened(blobs)
    const fresh = await opened().generate({ composition, messages })
    const next = await other.generate({ composition, messages, conversation: { kv: kv!.blob } })
    expect(next.usage.cachedTokens).toBeGreaterThanOrEqual(2 + 10 + 1 + 5)
    expect(next.injected.map(({ as, source }) => `${as} ${source}`)).toEqual(['kv blob', 'kv blob'])
    expect(next.usage.promptTokens).toBe(fresh.usage.promptTokens)
    expect(next.usage.completionTokens).toBeGreaterThan(0)
    expect(other.lost()).toBe(0)
  },
)

it('a cache of another conversation is of no use, one of another model is refused', async () => {
  const { generate, blobs } = opened()
  const { conversationKv: kv } = await generate({ conversation: {} })
  const other = opened(blobs)
  const memory = [{ cubeId: 'z', text: 'something else' }]
  const result = await other.generate({ memory, conversation: { kv: kv!.blob } })
  expect(result.usage.cachedTokens).toBe(0)
  expect(result.injected).toMatchObject([{ source: 'made' }])
  const junk = await blobs.put(Uint8Array.of(1, 2, 3))
  await expect(other.generate({ conversation: { kv: junk } })).rejects.toMatchObject({ code: 'invalid_tensor' })
  expect(other.lost()).toBe(0)
})

it('steering changes the answer, and what was said under it is not kept', async () => {
  const { model, run, operations, generate, lost } = opened()
  const { rendition } = await operations.steer(
    {
      model: model.fingerprint.fp,
      pairs: [{ positive: 'good', negative: 'bad' }],
      layer: 1,
      site: 'residual',
      strengthMicros: 60_000_000,
    },
    run,
  )
  const plain = await generate({ conversation: {} })
  const steered = await generate({ conversation: {}, steering: [{ rendition }] })
  expect(steered.text).not.toBe(plain.text)
  expect(plain.conversationKv).toBeDefined()
  expect(steered.conversationKv).toBeUndefined()
  expect(lost()).toBe(0)
})

it('a cancelled task holds nothing', async () => {
  const { generate, controller, lost } = opened()
  controller.abort()
  await expect(generate()).rejects.toMatchObject({ code: 'cancelled' })
  expect(lost()).toBe(0)
})
