/**
 * Goal: where a namespace asks for it, a language model extracts entities and facts beside the rules; nothing of secret memories is shown to it, and
 * when it fails the rules' own findings stand.
 * Method: a model that answers from a script; ordinary writes and the minute of the host.
 */
import { beforeEach, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { type LanguageModel, LanguageModelError } from '../../worker/ports/language-model.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant } from '../support/edge.ts'
import { openLocalEdge } from '../support/local-edge.ts'

let asked: string[]
let isFailing: boolean

/** Knows that whatever is called whiskers is somebody's pet. */
const languageModel: LanguageModel = {
  model: 'scripted',
  complete: async (messages) => {
    const data = messages.at(-1)?.content ?? '{}'
    asked.push(data)
    if (isFailing) throw new LanguageModelError('timeout')
    const { memories = [] } = JSON.parse(data) as { memories?: { number: number; text: string }[] }
    return JSON.stringify({
      memories: memories
        .filter(({ text }) => text.includes('whiskers'))
        .map(({ number }) => ({
          number,
          entities: [{ name: 'whiskers', kind: 'thing' }],
          statements: [{ subject: 'I', predicate: 'has_pet', object: 'whiskers' }],
        })),
    })
  },
}

beforeEach(() => {
  asked = []
  isFailing = false
})

async function open(knowledge: object) {
  const { database } = await openLibsql('default', ':memory:')
  const blobs = new MemoryBlobStore()
  const edge = await openLocalEdge({ databases: new Map([['default', database]]), blobs, languageModel })
  const { admin, id } = await newTenant(edge)
  await admin.ok('createNamespace', { body: { name: 'default', layer: 'shared', settings: { knowledge } } })
  const cubes = [
    { content: 'whiskers sleeps on my keyboard all day', speaker: 'Ana' },
    { content: 'whiskers hides the gold under the oak', speaker: 'Ana', sensitivity: 'secret' as const },
    ...Array.from({ length: 20 }, (_, at) => ({ content: `Letter ${at} came from Globex` })),
  ]
  await admin.ok('createCubes', { body: { cubes } })
  const minute = async () => {
    await edge.components.tick()
    while ((await edge.runTasks()) > 0) edge.clock.nowMs += 2000
  }
  const faults = () => faultsOf(database, blobs, id)
  return { admin, minute, faults }
}

it('adds what the model found to what the rules found, a few memories a call, once', async () => {
  const { admin, minute, faults } = await open({ model: true })
  await minute()
  const params = { name: 'default' }
  const names = (await admin.ok('listEntities', { params, query: {} })).items.map(({ key }) => key)
  expect(names).toEqual(expect.arrayContaining(['whiskers', 'globex', 'ana']))
  const facts = (await admin.ok('listFacts', { query: { predicate: 'has_pet' } })).items
  expect(facts).toMatchObject([{ subject: 'ana', object: 'whiskers', source: 'model', confidence: 0.7 }])
  expect(asked).toHaveLength(3)
  expect(asked.join()).not.toContain('gold')
  await minute()
  expect(asked).toHaveLength(3)
  expect(await faults()).toEqual([])
})

it('lets the rules stand where the model fails', async () => {
  isFailing = true
  const { admin, minute, faults } = await open({ model: true })
  await minute()
  const names = (await admin.ok('listEntities', { params: { name: 'default' }, query: {} })).items.map(({ key }) => key)
  expect(names).toEqual(expect.arrayContaining(['globex', 'ana']))
  expect(names).not.toContain('whiskers')
  expect((await admin.ok('listFacts', { query: { predicate: 'has_pet' } })).items).toEqual([])
  expect(await faults()).toEqual([])
})

it('asks no model in a namespace that did not ask for it', async () => {
  const { minute } = await open({})
  await minute()
  expect(asked).toEqual([])
})
