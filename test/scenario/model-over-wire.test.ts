/**
 * Goal: with a language model behind the real wire format, memories get its entities, typed edges, statements and contradictions beside those of the
 * rules, and MemReader its reading; and whatever the server does instead, what the rules found stands whole, the failure shows, and the next
 * memories are read with the model again.
 * Method: the edge over a libSQL file, the driver that a host builds, real sockets. Good answers are recordings; a question that was not recorded
 * fails the test. Bad ones are compared with an edge that has no model at all.
 */
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { OpenAiCompatibleModel } from '../../worker/drivers/language-model/openai-compatible.ts'
import type { LogFields } from '../../worker/ports/logger.ts'
import { listenChat } from '../support/chat-listener.ts'
import { Recordings } from '../support/chat-recordings.ts'
import { type ChatRules, errorOf } from '../support/chat-rules.ts'
import {
  BAD_ANSWERS,
  type ChatAnswer,
  ChatServer,
  ConnectionDropped,
  completion,
  tooBusy,
} from '../support/chat-server.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant } from '../support/edge.ts'
import { openLocalEdge } from '../support/local-edge.ts'
import { tempDir } from '../support/temp-dir.ts'

const KEY = 'key-of-the-model-server'
const MODEL = 'gpt-test'
const SAID = { speaker: 'Ana', saidAt: '2025-03-01T10:00:00Z' }
const MEMORIES = [
  { content: 'I am a vegetarian.', ...SAID },
  { content: 'I love steak.', ...SAID },
  { content: 'whiskers naps at the office of Globex, and Bruno feeds whiskers.', ...SAID },
]

const ended: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end()
})

/** One organisation whose default namespace asks for the model; `answer` null: a host without one. */
async function open(answer: ChatAnswer | null, { deadlineMs, rules }: { deadlineMs?: number; rules?: ChatRules } = {}) {
  const home = await tempDir()
  const chat = new ChatServer({ apiKey: KEY, ...rules })
  if (answer !== null) chat.answer = answer
  const listening = await listenChat(chat)
  const init = { baseUrl: listening.baseUrl, model: MODEL, apiKey: KEY, ...(deadlineMs && { deadlineMs }) }
  const { database, close } = await openLibsql('default', `file:${join(home.path, 'memos.db')}`)
  const blobs = new MemoryBlobStore()
  const logged: (LogFields & { event: string })[] = []
  const log = (event: string, fields: LogFields = {}) => logged.push({ event, ...fields })
  const edge = await openLocalEdge({
    databases: new Map([['default', database]]),
    blobs,
    logger: { info() {}, warn: log, error: log },
    ...(answer !== null && { languageModel: new OpenAiCompatibleModel(init) }),
  })
  ended.push(home.remove, close, edge.close, listening.close)
  const { admin, id } = await newTenant(edge)
  const settings = { knowledge: { model: true } }
  await admin.ok('createNamespace', { body: { name: 'default', layer: 'shared', settings } })
  const minute = async () => {
    await edge.components.tick()
    while ((await edge.runTasks()) > 0) edge.clock.nowMs += 2000
  }
  const remember = async (cubes: object[]) => {
    await admin.ok('createCubes', { body: { cubes: cubes as typeof MEMORIES } })
    await minute()
  }
  /** What is known, without names and moments that differ from one edge to the next. */
  const known = async () => {
    const entities = (await admin.ok('listEntities', { params: { name: 'default' }, query: {} })).items
    const facts = (await admin.ok('listFacts', { query: {} })).items
    const linked = await Promise.all(facts.map(({ id: fact }) => admin.ok('getFact', { params: { id: fact } })))
    return {
      entities: entities.map(({ key, kind }) => `${key} (${kind})`).sort(),
      facts: linked
        .map(
          (fact) =>
            `${fact.subject} ${fact.predicate} ${fact.object} -> ${fact.entity} by ${fact.source} ${fact.validTo}`,
        )
        .sort(),
      links: linked.flatMap(({ links }) => links.map(({ relation, createdBy }) => `${relation} ${createdBy}`)),
    }
  }
  const reasons = () =>
    logged.flatMap(({ event, form, reason }) => (event === 'language_model_failed' ? [`${form} ${reason}`] : []))
  const dropped = () =>
    logged.flatMap(({ event, form, dropped: parts }) =>
      event === 'language_model_dropped' ? [`${form} ${parts}`] : [],
    )
  const tasks = () => edge.rows(`select state, error from tasks where kind = 'knowledge'`)
  const faults = () => faultsOf(database, blobs, id)
  const metrics = () => edge.components.edge.metrics.text()
  return { admin, edge, chat, listening, remember, known, minute, reasons, dropped, logged, tasks, faults, metrics }
}

