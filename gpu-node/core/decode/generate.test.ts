/**
 * Goal: answers end where they should, text comes whole, and nothing that was given is changed or kept.
 * Method: a decoder that says what a list says, with caches that count how often they are freed.
 */
import { describe, expect, it } from 'vitest'
import type { DecoderModel, ForwardInput, KvCache } from '../model/decoder-model.ts'
import type { TextTokenizer } from '../model/text-tokenizer.ts'
import { type GenerateInput, generate } from './generate.ts'

const WORDS = ['<end>', 'the', 'cat', 'sat', 'St', 'op', 'x']
const POSITIONS_MAX = 12

const tokenizer: TextTokenizer = {
  encode: (text) => text.split(' ').map((word) => WORDS.indexOf(word)),
  decode: (ids) => ids.map((id) => WORDS[id]).join(''),
  plain: (text) => text,
  chat: () => [],
  stopIds: new Set([0]),
}

/** Says the words in order, whatever it is asked. */
class Parrot {
  readonly said: readonly number[]
  readonly inputs: ForwardInput[] = []
  open = 0

  constructor(text: string) {
    this.said = tokenizer.encode(text)
  }

  cache(tokenIds: readonly number[]): KvCache {
    this.open += 1
    let isOpen = true
    const dispose = () => {
      expect(isOpen).toBe(true)
      isOpen = false
      this.open -= 1
    }
    const toBlock = async () => ({ tokenIds, positionStart: 0, layers: [] })
    return { length: tokenIds.length, tokenIds, positionStart: 0, bytes: 0, dispose, toBlock }
  }

  get model(): DecoderModel {
    const forward = async (input: ForwardInput) => {
      this.inputs.push(input)
      const logits = new Float32Array(WORDS.length)
      logits[this.said[this.inputs.length - 1] ?? 6] = 5
      return { logits, cache: this.cache([...(input.past?.tokenIds ?? []), ...input.ids]), hidden: new Map() }
    }
    return { tokenizer, config: { positionsMax: POSITIONS_MAX }, forward } as unknown as DecoderModel
  }

  async say(input: Partial<GenerateInput> = {}) {
    const run = generate(this.model, { ids: [1, 2], past: null, maxTokens: 8, ...input })
    const texts: string[] = []
    let step = await run.next()
    for (; !step.done; step = await run.next()) texts.push(step.value.text)
    return { texts, end: step.value }
  }
}

describe('generate', () => {
  it('ends at a token that ends an answer, which is counted and says nothing', async () => {
    const parrot = new Parrot('the cat <end> sat')
    const { texts, end } = await parrot.say()
    expect({ texts, end }).toEqual({ texts: ['the', 'cat', ''], end: { finish: 'stop', ids: [1, 2, 0], cache: null } })
    expect(parrot.open).toBe(0)
  })

  it('ends at the number of tokens, and where the positions of the model end', async () => {
    expect((await new Parrot('the cat sat').say({ maxTokens: 2 })).end).toMatchObject({ finish: 'length', ids: [1, 2] })
    const { end } = await new Parrot('the').say({ maxTokens: 1000 })
    expect([end.finish, end.ids.length]).toEqual(['length', POSITIONS_MAX - 2])
  })

  it('ends at a text, over any number of tokens, and says nothing of it nor behind it', async () => {
    const { texts, end } = await new Parrot('the cat St op sat').say({ stop: ['Stop', 'nothing'] })
    expect([texts, end.finish, end.ids]).toEqual([['the', 'cat', '', ''], 'stop', [1, 2, 4, 5]])
    expect((await new Parrot('the St cat').say({ stop: ['Stop'], maxTokens: 3 })).texts).toEqual(['the', '', 'Stcat'])
    expect((await new Parrot('the St').say({ stop: ['Stop'], maxTokens: 2 })).texts).toEqual(['the', 'St'])
  })

  it('hands over its cache when it is asked to, and only then', async () => {
    const parrot = new Parrot('the cat sat')
    const { end } = await parrot.say({ maxTokens: 3, keepsCache: true })
    expect([end.cache?.tokenIds, parrot.open]).toEqual([[1, 2, 1, 2], 1])
    end.cache?.dispose()
    const past = parrot.cache([1])
    await parrot.say({ past })
    expect(parrot.open).toBe(1)
    past.dispose()
  })

  it('frees everything when its reader leaves, when it is cancelled and when a step fails', async () => {
    const left = new Parrot('the cat')
    for await (const { text } of generate(left.model, { ids: [1], past: null, maxTokens: 5, keepsCache: true }))
      if (text === 'the') break
    expect(left.open).toBe(0)

    const parrot = new Parrot('the cat')
    const cancel = new AbortController()
    const run = generate(parrot.model, { ids: [1], past: null, maxTokens: 5, signal: cancel.signal })
    await run.next()
    cancel.abort()
    await expect(run.next()).rejects.toMatchObject({ code: 'cancelled' })
    expect(parrot.open).toBe(0)
    expect(parrot.inputs.every(({ signal }) => signal === cancel.signal)).toBe(true)
  })

  it('refuses a prompt without room behind it, and settings that mean nothing', async () => {
    const ids = Array.from({ length: POSITIONS_MAX }, () => 1)
    await expect(new Parrot('the').say({ ids })).rejects.toMatchObject({ code: 'context_overflow' })
    for (const wrong of [
      { maxTokens: 0 },
      { stop: [''] },
      { temperature: -1 },
      { topP: 1.1 },
      { topK: 1.5 },
      { seed: 0.5 },
    ])
      await expect(new Parrot('the').say(wrong)).rejects.toMatchObject({ code: 'invalid_input' })
  })
})
