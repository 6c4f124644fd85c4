import { describe, expect, it } from 'vitest'
import { type LanguageModel, LanguageModelError } from '../../ports/language-model.ts'
import { assembledText, modelText } from './rewrite-text.ts'

const source = { text: 'Tom keeps 12 goats.\nTom keeps 12 goats.', additions: ['Ships pass at night.'], tokensMax: 64 }
const never = new AbortController().signal
const saying = (answer: string | Error): LanguageModel => ({
  model: 'test',
  complete: async () => {
    if (answer instanceof Error) throw answer
    return answer
  },
})

describe('a text assembled by rules', () => {
  it('drops repeated lines and takes in what is missing as far as there is room', () => {
    expect(assembledText(source)).toBe('Tom keeps 12 goats.\nShips pass at night.')
    expect(assembledText({ ...source, tokensMax: 10 })).toBe('Tom keeps 12 goats.')
    expect(assembledText({ text: 'one', additions: ['word '.repeat(99)], tokensMax: 16 })).toBeNull()
  })
})

describe('a text written by a model', () => {
  it('is taken when it says what it was given', async () => {
    const text = 'Tom keeps 12 goats; ships pass at night.'
    expect(await modelText(saying(text), source, never)).toBe(text)
  })
  it.each([
    ['a number nobody told', 'Tom keeps 13 goats; ships pass at night.'],
    ['other facts', 'Anna sails boats around Madagascar every summer with friends.'],
    ['nothing', '  '],
    ['too much', 'Tom keeps 12 goats. '.repeat(40)],
  ])('is dropped when it says %s', async (_, text) => {
    expect(await modelText(saying(text), source, never)).toBeNull()
  })
  it('is done without when the model fails', async () => {
    expect(await modelText(saying(new LanguageModelError('timeout')), source, never)).toBeNull()
    await expect(modelText(saying(new TypeError('bug')), source, never)).rejects.toThrow('bug')
  })
})
