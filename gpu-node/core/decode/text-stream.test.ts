/**
 * Goal: text that comes in parts is the text that comes at once, whatever the tokenizer does between tokens.
 * Method: the parts of random token sequences, joined, against one decode of all.
 */
import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../../test/conformance/seeded-random.ts'
import { TINY_CONFIG, tinyFiles } from '../../../test/support/tiny-llama.ts'
import { HubTokenizer } from '../model/hub-tokenizer.ts'
import type { TextTokenizer } from '../model/text-tokenizer.ts'
import { TextStream } from './text-stream.ts'

const SEED = startSeed()

/** A token for each byte: a letter may take four of them. */
const BYTES = {
  decode: (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids)),
} as TextTokenizer

async function wordPiece(): Promise<HubTokenizer> {
  const files = tinyFiles({})
  const json = async (name: string) => JSON.parse(new TextDecoder().decode((await files.read(name))!))
  return new HubTokenizer({
    tokenizerJson: await json('tokenizer.json'),
    tokenizerConfig: await json('tokenizer_config.json'),
    chatTemplate: null,
  })
}

function parts(tokenizer: TextTokenizer, ids: readonly number[], stop: string[] = []): string[] {
  const stream = new TextStream(tokenizer, stop)
  return [...ids.map((id) => stream.push(id)), stream.end()]
}

describe('a stream of text', () => {
  it('gives whole letters of any number of bytes', () => {
    const text = 'aé漢😀!'
    expect(parts(BYTES, [...Buffer.from(text)]).filter(Boolean)).toEqual([...text])
    expect(parts(BYTES, [...Buffer.from('é')].slice(0, 1)).join('')).toBe('\ufffd')
  })

  it(`joins pieces of words and closes up marks as the whole text does (seed ${SEED})`, async () => {
    const tokenizer = await wordPiece()
    const random = seededRandom(SEED)
    for (let round = 0; round < 300; round++) {
      const ids = Array.from({ length: 1 + random(200) }, () => 7 + random(TINY_CONFIG.vocab_size - 7))
      expect(parts(tokenizer, ids).join('')).toBe(tokenizer.decode(ids))
    }
  })

  it('holds back what may become a stop text, and lets it go when it does not', () => {
    const bytes = (text: string) => [...Buffer.from(text)]
    expect(parts(BYTES, bytes('ab</x'), ['</s>'])).toEqual(['a', 'b', '', '', '</x', ''])
    expect(parts(BYTES, bytes('ab</s>c'), ['</s>']).join('')).toBe('ab')
    expect(parts(BYTES, bytes('aab'), ['ab', 'aab']).join('')).toBe('')
  })
})
