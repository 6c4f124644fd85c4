import { expect, it } from 'vitest'
import { CorpusEmbedder } from './corpus-embedder.ts'

const TOPICS = [
  ['soup', 'bread', 'cheese', 'salad', 'oven'],
  ['train', 'station', 'ticket', 'platform', 'rails'],
]
const TEXTS = TOPICS.flatMap((words) =>
  words.flatMap((a) => words.flatMap((b) => words.map((c) => `The ${a} beside a ${b} and the ${c}`))),
)

function cosine(model: CorpusEmbedder, a: string, b: string): number {
  const other = model.vector(b)
  return model.vector(a).reduce((sum, value, at) => sum + value * (other[at] as number), 0)
}

it('finds words near that keep the same company', () => {
  const model = new CorpusEmbedder(TEXTS)
  expect(cosine(model, 'soup', 'oven')).toBeGreaterThan(cosine(model, 'soup', 'platform'))
  expect(cosine(model, 'rails', 'ticket')).toBeGreaterThan(cosine(model, 'rails', 'cheese'))
})

it('gives the same model for the same texts', () => {
  expect(new CorpusEmbedder(TEXTS).vector('bread at the station')).toEqual(
    new CorpusEmbedder(TEXTS).vector('bread at the station'),
  )
})

it('gives a unit vector for any text', () => {
  const model = new CorpusEmbedder(TEXTS)
  for (const text of ['cheese', 'a word unknown to it', '']) expect(cosine(model, text, text)).toBeCloseTo(1)
})
