import { expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../../test/conformance/seeded-random.ts'
import { PlainDecoder } from '../../../test/support/plain-decoder.ts'
import type { KvBlock } from '../model/decoder-model.ts'
import { canonicalOrder, composeBlocks } from './compose-blocks.ts'
import { joinKvBlocks, sliceKvBlock } from './kv-block.ts'
import { rotateBlock } from './rotate-block.ts'

const seed = startSeed()
const PREFIX = [0, 1]

const tokens = (random: (below: number) => number, count: number, vocabulary: number) =>
  Array.from({ length: count }, () => random(vocabulary))

function farthest(a: KvBlock, b: KvBlock): number {
  expect(a.tokenIds).toEqual(b.tokenIds)
  expect(a.positionStart).toBe(b.positionStart)
  let most = 0
  for (const [at, layer] of a.layers.entries())
    for (const part of ['key', 'value'] as const) {
      const other = b.layers[at]![part]
      expect(layer[part].length).toBe(other.length)
      for (const [i, value] of layer[part].entries()) most = Math.max(most, Math.abs(value - other[i]!))
    }
  return most
}

async function alone(model: PlainDecoder, prefixIds: readonly number[], entries: readonly number[][]) {
  const prefix = prefixIds.length > 0 ? await model.forward({ ids: prefixIds, past: null }) : null
  const blocks: KvBlock[] = []
  for (const ids of entries) {
    const { cache } = await model.forward({ ids, past: prefix?.cache ?? null })
    const end = prefixIds.length + ids.length
    blocks.push(sliceKvBlock(await cache.toBlock(), prefixIds.length, end, model.config))
  }
  return composeBlocks((await prefix?.cache.toBlock()) ?? null, blocks, model.config)
}

const world = () => {
  const random = seededRandom(seed)
  const model = new PlainDecoder(seed)
  const entries = [5, 1, 9, 3].map((count) => tokens(random, count, model.config.vocabulary))
  return { model, entries }
}

/** A mask under which entries see the prefix and themselves. */
function hideEntries(model: PlainDecoder, prefixTokens: number, entries: readonly number[][]): void {
  const owners = [...Array(prefixTokens).fill(-1), ...entries.flatMap((ids, entry) => ids.map(() => entry))]
  model.canSee = (i, j) => owners[j] === -1 || owners[i] === owners[j]
}

it(`composed blocks are a joint prefill under a block-diagonal mask (seed ${seed})`, async () => {
  const { model, entries } = world()
  const composed = await alone(model, [], entries)
  hideEntries(model, 0, entries)
  const joint = await model.forward({ ids: entries.flat(), past: null })
  expect(farthest(composed, await joint.cache.toBlock())).toBeLessThan(2e-5)

  // And the next token is the same one, with all of memory in sight.
  model.canSee = () => true
  const answers = [model.cacheOf(composed), joint.cache].map((past) => model.forward({ ids: [7, 8], past }))
  const [a, b] = await Promise.all(answers)
  for (const [i, logit] of a!.logits.entries()) expect(Math.abs(logit - b!.logits[i]!)).toBeLessThan(1e-4)
})

it(`behind a prefix they are one in which every entry stands right behind the prefix (seed ${seed})`, async () => {
  const { model, entries } = world()
  const composed = await alone(model, PREFIX, entries)
  hideEntries(model, PREFIX.length, entries)
  const places = [0, 1, ...entries.flatMap((ids) => ids.map((_, at) => PREFIX.length + at))]
  const joint = await model.forward({ ids: [...PREFIX, ...entries.flat()], past: null, positions: places })
  const block = await joint.cache.toBlock()
  // Turned to their places, the keys are those of the composition.
  let at = PREFIX.length
  const moved = entries.map((ids) => {
    const part = sliceKvBlock(block, at, at + ids.length, model.config)
    at += ids.length
    return rotateBlock({ ...part, positionStart: PREFIX.length }, at - ids.length - PREFIX.length, model.config)
  })
  const wanted = joinKvBlocks([sliceKvBlock(block, 0, PREFIX.length, model.config), ...moved], model.config)
  expect(farthest(composed, wanted)).toBeLessThan(2e-5)
})

it(`a block that is turned stands where it would have been made (seed ${seed})`, async () => {
  const model = new PlainDecoder(seed)
  const ids = tokens(seededRandom(seed), 6, model.config.vocabulary)
  const [here, there] = [
    await model.forward({ ids, past: null }),
    await model.forward({ ids, past: null, positions: ids.map((_, at) => 100 + at) }),
  ]
  const turned = rotateBlock(await here.cache.toBlock(), 100, model.config)
  expect(farthest(turned, await there.cache.toBlock())).toBeLessThan(2e-5)
})

it(`turning there and back, or in many steps, changes no more than rounding does (seed ${seed})`, async () => {
  const model = new PlainDecoder(seed)
  const { cache } = await model.forward({ ids: [9, 10, 11], past: null })
  const block = await cache.toBlock()
  const there = rotateBlock(block, 30_000, model.config)
  expect(farthest(rotateBlock(there, -30_000, model.config), block)).toBeLessThan(1e-5)
  let stepped = block
  for (let step = 0; step < 50; step++) stepped = rotateBlock(stepped, 3, model.config)
  expect(farthest(stepped, rotateBlock(block, 150, model.config))).toBeLessThan(1e-4)
  expect(rotateBlock(block, 0, model.config)).toBe(block)
})

it('a block that is cut and joined again is the same, and a gap is refused', async () => {
  const model = new PlainDecoder(seed)
  const { cache } = await model.forward({ ids: [9, 10, 11, 12, 13], past: null })
  const block = await cache.toBlock()
  const [head, middle, tail] = [[0, 2] as const, [2, 3] as const, [3, 5] as const].map(([from, to]) =>
    sliceKvBlock(block, from, to, model.config),
  )
  expect(joinKvBlocks([head!, middle!, tail!], model.config)).toEqual(block)
  expect(() => joinKvBlocks([head!, tail!], model.config)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
})

it('the canonical order does not depend on the order asked in', () => {
  const items = ['c', 'a', 'b'].map((cubeId) => ({ cubeId }))
  expect(canonicalOrder(items).map(({ cubeId }) => cubeId)).toEqual(['a', 'b', 'c'])
  expect(canonicalOrder(items.toReversed())).toEqual(canonicalOrder(items))
  expect(items[0]?.cubeId).toBe('c')
})
