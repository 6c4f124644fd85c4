import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { searchHeader, spokenDate } from './header.ts'

describe('searchHeader', () => {
  it('names speaker and date as an English question would', () => {
    expect(searchHeader({ speaker: 'Ann', date: '2024-03-05T10:00:00Z', text: 'hello' })).toBe('Ann 5 March 2024')
  })
  it('writes the date in Chinese form for Chinese text, with the terms a question has', () => {
    const header = searchHeader({ speaker: '王芳', date: '2024-03-05', text: '你好' })
    expect(header).toBe('王芳 2024年3月5日')
    expect(analyse(header)).toEqual(expect.arrayContaining(analyse('3月5日')))
  })
  it('leaves out what is not known', () => {
    expect(searchHeader({ speaker: null, date: null, text: 'hello' })).toBe('')
    expect(spokenDate('yesterday', 'hello')).toBe('')
    expect(spokenDate('2024-13-05', 'hello')).toBe('')
  })
})
