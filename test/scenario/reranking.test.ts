/**
 * Goal: a reranker orders the best candidates, and one that fails or hangs costs nothing but its order.
 * Method: the Node host with a reranker behind real HTTP that does what the test wants.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Caller, type EdgeUnderTest, newTenant } from '../support/edge.ts'
import { openNodeEdge } from '../support/edge-node.ts'

const NOTE = 'The reranker did not answer in time; the first ranking stands.'
const QUERY = 'harbour walk'
const TEXTS = ['harbour walk, harbour walk', 'a walk along the harbour at night', 'the harbour', 'one walk']

interface Asked {
  model: string
  query: string
  documents: string[]
}

let answer: (asked: Asked, response: ServerResponse) => void
const asked: Asked[] = []
const server = createServer(async (request, response) => {
  asked.push((await json(request)) as Asked)
  answer(asked.at(-1) as Asked, response)
})
const reply = (response: ServerResponse, body: unknown, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

let edge: EdgeUnderTest
let admin: Caller
const search = async (rerank: boolean) => {
  const { results, retrieval } = await admin.ok('search', { body: { query: QUERY, rerank } })
  return { contents: results.map(({ cube }) => cube.content), notes: retrieval.notes }
}

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  edge = await openNodeEdge({
    MEMOS_RERANKER: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    MEMOS_RERANKER_MODEL: 'judge',
    MEMOS_RERANKER_API_KEY: 'secret',
  })
  admin = (await newTenant(edge)).admin
  await admin.ok('createCubes', { body: { cubes: TEXTS.map((content) => ({ content })) } })
})
afterAll(async () => {
  await edge.close()
  server.closeAllConnections()
  server.close()
})

it('orders the candidates by its scores', async () => {
  answer = ({ documents }, response) =>
    reply(response, {
      // In another order than asked, as servers answer.
      results: documents.map((text, index) => ({ index, relevance_score: -text.length })).reverse(),
    })
  const { contents, notes } = await search(true)
  const byLength = TEXTS.toSorted((a, b) => a.length - b.length)
  expect(contents).toEqual(byLength)
  expect(contents).not.toEqual((await search(false)).contents)
  expect(notes).not.toContain(NOTE)
  expect(asked[0]).toMatchObject({ model: 'judge', query: QUERY, documents: expect.arrayContaining(TEXTS) })
})

it.each<[string, typeof answer]>([
  ['hangs', () => {}],
  ['answers the head of an answer only', (_, response) => response.writeHead(200).write('{"results": [')],
  ['leaves out a passage', (_, response) => reply(response, { results: [{ index: 0, relevance_score: 1 }] })],
  ['answers an error', (_, response) => reply(response, { message: 'overloaded' }, 503)],
])('leaves the first ranking when it %s, and says so', async (_, behaviour) => {
  answer = behaviour
  const { contents, notes } = await search(true)
  expect(notes).toContain(NOTE)
  expect(contents).toEqual((await search(false)).contents)
})
