import { describe, expect, it } from 'vitest'
import { FEATURE, featuresOf } from './features.ts'

const flags = (text: string, role: string | null = null): string[] => {
  const bits = featuresOf({ text, role })
  return Object.entries(FEATURE).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name]))
}

describe('featuresOf', () => {
  it.each([
    ['What did you see? 😀', ['question']],
    ['"Really?"', ['question']],
    ['Is it? No.', []],
    ['你去过北京吗', ['question']],
    ['هل أنت هنا؟', ['question']],
  ])('sees whether %j ends as a question', (text, expected) => {
    expect(flags(text)).toEqual(expected)
  })
  it.each([
    ["I'm here", ['firstPerson']],
    ['It is ours', []],
    ['我喜欢茶', ['firstPerson']],
  ])('sees the first person in %j', (text, expected) => {
    expect(flags(text)).toEqual(expected)
  })
  it.each([
    ['See you last Friday', ['time']],
    ['On the 21st', ['time']],
    ['昨天下雨', ['time']],
    ['The lastborn', []],
  ])('sees time words in %j', (text, expected) => {
    expect(flags(text)).toEqual(expected)
  })
  it('marks the user of an assistant chat whatever the case of the role', () => {
    expect(flags('ok', 'User')).toEqual(['fromUser'])
    expect(flags('ok', 'assistant')).toEqual([])
  })
})