/** The same with recordings, all of whose questions must have been recorded. */
async function replayed(names: string[], more: { rules?: ChatRules } = {}) {
  const recordings = new Recordings(...names)
  ended.push(async () => expect(recordings.unknown, 'questions that were not recorded').toEqual([]))
  return open(recordings.answer, more)
}

const TYPED_EDGE = 'bruno feeds whiskers -> whiskers by model null'
const MODEL_LINK = `contradicts model:${MODEL}`

async function rulesAlone() {
  const { remember, known } = await open(null)
  await remember(MEMORIES)
  return known()
}

describe('good answers', () => {
  it.each([
    ['as OpenAI sends them', ['knowledge', 'contradictions'], {}],
    ['to a reasoning model', ['knowledge', 'contradictions'], { reasons: true }],
    [
      'in a fence, as models without structured answers send them',
      ['knowledge-fenced', 'contradictions-fenced'],
      { takesNoSchema: true },
    ],
  ])('%s give entities, typed edges and contradictions', async (_, names, rules) => {
    const world = await replayed(names, { rules })
    const { admin } = world
    await world.remember(MEMORIES)
    const { entities, facts, links } = await world.known()
    expect(entities).toEqual(expect.arrayContaining(['globex (organisation)', 'whiskers (thing)', 'bruno (person)']))
    expect(facts).toContain(TYPED_EDGE)
    expect(new Set(links)).toEqual(new Set([MODEL_LINK]))
    const entity = await admin.ok('getEntity', { params: { name: 'default', key: 'whiskers' } })
    expect(JSON.stringify(entity)).toContain('"feeds"')
    expect([world.reasons(), world.dropped(), await world.faults()]).toEqual([[], [], []])
    expect(world.metrics()).toContain('memos_language_model_questions_total 2')
    const asked = world.chat.asked.length
    await world.minute()
    expect(world.chat.asked).toHaveLength(asked)
  })

  it('give MemReader its reading and its plan', async () => {
    const { admin, reasons } = await replayed(['reader'])
    const reading = await admin.ok('read', {
      body: { prompt: 'my Lisbon travels of twenty twenty-five', refine: true },
    })
    expect(reading.notes).toEqual([])
    expect(reading.call).toMatchObject({ intent: 'list', target: 'table', entities: ['Lisbon'], by: 'model' })
    const messages = [
      { content: 'Ana adopted a grey cat, called Miso.', ...SAID },
      { content: 'The bus was late.', ...SAID },
    ]
    const { plan } = await admin.ok('remember', { body: { mode: 'plan', refine: true, messages } })
    expect(plan?.operations).toMatchObject([
      { op: 'add', content: 'Ana adopted a grey cat called Miso.', by: 'model', applied: true },
      { op: 'skip', reason: 'refined_away', by: 'model' },
    ])
    expect(reasons()).toEqual([])
  })

  it('are used only as far as they speak of what was shown', async () => {
    const rules = await rulesAlone()
    const world = await replayed(['hallucinated'])
    await world.remember(MEMORIES)
    expect(await world.known()).toEqual(rules)
    expect(world.dropped()).toEqual(['knowledge 7', 'contradictions 3'])
    expect(world.metrics()).toContain('memos_language_model_dropped_total 10')
    expect(await world.faults()).toEqual([])
  })
})

