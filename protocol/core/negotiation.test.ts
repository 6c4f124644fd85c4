import { describe, expect, it } from 'vitest'
import { MODELS } from '../../test/conformance/cases/fingerprint.ts'
import { matchesCid } from './cid.ts'
import { descriptorBytes, descriptorCid, fingerprintOf, openDescriptor, weightsHash } from './fingerprint.ts'
import { negotiate, type Offer } from './negotiation.ts'

const own = fingerprintOf(MODELS.base!)
const offer = (kind: Offer['kind'], name: string, facts: Partial<Offer> = {}): Offer => {
  const model = fingerprintOf(MODELS[name]!)
  return { kind, fp: model.fp, model, hasProbe: true, ...facts }
}
const TEXT: Offer = { kind: 'text' }
const level = (one: Offer, isTrusted = true) => negotiate([TEXT, one], own, isTrusted).level

describe('negotiation', () => {
  // The matrix of MIP 4.6, a line for each way in which the model of the publisher differs from ours.
  it.each([
    // model, KV with probe, KV without, steering with probe, LoRA with probe
    ['base', 1, 1, 1, 3],
    ['other layout', 2, 4, 2, 3],
    ['with adapter', 4, 4, 5, 5],
    ['other weights', 4, 4, 5, 5],
    ['other config', 4, 4, 5, 5],
    ['other template', 4, 4, 5, 5],
    ['other rope', 4, 4, 5, 5],
    ['other quant', 4, 4, 5, 5],
    ['other tokenizer', 5, 5, 5, 5],
  ])('with tensors of "%s" ends at levels %i, %i, %i, %i', (name, kv, kvWithoutProbe, steering, lora) => {
    expect(level(offer('kv', name))).toBe(kv)
    expect(level(offer('kv', name, { hasProbe: false }))).toBe(kvWithoutProbe)
    expect(level(offer('steering', name))).toBe(steering)
    expect(level(offer('lora', name))).toBe(lora)
    expect(level(offer('lora', name, { hasProbe: false }))).toBe(5)
    for (const kind of ['kv', 'steering', 'lora'] as const) expect(level(offer(kind, name), false)).toBe(5)
  })

  it('asks for the probe at levels 2 and 3 only', () => {
    expect(negotiate([offer('kv', 'base')], own, true)).toEqual({ level: 1, at: 0, needsProbe: false })
    expect(negotiate([offer('kv', 'other layout')], own, true)).toEqual({ level: 2, at: 0, needsProbe: true })
    expect(negotiate([offer('lora', 'base')], own, true)).toEqual({ level: 3, at: 0, needsProbe: true })
  })

  it('ends with nothing when there is no text and no tensor that fits', () => {
    expect(negotiate([offer('kv', 'other tokenizer')], own, true)).toEqual({ level: 6, at: null, needsProbe: false })
    expect(negotiate([], own, true)).toEqual({ level: 6, at: null, needsProbe: false })
  })

  it('believes no descriptor that is not the one which the rendition names', () => {
    const lie = { ...offer('kv', 'other weights'), model: fingerprintOf(MODELS['other layout']!) }
    expect(level(lie)).toBe(5)
    expect(level({ ...lie, model: own })).toBe(5)
  })
})

describe('a fingerprint', () => {
  it('differs for every model, and its parts say in what', () => {
    const prints = Object.values(MODELS).map(fingerprintOf)
    expect(new Set(prints.map((print) => print.fp)).size).toBe(prints.length)
    expect(fingerprintOf(MODELS['other layout']!).values).toBe(own.values)
    expect(fingerprintOf(MODELS['with adapter']!)).toMatchObject({ base: own.base, isBare: false })
    expect(fingerprintOf(MODELS['with adapter']!).values).not.toBe(own.values)
  })

  it('is the address of its descriptor', () => {
    expect(matchesCid(descriptorCid(own.fp), descriptorBytes(MODELS.base!))).toBe(true)
    for (const model of Object.values(MODELS)) expect(openDescriptor(descriptorBytes(model))).toEqual(model)
    expect(() => openDescriptor(new Uint8Array([0xa1, 0x61, 0x76, 0x01]))).toThrow(RangeError)
  })

  it('of weights does not depend on the order of the shards, and takes no name twice', () => {
    const a = { name: 'a.safetensors', sha256: '11'.repeat(32) }
    const b = { name: 'b.safetensors', sha256: '22'.repeat(32) }
    expect(weightsHash([a, b])).toBe(weightsHash([b, a]))
    expect(weightsHash([a, b])).not.toBe(weightsHash([a, { ...b, name: 'c.safetensors' }]))
    expect(() => weightsHash([a, { ...b, name: a.name }])).toThrow('expected no name twice')
  })
})
