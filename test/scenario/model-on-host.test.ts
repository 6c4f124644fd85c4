/**
 * Goal: the Node host as it is started reads memories with the language model of its environment, in its own background, and shows in its metrics
 * what failed; a stop in the middle of a question costs nothing.
 * Method: the host's server over a libSQL file, timers and all; recordings behind a real socket.
 */
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { readConfig } from '../../worker/entry/node/config.ts'
import { type RunningServer, startServer } from '../../worker/entry/node/server.ts'
import { type ListeningChat, listenChat } from '../support/chat-listener.ts'
import { Recordings } from '../support/chat-recordings.ts'
import { BAD_ANSWERS, type ChatAnswer, ChatServer } from '../support/chat-server.ts'
import { Caller, newTenant } from '../support/edge.ts'
import { tempDir } from '../support/temp-dir.ts'

const ROOT_KEY = 'root-key-of-the-host-with-a-model'
const KEY = 'key-of-the-model-server'
const SAID = { speaker: 'Ana', saidAt: '2025-03-01T10:00:00Z' }
const WAIT = { timeout: 25_000, interval: 100 }

let chat: ChatServer
let listening: ListeningChat
let recordings: Recordings
let server: RunningServer | null = null
const home = await tempDir()

beforeEach(async () => {
  chat = new ChatServer({ apiKey: KEY })
  recordings = new Recordings('knowledge', 'contradictions', 'knowledge-later')
  chat.answer = recordings.answer
  listening = await listenChat(chat)
})
afterEach(async () => {
  await server?.stop()
  server = null
  await listening.close()
  expect(recordings.unknown, 'questions that were not recorded').toEqual([])
})
afterAll(() => home.remove())

async function start() {
  const config = readConfig({
    ...{ PORT: '0', MEMOS_HOME: home.path, MEMOS_ROOT_KEY: ROOT_KEY, MEMOS_UPKEEP_SECONDS: '0.2' },
    ...{ MEMOS_LLM_BASE_URL: listening.baseUrl, MEMOS_LLM_MODEL: 'gpt-test', MEMOS_LLM_API_KEY: KEY },
  })
  const running = await startServer(config)
  server = running
  const fetchEdge = (path: string, init?: RequestInit) => fetch(new URL(path, running.url), init)
  return { fetch: fetchEdge, rootKey: ROOT_KEY, rows: async () => [], close: running.stop }
}

const metricsOf = async (edge: Awaited<ReturnType<typeof start>>) =>
  (await new Caller(edge, ROOT_KEY).raw('GET', '/metrics')).text()

async function tenant(edge: Awaited<ReturnType<typeof start>>): Promise<Caller> {
  const { admin } = await newTenant(edge)
  const settings = { knowledge: { model: true } }
  await admin.ok('createNamespace', { body: { name: 'default', layer: 'shared', settings } })
  return admin
}

const edgesOf = async (admin: Caller) =>
  (await admin.ok('listFacts', { query: {} })).items.map(({ subject, predicate, entity }) => [
    subject,
    predicate,
    entity,
  ])

it('gives memories typed edges and contradictions of the model, in the background', async () => {
  const edge = await start()
  const admin = await tenant(edge)
  const texts = [
    'I am a vegetarian.',
    'I love steak.',
    'whiskers naps at the office of Globex, and Bruno feeds whiskers.',
  ]
  await admin.ok('createCubes', { body: { cubes: texts.map((content) => ({ content, ...SAID })) } })
  await expect.poll(() => edgesOf(admin), WAIT).toContainEqual(['bruno', 'feeds', 'whiskers'])
  const [steak] = (await admin.ok('listFacts', { query: { predicate: 'likes' } })).items
  const { links } = await admin.ok('getFact', { params: { id: steak?.id ?? '' } })
  expect(links).toMatchObject([{ relation: 'contradicts', createdBy: 'model:gpt-test' }])
  expect(await metricsOf(edge)).toContain('memos_language_model_questions_total 2')
})

it('shows in its metrics that the model fails', async () => {
  const edge = await start()
  const admin = await tenant(edge)
  chat.answer = BAD_ANSWERS['no key'] as ChatAnswer
  await admin.ok('createCube', { body: { content: 'Bruno lives in Oslo.', ...SAID } })
  await expect.poll(() => metricsOf(edge), WAIT).toContain('memos_language_model_failures_total 1')
  await expect.poll(() => edgesOf(admin), WAIT).toContainEqual(['bruno', 'lives_in', 'oslo'])
})

it('asks again after a stop that cut a question off', async () => {
  const first = await start()
  const admin = await tenant(first)
  chat.answer = () => new Promise<Response>(() => undefined)
  await admin.ok('createCube', { body: { content: 'pixel sleeps beside whiskers.', ...SAID } })
  await expect.poll(() => chat.asked.length, WAIT).toBe(1)
  await first.close()
  server = null
  chat.answer = recordings.answer
  const again = new Caller(await start(), admin.secret)
  await expect.poll(() => edgesOf(again), WAIT).toContainEqual(['pixel', 'sleeps_beside', 'whiskers'])
})