describe('whatever the server does, what the rules found stands after', () => {
  /** Reasons by the form that the answer was to fill in, where they are not the same. */
  const REASONS: Record<string, string> = {
    'broken JSON': 'malformed',
    'words around nothing': 'malformed',
    'another form': 'malformed',
    'a refusal': 'refused',
    'a content filter': 'refused',
    'an answer cut off': 'cut_off',
    'no content': 'malformed',
    'no choices': 'malformed',
    'no JSON at all': 'malformed',
    'a body cut in the middle': 'unavailable',
    'a closed connection': 'unavailable',
    'too many requests': 'rate_limited',
    'a fault of its own': 'unavailable',
    'no key': 'rejected',
    'no such model': 'rejected',
    'a prompt that is too long': 'rejected',
    'far too much': 'too_large',
  }

  it.each(Object.keys(BAD_ANSWERS))('%s', async (name) => {
    const rules = await rulesAlone()
    const world = await open(BAD_ANSWERS[name] as ChatAnswer)
    await world.remember(MEMORIES)
    await shows(world, rules, REASONS[name] ?? '')
    await readsByRules(world)
    world.chat.answer = new Recordings('knowledge-later').answer
    await world.remember([{ content: 'pixel sleeps beside whiskers.', ...SAID }])
    expect((await world.known()).facts).toContain('pixel sleeps_beside whiskers -> whiskers by model null')
    expect(await world.faults()).toEqual([])
  })

  it('an answer that does not come before the deadline', async () => {
    const rules = await rulesAlone()
    const world = await open(() => new Promise<Response>(() => undefined), { deadlineMs: 50 })
    await world.remember(MEMORIES)
    await shows(world, rules, 'timeout')
    await readsByRules(world)
  })

  it('a key that it does not know', async () => {
    const rules = await rulesAlone()
    const world = await open(() => completion('{}'), { rules: { apiKey: 'another' } })
    await world.remember(MEMORIES)
    await shows(world, rules, 'rejected')
    expect(world.chat.asked).toEqual([])
  })

  it('a request to be left alone for long, which is kept to', async () => {
    const rules = await rulesAlone()
    const world = await open(tooBusy)
    await world.remember(MEMORIES)
    await readsByRules(world)
    expect(world.chat.asked).toHaveLength(1)
    await shows(world, rules, 'rate_limited')
  })

  type World = Awaited<ReturnType<typeof open>>

  async function shows(world: World, rules: Awaited<ReturnType<World['known']>>, reason: string) {
    expect(await world.known()).toEqual(rules)
    expect(world.reasons().slice(0, 2)).toEqual([`knowledge ${reason}`, `contradictions ${reason}`])
    expect(world.metrics()).toMatch(/memos_language_model_failures_total [2-9]/)
    expect(JSON.stringify(world.logged)).not.toMatch(/steak|whiskers|key-of-the-model/)
    expect((await world.tasks()).every(([state, error]) => state === 'succeeded' && error === null)).toBe(true)
    expect(await world.faults()).toEqual([])
  }

  async function readsByRules({ admin }: World) {
    const reading = await admin.ok('read', { body: { prompt: 'What did Ana say yesterday?', refine: true } })
    expect(reading.call).toMatchObject({ intent: 'recall', entities: ['Ana'], by: 'rules' })
    expect(reading.notes.join()).toMatch(/the rules decided/)
    const planned = await admin.ok('planMemories', { body: { refine: true, text: 'Ana lives in Porto.' } })
    expect(planned.operations).toMatchObject([{ op: 'add', by: 'rules' }])
  }
})

describe('questions', () => {
  it('that meet an overload are asked again when the server said, and answered', async () => {
    const { answer } = new Recordings('knowledge', 'contradictions')
    const atMs: number[] = []
    const world = await open((asked) => {
      atMs.push(performance.now())
      return atMs.length === 1 ? errorOf(429, 'Rate limit reached', { headers: { 'retry-after': '1' } }) : answer(asked)
    })
    await world.remember(MEMORIES)
    const [first = 0, second = 0] = atMs
    // Timers may fire a millisecond early.
    expect(second - first).toBeGreaterThanOrEqual(990)
    expect((await world.known()).facts).toContain(TYPED_EDGE)
    expect(world.reasons()).toEqual([])
  })
})

describe('connections', () => {
  it('that the server kept open and closes as the next question comes are made anew', async () => {
    const { answer } = new Recordings('knowledge', 'contradictions')
    let isDropped = false
    const world = await open((asked) => {
      if (world.chat.asked.length !== 2 || isDropped) return answer(asked)
      isDropped = true
      throw new ConnectionDropped('other side closed')
    })
    await world.remember(MEMORIES)
    expect(isDropped).toBe(true)
    expect((await world.known()).links).toContain(MODEL_LINK)
    expect(world.reasons()).toEqual([])
    expect(world.listening.connections()).toBe(2)
  })
})
