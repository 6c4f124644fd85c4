import { expect, it } from 'vitest'
import { fingerprintOf } from '../../../protocol/core/fingerprint.ts'
import type { ModelDescriptor } from '../../../schemas/model-descriptor.ts'
import { PlainDecoder } from '../../../test/support/plain-decoder.ts'
import { compositionKey, type KvKeyFacts, kvKey } from './kv-key.ts'

const { config, descriptor, fingerprint } = new PlainDecoder(1)
const model = { config, descriptor, fingerprint }
const facts: KvKeyFacts = { model, dtype: 'fp32', prefixIds: [0, 1], tokenIds: [5, 6, 7], positionStart: 2 }
const describedBy = (changed: Partial<ModelDescriptor>) => {
  const other = { ...descriptor, ...changed }
  return { config, descriptor: other, fingerprint: fingerprintOf(other) }
}

it('every fact that numbers depend on makes another key, and the same facts the same', () => {
  const other = 'ef'.repeat(32)
  const keys = [
    facts,
    { ...facts, dtype: 'fp16' as const },
    { ...facts, dtype: 'int8' as const },
    { ...facts, prefixIds: [0] },
    { ...facts, prefixIds: [] },
    { ...facts, tokenIds: [5, 7, 6] },
    { ...facts, tokenIds: [5, 6] },
    { ...facts, positionStart: 3 },
    { ...facts, adapters: ['a'] },
    { ...facts, adapters: ['a', 'b'] },
    { ...facts, adapters: ['b', 'a'] },
    { ...facts, model: { ...model, config: { ...config, ropeTheta: 500_000 } } },
    { ...facts, model: { ...model, config: { ...config, kvHeads: 6, headDim: 2 } } },
    { ...facts, model: describedBy({ weightsHash: other }) },
    { ...facts, model: describedBy({ tokenizerHash: other }) },
    { ...facts, model: describedBy({ rope: { kind: 'default', settings: { thetaMilli: 1 } } }) },
    { ...facts, model: describedBy({ runtimeLayout: { kv: 'bthd', dtype: 'fp32', settings: {} } }) },
  ].map(kvKey)
  expect(new Set(keys).size).toBe(keys.length)
  expect(kvKey({ ...facts, tokenIds: [5, 6, 7] })).toBe(keys[0])
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/)
})

it('a composition is another one in another order', () => {
  const [a, b] = [kvKey(facts), kvKey({ ...facts, tokenIds: [9] })]
  expect(new Set([compositionKey([a, b]), compositionKey([b, a]), compositionKey([a]), a]).size).toBe(4)
})
