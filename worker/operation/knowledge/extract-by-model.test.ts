import { describe, expect, it } from 'vitest'
import { type LanguageModel, LanguageModelError } from '../../ports/language-model.ts'
import type { FactSource } from './contracts.ts'
import { extractByModel } from './extract-by-model.ts'

const SIGNAL = new AbortController().signal
const source = (seq: number, content: string, speaker: string | null): FactSource => ({
  seq,
  cubeId: `c${seq}`,
  content,
  title: null,
  speaker,
  role: null,
  saidAtMs: 1000 * seq,
  createdAtMs: 1,
})
const SOURCES = [source(7, 'whiskers is my cat, and globex pays me', 'Ana'), source(9, 'my boat is called Pinta', null)]

const answering = (answer: unknown): LanguageModel => ({
  model: 'scripted',
  complete: async () => (typeof answer === 'string' ? answer : JSON.stringify(answer)),
})
const memory = (number: number, entities: object[], statements: object[]) => ({ number, entities, statements })

describe('extractByModel', () => {
  it('takes names written small and statements of the speaker, with their source', async () => {
    const entities = [
      { name: 'whiskers', kind: 'thing' },
      { name: 'Globex', kind: 'organisation' },
    ]
    const statements = [
      { subject: 'I', predicate: 'has_pet', object: 'whiskers' },
      { subject: 'globex', predicate: 'pays', object: 'me' },
    ]
    const found = await extractByModel(answering({ memories: [memory(0, entities, statements)] }), SOURCES, SIGNAL)
    expect([...found.keys()]).toEqual([7])
    expect(found.get(7)?.mentions).toEqual([
      { key: 'whiskers', name: 'whiskers', kind: 'thing', count: 1, sure: true },
      { key: 'globex', name: 'Globex', kind: 'organisation', count: 1, sure: true },
    ])
    expect(found.get(7)?.facts).toMatchObject([
      { subject: 'ana', predicate: 'has_pet', object: 'whiskers', validFromMs: 7000, source: 'model', confidence: 0.7 },
      { subject: 'globex', predicate: 'pays', object: 'me' },
    ])
  })

  it('makes a statement an edge where its object is an entity of the memory', async () => {
    const entities = [{ name: 'Globex', kind: 'organisation' }]
    const statements = [
      { subject: 'globex', predicate: 'pays', object: 'me' },
      { subject: 'whiskers', predicate: 'belongs_to', object: 'globex' },
    ]
    const found = await extractByModel(answering({ memories: [memory(0, entities, statements)] }), SOURCES, SIGNAL)
    expect(found.get(7)?.facts.map(({ objectKey }) => objectKey)).toEqual([null, 'globex'])
  })

  it('takes whole words only, and Chinese names wherever they stand', async () => {
    const inside = [
      { name: 'glob', kind: 'thing' },
      { name: 'hiskers', kind: 'thing' },
      { name: 'me', kind: 'thing' },
    ]
    const found = await extractByModel(answering({ memories: [memory(0, inside, [])] }), SOURCES, SIGNAL)
    expect(found.get(7)?.mentions.map(({ name }) => name)).toEqual(['me'])
    const chinese = memory(0, [{ name: '王芳', kind: 'person' }], [])
    const here = await extractByModel(answering({ memories: [chinese] }), [source(3, '昨天王芳来了', null)], SIGNAL)
    expect(here.get(3)?.mentions).toMatchObject([{ name: '王芳', count: 1 }])
  })

  it('says how much of an answer it did not use, and why there is none', async () => {
    const reports: unknown[] = []
    const told = (answer: unknown) => ({ ...answering(answer), report: (outcome: unknown) => reports.push(outcome) })
    const invented = memory(0, [{ name: 'Zorro', kind: 'person' }], [])
    await extractByModel(
      told({ memories: [invented, memory(8, [{ name: 'whiskers', kind: 'thing' }], [])] }),
      SOURCES,
      SIGNAL,
    )
    await extractByModel(told('no'), SOURCES, SIGNAL)
    expect(reports).toEqual([
      { form: 'knowledge', failure: null },
      { form: 'knowledge', dropped: 2 },
      { form: 'knowledge', failure: 'malformed' },
    ])
  })

  it('drops what the memory does not say, and first persons without a name', async () => {
    const invented = memory(
      0,
      [{ name: 'Zorro', kind: 'person' }],
      [
        { subject: 'Zorro', predicate: 'likes', object: 'whiskers' },
        { subject: 'I', predicate: 'lives_in', object: 'Lisbon' },
      ],
    )
    const unnamed = memory(1, [], [{ subject: 'I', predicate: 'owns', object: 'Pinta' }])
    const nowhere = memory(5, [{ name: 'Pinta', kind: 'thing' }], [])
    const found = await extractByModel(answering({ memories: [invented, unnamed, nowhere] }), SOURCES, SIGNAL)
    expect([...found.values()]).toEqual([
      { mentions: [], facts: [] },
      { mentions: [], facts: [] },
    ])
  })

  it.each([
    ['no JSON', 'I cannot help with that.'],
    ['another form', { entities: [] }],
    ['a kind that is none', { memories: [memory(0, [{ name: 'whiskers', kind: 'god' }], [])] }],
    [
      'a predicate with a command',
      { memories: [memory(0, [], [{ subject: 'I', predicate: 'drop table', object: 'me' }])] },
    ],
  ])('adds nothing where the model answers %s', async (_, answer) => {
    expect(await extractByModel(answering(answer), SOURCES, SIGNAL)).toEqual(new Map())
  })

  it('adds nothing where the model fails, and asks nothing about nothing', async () => {
    const failing: LanguageModel = {
      model: 'm',
      complete: async () => {
        throw new LanguageModelError('unavailable')
      },
    }
    expect(await extractByModel(failing, SOURCES, SIGNAL)).toEqual(new Map())
    expect(await extractByModel(failing, [], SIGNAL)).toEqual(new Map())
  })
})
