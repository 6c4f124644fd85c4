import { describe, expect, it } from 'vitest'
import type { Message } from '../../../schemas/memories.ts'
import { packContext } from '../retrieval/context.ts'
import { SENTENCES_SPLIT_MAX, statementsOf } from './statements.ts'

const read = (content: string, role: Message['role'] = 'user') => statementsOf({ content, role }, 0)
const inShort = (content: string, role?: Message['role']) =>
  read(content, role).map(({ kind, junk, content: text }) => `${junk ?? kind}: ${text}`)

describe('statementsOf', () => {
  it('cuts at sentences, not at abbreviations, numbers or addresses', () => {
    expect(inShort('Dr. Patel said 3.5 mg. Write to a@b.com! 我住在北京。我喜欢茶。')).toEqual([
      'state: Dr. Patel said 3.5 mg.',
      'instruction: Write to a@b.com!',
      'state: 我住在北京。',
      'state: 我喜欢茶。',
    ])
  })

  it('keeps together what leans on the sentence before, and says where it stands', () => {
    const content = 'Hi! I met Eva. She is a vet.  I like tea.'
    const spans = read(content).map(({ span }) => content.slice(span.start, span.end))
    expect(spans).toEqual(['Hi!', 'I met Eva. She is a vet.', 'I like tea.'])
  })

  it('keeps the paragraphs of a long text whole', () => {
    const paragraph = 'The boat is blue. '.repeat(SENTENCES_SPLIT_MAX).trim()
    expect(read(`${paragraph}\n\n${paragraph}`)).toHaveLength(2)
  })

  it.each([
    ['Remember that I hate olives.', 'remember: I hate olives.'],
    ['Remember to water the plants.', 'remember: Remember to water the plants.'],
    ['请记住我对花生过敏。', 'remember: 我对花生过敏。'],
    ['Can you forget my phone number?', 'forget: phone number'],
    ['Forget everything about Oslo.', 'forget: Oslo'],
    ['把我的电话号码删掉。', 'forget: 电话号码'],
    ['Update my address to 12 Rose Street.', 'correct: My address is 12 Rose Street.'],
    ['Actually, I live in Porto.', 'correct: I live in Porto.'],
    ['把我的邮箱改成 a@b.com', 'correct: 我的邮箱是 a@b.com。'],
    ['About the trip: it starts in Rome.', 'refer: About the trip: it starts in Rome.'],
    ['关于预算，我们砍了三分之一。', 'refer: 关于预算，我们砍了三分之一。'],
  ])('reads "%s" as a directive', (content, expected) => {
    expect(inShort(content)).toEqual([expected])
  })

  it.each(['Do not forget my birthday.', 'I forgot my keys.', 'Forget it.', '我忘记了密码。'])(
    'does not take "%s" for a wish to forget',
    (content) => expect(read(content).some(({ kind }) => kind === 'forget')).toBe(false),
  )

  it.each([
    ['Remember the tall engineer?', 'question'],
    ['Wow, Caroline! ', 'acknowledgement'],
    ["That's so awesome, Ana!", 'acknowledgement'],
    ['Thanks, Mel!', 'acknowledgement'],
    ['太棒了！', 'acknowledgement'],
    ['HEARTBEAT_OK', 'status_check'],
    ['testing 1 2 3', 'status_check'],
    ['你是一个乐于助人的助手。', 'system_prompt'],
    ['As an AI language model, I have no feelings.', 'boilerplate'],
    ['如果你还有问题，请告诉我。', 'boilerplate'],
    ['晚上好！', 'greeting'],
    ['帮我写一首诗。', 'instruction'],
    ['...', 'empty'],
  ])('leaves "%s" out as %s', (content, reason) => expect(read(content).map(({ junk }) => junk)).toEqual([reason]))

  it.each([
    'My code is ok.',
    'Thanks to Ana I found a flat.',
    'The test results are good.',
    'Great-aunt Rose died in May.',
    'I write poems about the sea.',
    'No, I have never been to Oslo.',
    'You are a friend of mine.',
    '我的状态很好，搬到了杭州。',
  ])('keeps "%s"', (content) => expect(read(content)).toMatchObject([{ kind: 'state', junk: null }]))

  it('takes no directive from an assistant', () => {
    expect(inShort('Forget my phone number.', 'assistant')).toEqual(['state: Forget my phone number.'])
  })

  it('recognises what came out of a context pack, and only that', () => {
    const { text } = packContext(
      [
        { cubeId: 'a', text: 'Ana lives in Porto.', speaker: 'Ana', date: '2025-03-05' },
        { cubeId: 'b', text: 'She has a cat.', speaker: null, date: null },
      ],
      400,
    )
    const junk = read(`Look:\n${text}\nI bought a bicycle.`).map((one) => one.junk)
    expect(junk.filter((reason) => reason === 'recalled').length).toBe(3)
    expect(junk.at(-1)).toBeNull()
    expect(read('[1] is the first element.').map((one) => one.junk)).toEqual([null])
    expect(inShort('Ana lives in Porto [1].', 'assistant')).toEqual(['recalled: Ana lives in Porto [1].'])
  })
})
