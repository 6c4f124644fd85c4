import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { tempDir } from '../../test/support/temp-dir.ts'
import { readConversations } from './conversations.ts'
import { locomoDate } from './locomo.ts'

const SAMPLE = join(import.meta.dirname, '../../docs/samples/conversation.json')

it('reads our sample: every question names turns that exist, and every kind of question is there', () => {
  const [conversation, ...others] = readConversations(SAMPLE)
  expect(others).toEqual([])
  const ids = conversation?.turns.map(({ id }) => id) ?? []
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.length).toBeGreaterThanOrEqual(60)
  for (const { question, evidence } of conversation?.questions ?? []) {
    expect(evidence.length, question).toBeGreaterThan(0)
    expect(ids, question).toEqual(expect.arrayContaining(evidence))
  }
  const kinds = new Set(conversation?.questions.map(({ category }) => category))
  expect(kinds).toEqual(new Set(['single-hop', 'temporal', 'update', 'multi-hop']))
  expect(conversation?.turns[0]).toMatchObject({ session: 'S1', si: 0, date: '2025-03-08T09:40:00', speaker: 'Ines' })
})

it('reads the published layout of LoCoMo', async () => {
  await using folder = await tempDir()
  const file = join(folder.path, 'locomo.json')
  const sample = {
    sample_id: 'conv-1',
    conversation: {
      speaker_a: 'Ana',
      session_2_date_time: '12:09 am on 13 September, 2023',
      session_2: [{ speaker: 'Ben', dia_id: 'D2:1', text: 'Look!', blip_caption: 'a red kite' }],
      session_1_date_time: '1:56 pm on 8 May, 2023',
      session_1: [{ speaker: 'Ana', dia_id: 'D1:1', text: 'Hi Ben.' }],
      session_10_date_time: '1:56 pm on 8 May, 2024',
    },
    qa: [
      { question: 'What did Ben show?', answer: 'a kite', evidence: ['D2:1; D9:9'], category: 4 },
      { question: 'What did Ana buy?', evidence: ['D1:1'], category: 5 },
    ],
  }
  await writeFile(file, JSON.stringify([sample]))
  const [conversation] = readConversations(file)
  expect(conversation?.turns.map(({ id, si, date }) => [id, si, date])).toEqual([
    ['D1:1', 1, '2023-05-08T13:56:00'],
    ['D2:1', 2, '2023-09-13T00:09:00'],
  ])
  expect(conversation?.turns[1]?.caption).toBe('a red kite')
  expect(conversation?.questions[0]).toMatchObject({ category: 'single-hop', evidence: ['D2:1'], answerable: true })
  expect(conversation?.questions[1]).toMatchObject({ category: 'adversarial', answerable: false })
})

it('reads a folder of many conversations', async () => {
  await using root = await tempDir()
  const folder = join(root.path, 'talks')
  await mkdir(folder)
  const lines = (values: object[]) => values.map((value) => JSON.stringify(value)).join('\n')
  const turn = (id: string, conv: string) => ({ id, conv, session: `${conv}/S1`, si: 1, speaker: 'A', text: id })
  await writeFile(join(folder, 'corpus.jsonl'), lines([turn('a/1', 'a'), turn('b/1', 'b'), turn('a/2', 'a')]))
  await writeFile(
    join(folder, 'questions.jsonl'),
    lines([{ question_id: 'q1', conv: 'b', question: '?', evidence: ['b/1'] }]),
  )
  const found = readConversations(folder).map(({ id, turns, questions }) => [id, turns.length, questions.length])
  expect(found).toEqual([
    ['a', 2, 0],
    ['b', 1, 1],
  ])
})

it('says what it expects when a file is something else', async () => {
  await using folder = await tempDir()
  const file = join(folder.path, 'other.json')
  await writeFile(file, '{"messages": []}')
  expect(() => readConversations(file)).toThrow(/expected "sessions" and "questions"/)
})

it.each(['8 May 2023', '', undefined, '1:56 pm on 8 Mai, 2023'])('knows no date in %o', (text) => {
  expect(locomoDate(text)).toBeUndefined()
})
