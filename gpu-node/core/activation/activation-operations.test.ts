import { expect, it } from 'vitest'
import { KvRendition, SteeringRendition } from '../../../schemas/rendition.ts'
import { startSeed } from '../../../test/conformance/seeded-random.ts'
import { MemoryBlobs } from '../../../test/support/memory-blobs.ts'
import { PlainDecoder } from '../../../test/support/plain-decoder.ts'
import { NodeError } from '../node-error.ts'
import { activationOperations } from './activation-operations.ts'
import { kvFileBytesMax } from './kv-codec.ts'
import { ResidentCache } from './resident-cache.ts'
import { openSteering } from './steering-vector.ts'

const seed = startSeed()

function opened() {
  const model = new PlainDecoder(seed)
  const resident = new ResidentCache({ bytesMax: 1e6, strategy: 'heat', halfLifeMs: 1000, nowMs: () => 0 })
  const blobs = new MemoryBlobs()
  const operations = activationOperations(async (fingerprint) => {
    if (fingerprint !== model.fingerprint.fp) throw new NodeError('unknown_model', 'not here')
    return { model, cacheOf: model.cacheOf, resident }
  })
  const controller = new AbortController()
  return { model, resident, blobs, operations, controller, run: { signal: controller.signal, blobs } }
}
const steering = {
  pairs: [{ positive: 'good', negative: 'bad' }],
  layer: 1,
  site: 'residual',
  strengthMicros: 3_000_000,
} as const

it(`encode_kv stores a file and the tokens, and says what they are (seed ${seed})`, async () => {
  const { model, blobs, operations, run, resident } = opened()
  for (const dtype of ['fp16', 'int8'] as const) {
    const { rendition } = await operations.encode_kv({ model: model.fingerprint.fp, text: 'one two three', dtype }, run)
    expect(KvRendition.parse(rendition)).toEqual(rendition)
    expect((await blobs.get(rendition.blob.cid)).length).toBe(rendition.blob.bytes)
    expect(rendition.blob.bytes).toBeLessThanOrEqual(kvFileBytesMax(model.config, 3))
    const tokens = new Uint32Array((await blobs.get(rendition.tokens.cid)).slice().buffer)
    expect([...tokens]).toEqual(model.tokenizer.encode('one two three'))
  }
  const alive = model.caches.filter(({ disposals }) => disposals === 0)
  expect(alive.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(resident.bytes)
})

it(`steer stores a vector that can be injected (seed ${seed})`, async () => {
  const { model, blobs, operations, run } = opened()
  const { rendition } = await operations.steer({ model: model.fingerprint.fp, ...steering }, run)
  expect(SteeringRendition.parse(rendition)).toEqual(rendition)
  expect(openSteering(await blobs.get(rendition.blob.cid), rendition, model)).toMatchObject({ layer: 1, strength: 3 })
})

it('what cannot be done is refused by code, and nothing is stored', async () => {
  const { model, operations, run, controller, blobs } = opened()
  const { fp } = model.fingerprint
  const other = 'ab'.repeat(32)
  const stored: Uint8Array[] = []
  const counted = {
    ...run,
    blobs: {
      get: blobs.get.bind(blobs),
      put: (bytes: Uint8Array) => blobs.put(bytes).finally(() => stored.push(bytes)),
    },
  }
  const encode = (model: string, text: string) => operations.encode_kv({ model, text, dtype: 'fp16' }, counted)
  await expect(encode(other, 'one')).rejects.toMatchObject({ code: 'unknown_model' })
  await expect(encode(fp, ' ')).rejects.toMatchObject({ code: 'invalid_input' })
  await expect(encode(fp, 'word '.repeat(300))).rejects.toMatchObject({ code: 'context_overflow' })
  await expect(operations.steer({ model: fp, ...steering, layer: 3 }, counted)).rejects.toMatchObject({
    code: 'invalid_input',
  })
  await expect(operations.steer({ model: other, ...steering }, counted)).rejects.toMatchObject({
    code: 'unknown_model',
  })
  controller.abort()
  await expect(encode(fp, 'one')).rejects.toMatchObject({ code: 'cancelled' })
  await expect(operations.steer({ model: fp, ...steering }, counted)).rejects.toMatchObject({ code: 'cancelled' })
  expect(stored).toEqual([])
})
