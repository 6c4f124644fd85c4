/**
 * Goal: where a language model is configured it links contradictions that rules do not see, and nothing of secret memories is shown to it.
 * Method: a model that answers from a script; ordinary writes and the minute of the host.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import type { LanguageModel } from '../../worker/ports/language-model.ts'
import { newTenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { tempDir } from '../support/temp-dir.ts'

const asked: string[] = []
/** Calls every vegetarian who likes steak a contradiction. */
const languageModel: LanguageModel = {
  model: 'scripted',
  complete: async (messages) => {
    const data = messages.at(-1)?.content ?? '{}'
    asked.push(data)
    const { statements = [] } = JSON.parse(data) as { statements?: { number: number; statement: string }[] }
    const at = (word: string) => statements.find(({ statement }) => statement.includes(word))?.number
    const [a, b] = [at('vegetarian'), at('steak')]
    return JSON.stringify({ pairs: a === undefined || b === undefined ? [] : [{ a, b }] })
  },
}

let edge: LocalEdge
let close: () => Promise<void>

beforeAll(async () => {
  const home = await tempDir()
  const { database, close: closeDatabase } = await openLibsql('default', `file:${join(home.path, 'memos.db')}`)
  const databases = new Map([['default', database]])
  edge = await openLocalEdge({ databases, blobs: new MemoryBlobStore(), languageModel })
  close = async () => {
    await edge.close()
    await closeDatabase()
    await home.remove()
  }
})
afterAll(() => close())

async function minute(): Promise<void> {
  await edge.components.tick()
  await edge.runTasks()
}

it('links what the model calls a contradiction, keeps both, and lets a caller take the link apart for good', async () => {
  const { admin } = await newTenant(edge)
  await admin.ok('createCube', { body: { content: 'I am a vegetarian.' } })
  await minute()
  await admin.ok('createCube', { body: { content: 'I love steak.' } })
  await minute()
  const [steak] = (await admin.ok('listFacts', { query: { predicate: 'likes' } })).items
  const [diet] = (await admin.ok('listFacts', { query: { predicate: 'diet' } })).items
  const params = { id: steak?.id ?? '' }
  const linked = await admin.ok('getFact', { params })
  expect(linked).toMatchObject({
    validTo: null,
    links: [{ relation: 'contradicts', factId: diet?.id, createdBy: 'model:scripted', undoneAt: null }],
  })
  await admin.ok('createCube', { body: { content: 'I love tea.' } })
  await minute()
  expect((await admin.ok('getFact', { params })).links).toEqual(linked.links)
  const undone = await admin.ok('undoFact', { params, body: {} })
  expect(undone.links).toMatchObject([{ relation: 'contradicts', undoneAt: expect.any(String) }])
})

it('shows nothing of secret memories to the model', async () => {
  const { admin } = await newTenant(edge)
  const secret = { sensitivity: 'secret' as const }
  await admin.ok('createCube', { body: { content: 'I am a vegetarian.', ...secret } })
  await minute()
  asked.length = 0
  await admin.ok('createCube', { body: { content: 'I love steak. I live in Oslo.' } })
  await admin.ok('createCube', { body: { content: 'I work at Acme.', ...secret } })
  await minute()
  expect(asked.join()).toContain('steak')
  expect(asked.join()).not.toMatch(/vegetarian|Acme/)
})
