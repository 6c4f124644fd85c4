import { sha256 } from '@noble/hashes/sha2.js'
import { expect, it } from 'vitest'
import { cidOfDigest } from '../../../protocol/core/cid.ts'
import { decodeRevision, encodeRevision } from '../../../protocol/core/revision.ts'
import { fromShortPaperCube } from '../../../protocol/core/short-paper.ts'
import { SteeringRendition } from '../../../schemas/rendition.ts'
import { startSeed } from '../../../test/conformance/seeded-random.ts'
import { PlainDecoder } from '../../../test/support/plain-decoder.ts'
import { compareLogits } from './divergence.ts'
import {
  encodeSteering,
  openSteering,
  type SteeringRendition as Stored,
  steeringRendition,
  steeringVector,
} from './steering-vector.ts'

const seed = startSeed()
const model = new PlainDecoder(seed)
const PAIRS = [
  { positive: 'I love it', negative: 'I hate it' },
  { positive: 'a good day', negative: 'a bad day' },
]
const FACTS = { modelFingerprint: model.fingerprint.fp, layer: 1, site: 'residual' as const }

async function made(strengthMicros = 2_000_000) {
  const vector = await steeringVector(model, PAIRS, 1)
  const bytes = encodeSteering(vector, FACTS)
  const blob = { cid: cidOfDigest(sha256(bytes), 'raw'), bytes: bytes.length }
  return { vector, bytes, rendition: steeringRendition(FACTS, blob, vector.length, strengthMicros) }
}

it(`a vector is the direction of the mean difference, of length 1 (seed ${seed})`, async () => {
  const { vector } = await made()
  expect(Math.hypot(...vector)).toBeCloseTo(1, 6)
  const swapped = PAIRS.map(({ positive, negative }) => ({ positive: negative, negative: positive }))
  const opposite = await steeringVector(model, swapped, 1)
  for (const [i, value] of vector.entries()) expect(opposite[i]).toBeCloseTo(-value, 6)
  expect(await steeringVector(model, PAIRS, 2)).not.toEqual(vector)
})

it(`it moves the state of its layer by its strength, and the answer with it (seed ${seed})`, async () => {
  const { bytes, rendition, vector } = await made()
  const steering = openSteering(bytes, rendition, model)
  expect(steering).toEqual({ layer: 1, site: 'residual', vector, strength: 2 })
  const run = (strength: number) =>
    model.forward({ ids: [9, 10], past: null, hiddenLayers: [0, 1], steering: [{ ...steering, strength }] })
  const [plain, zero, steered] = [await run(0), await run(0), await run(2)]
  expect(zero.logits).toEqual(plain.logits)
  expect(steered.hidden.get(0)).toEqual(plain.hidden.get(0))
  const width = model.config.hidden
  for (const [i, value] of steered.hidden.get(1)!.entries())
    expect(value - plain.hidden.get(1)![i]!).toBeCloseTo(2 * vector[i % width]!, 5)
  expect(compareLogits(plain.logits, steered.logits).kl).toBeGreaterThan(0)
})

it('a stored vector of another model, layer, site or shape, or one that is not finite, is refused by code', async () => {
  const { bytes, rendition, vector } = await made()
  const refused = (act: () => unknown, code = 'invalid_tensor') =>
    expect(act).toThrow(expect.objectContaining({ name: 'NodeError', code }))
  expect(SteeringRendition.parse(rendition)).toEqual(rendition)
  const opened =
    (changed: Partial<Stored>, file = bytes) =>
    () =>
      openSteering(file, { ...rendition, ...changed }, model)
  refused(opened({ modelFingerprint: 'ab'.repeat(32) }), 'wrong_fingerprint')
  refused(() => openSteering(bytes, rendition, new PlainDecoder(seed + 1)), 'wrong_fingerprint')
  refused(opened({}, encodeSteering(vector, { ...FACTS, modelFingerprint: 'ab'.repeat(32) })), 'wrong_fingerprint')
  refused(opened({ layer: 2 }))
  refused(opened({ layer: 99 }))
  refused(opened({ site: 'mlp_output' }))
  refused(opened({ width: 8 }))
  refused(opened({ dtype: 'fp16' }))
  refused(opened({}, bytes.slice(0, -1)))
  refused(opened({}, encodeSteering(vector.slice(1), FACTS)))
  refused(() => encodeSteering(Float32Array.of(Number.NaN), FACTS))
  const poisoned = bytes.slice()
  poisoned.set(new Uint8Array(Float32Array.of(Number.POSITIVE_INFINITY).buffer), bytes.length - 4)
  refused(opened({}, poisoned))
})

it('pairs that say the same, or nothing, make no vector', async () => {
  const same = [{ positive: 'the same', negative: 'the same' }]
  await expect(steeringVector(model, same, 1)).rejects.toMatchObject({ code: 'invalid_input' })
  await expect(steeringVector(model, [], 1)).rejects.toMatchObject({ code: 'invalid_input' })
  const empty = [{ positive: ' ', negative: 'text' }]
  await expect(steeringVector(model, empty, 1)).rejects.toMatchObject({ code: 'invalid_input' })
})

it("the short paper's activation cube names the layer, and a vector gives it what it leaves out", async () => {
  const { bytes, rendition } = await made()
  const { layer, ...tensor } = rendition
  const meta = {
    created: '2025-04-10',
    last_used: '2025-05-01',
    source: 'session_3894',
    model: 'LLaMA3-8B',
    usage: 78,
    priority: 'mid',
    expires: '2025-06-01',
    access: ['user_483', 'admin'],
    tags: ['non-sensitive'],
    embedding_fp: '[dim=128]',
    storage_mode: 'compressed',
  }
  const payload = { type: 'activation', format: 'tensor', injection_layer: layer, value: '[tensor]' }
  const options = { cubeId: '01J8Z3K4M5N6P7Q8R9S0T1V2W3', salt: 'AAECAwQFBgcICQoLDA0ODw', nowMs: Date.UTC(2025, 3, 11) }
  const imported = fromShortPaperCube({ meta, payload }, { ...options, tensor })
  if (imported.outcome !== 'revision') throw new Error('expected a revision')
  const kept = decodeRevision(encodeRevision(imported.revision).bytes).renditions[0]
  expect(kept).toEqual(rendition)
  expect(openSteering(bytes, kept as Stored, model).layer).toBe(payload.injection_layer)
})
