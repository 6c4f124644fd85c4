import { describe, expect, it } from 'vitest'
import { type LanguageModel, LanguageModelError } from '../../ports/language-model.ts'
import { findContradictions } from './find-contradictions.ts'

const fact = (id: string, slot: string, subject = 'ana') => ({
  ...{ id, namespaceId: 1, subject, slot, predicate: slot, object: `object of ${id}`, validFromMs: 0 },
})
const modelOf = (answer: string | Error): LanguageModel & { asked: string[] } => ({
  model: 'test',
  asked: [],
  complete(messages) {
    this.asked.push(messages.at(-1)?.content ?? '')
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  },
})
const context = { nowMs: 5, signal: new AbortController().signal }
const find = (model: LanguageModel, fresh = [fact('n', 'diet')], others = [fact('o', 'likes')]) =>
  findContradictions(model, fresh, others, context)

describe('findContradictions', () => {
  it('links the pairs that the model names, once each', async () => {
    const model = modelOf('{"pairs": [{"a": 0, "b": 1}, {"a": 1, "b": 0}]}')
    expect(await find(model)).toEqual([
      {
        ...{ namespaceId: 1, fromId: 'n', toId: 'o', relation: 'contradicts', previousToMs: null },
        ...{ createdBy: 'model:test', createdAtMs: 5, undoneAtMs: null, undoneBy: null },
      },
    ])
    expect(model.asked[0]).toContain('ana diet object of n')
  })

  it.each([
    ['numbers that were not shown', '{"pairs": [{"a": 0, "b": 9}]}'],
    ['one statement with itself', '{"pairs": [{"a": 0, "b": 0}]}'],
    ['another form', '{"delete": ["everything"]}'],
    ['no JSON', 'All of them!'],
  ])('links nothing for %s', async (_, answer) => {
    expect(await find(modelOf(answer))).toEqual([])
  })

  it('links nothing when the model does not answer', async () => {
    expect(await find(modelOf(new LanguageModelError('timeout')))).toEqual([])
  })

  it('links neither two old statements nor two of one slot or of two subjects', async () => {
    const others = [fact('a', 'likes'), fact('b', 'job'), fact('c', 'diet'), fact('d', 'likes', 'bo')]
    const answer = '{"pairs": [{"a": 1, "b": 2}, {"a": 0, "b": 3}, {"a": 0, "b": 4}]}'
    expect(await find(modelOf(answer), [fact('n', 'diet')], others)).toEqual([])
  })

  it('asks nothing where there is nothing to compare', async () => {
    const model = modelOf('{"pairs": []}')
    await find(model, [fact('n', 'diet')], [fact('o', 'diet')])
    await find(model, [], [fact('o', 'diet')])
    expect(model.asked).toEqual([])
  })
})
