import { describe, expect, it } from 'vitest'
import { type EarlierTurn, followUp } from './follow-up.ts'

const NOW_MS = Date.UTC(2026, 2, 18, 10)
const turnsOf = (said: readonly string[]): EarlierTurn[] =>
  said.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content }))
const read = (...said: string[]) => followUp(said.at(-1) ?? '', turnsOf(said.slice(0, -1)), NOW_MS)

describe('followUp', () => {
  it.each([
    [["When is Anna's birthday?", 'On March 3.', "and what about Tom's?"], "When is Tom's birthday?"],
    [['What did Anna say last week?', 'A lot.', 'and last month?'], 'What did Anna say last month?'],
    [['Where does Ben live?', 'In Dublin.', 'and Emma?'], 'Where does Emma live?'],
    [['Anna and Tom are in town. What is Tom’s job?', 'Cook.', 'and what about hers?'], 'What is Anna’s job?'],
    [['List my trips', 'Rome, Oslo.', 'and in 2025?'], 'List my trips in 2025'],
    [['张伟的生日是什么时候？', '3月3日', '那李娜呢？'], '李娜的生日是什么时候？'],
    [['一月份我花了多少钱？', '四百。', '那二月呢？'], '二月我花了多少钱？'],
    [['How is my sister?', 'Fine.', 'and my brother?'], 'How is my brother?'],
  ])('fills what %j leaves out', (said, rewritten) => {
    expect(read(...said)).toMatchObject({ rewritten, isFollowUp: true })
  })

  it('follows a chain of ellipses', () => {
    expect(read('Where does Ben live?', 'Dublin.', 'and Emma?', 'Cork.', 'and Leo?').rewritten).toBe(
      'Where does Leo live?',
    )
  })

  it.each([
    [['Who is Priya?', 'Your manager.', 'Where did she work?'], 'Where did Priya work?', ['Priya']],
    [
      ['Tell me about Marco.', 'He lives in Rome.', 'Does he like it there?'],
      'Does Marco like it Rome?',
      ['Marco', 'Rome'],
    ],
    [
      ['Alice and Bob married.', 'Lovely!', 'When is their anniversary?'],
      "When is Alice and Bob's anniversary?",
      ['Alice', 'Bob'],
    ],
    [['王芳是谁？', '你的经理。', '她在哪里工作？'], '王芳在哪里工作？', ['王芳']],
  ])('names whom pronouns mean in %j', (said, rewritten, resolved) => {
    expect(read(...said)).toEqual({ rewritten, isFollowUp: true, resolved })
  })

  it.each([
    [['Who is Priya?', 'Your manager.', 'What did Emma say she wants?']],
    [['Who is Bob?', 'A friend.', 'What is her name?']],
    [['What is 5 + 5?', '10.', 'Is it raining?']],
    [['What is the time?']],
  ])('leaves %j alone', (said) => {
    expect(read(...said)).toEqual({ rewritten: said.at(-1), isFollowUp: false, resolved: [] })
  })
})
