import { describe, expect, it } from 'vitest'
import { QUERY_TERMS_MAX } from '../../../schemas/limits.ts'
import { analyse } from './analyse.ts'
import { analyseQuery } from './query.ts'

const read = (text: string, speakers: string[] = []) => analyseQuery(text, { speakers })

describe('analyseQuery', () => {
  it('leaves stop words out', () => {
    expect(read('When did Caroline go to the support group?').terms).toEqual(analyse('Caroline go support group'))
    expect(read('她的生日是什么时候').terms).toContain('生日')
    expect(read('她的生日是什么时候').terms).not.toContain('的')
  })
  it('keeps them where nothing else is there', () => {
    expect(read('who are you').terms).toEqual(analyse('who are you'))
    expect(read('的').terms).toEqual(['的'])
  })
  it('gives each term once', () => {
    expect(read('tea, tea and teas').terms).toEqual(['tea'])
  })
  it.each([
    ['"exact phrase" AND NOT (a* NEAR/3 b:c) ^x {y} --', ['exact', 'phrase', 'near', '3']],
    ["'; drop table postings; --", ['drop', 'tabl', 'post']],
    ['😀🎉', []],
    ['', []],
  ])('reads %j as plain text', (text, expected) => {
    expect(read(text).terms).toEqual(expect.arrayContaining(expected))
    if (expected.length === 0) expect(read(text).terms).toEqual([])
  })
  it('bounds the terms of a pasted page', () => {
    const page = Array.from({ length: 5_000 }, (_, i) => `word${i}`).join(' ')
    expect(read(page).terms).toHaveLength(QUERY_TERMS_MAX)
  })
  it('finds named speakers by full or unambiguous first name', () => {
    const speakers = ['Ann Lee', 'Bob Ray', 'Bob Kim', '王芳']
    expect(read("What is Ann's job?", speakers).namedSpeakers).toEqual(['Ann Lee'])
    expect(read('Where is Bob?', speakers).namedSpeakers).toEqual([])
    expect(read('Where is bob kim?', speakers).namedSpeakers).toEqual(['Bob Kim'])
    expect(read('王芳在哪里工作', speakers).namedSpeakers).toEqual(['王芳'])
    expect(read('Annual plans', speakers).namedSpeakers).toEqual([])
  })
  it.each(['When did it start?', 'On which date?', 'How long did it take?', '他什么时候到', 'いつですか'])(
    'sees that %j asks for a time',
    (text) => {
      expect(read(text).isWhen).toBe(true)
    },
  )
  it('does not take every "when" for a question about time', () => {
    expect(read('What does he do in the evening when it rains?').isWhen).toBe(false)
  })
})
