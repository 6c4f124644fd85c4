import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { systemContext } from '../../worker/infrastructure/governance/system-context.ts'
import type { Proposal } from '../../worker/operation/blocks/proposals.ts'
import { replay } from '../../worker/operation/blocks/replay.ts'
import { type Caller, newTenant, type Tenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { tempDir } from '../support/temp-dir.ts'

/** The true answer, and what would stand before it if its rank fell. */
const TEXTS = [
  'Ships pass the lighthouse at night.',
  'Ships pass the harbour.',
  'The lighthouse is red.',
  'At night it rains.',
]
const QUESTIONS = ['When do ships pass the lighthouse?', 'What passes the lighthouse at night?']

let edge: LocalEdge
let close: () => Promise<void>
beforeAll(async () => {
  const home = await tempDir()
  const { database, close: closeDatabase } = await openLibsql('default', `file:${home.path}/memos.db`)
  edge = await openLocalEdge({ databases: new Map([['default', database]]), blobs: new MemoryBlobStore() })
  close = async () => {
    await edge.close()
    await closeDatabase()
    await home.remove()
  }
})
afterAll(() => close())

async function judgedBlock({ admin }: Tenant): Promise<{ blockId: string; cubeIds: string[] }> {
  const { cubes } = await admin.ok('createCubes', { body: { cubes: TEXTS.map((content) => ({ content })) } })
  const cubeIds = cubes.map(({ cubeId }) => cubeId)
  const { blockId } = await admin.ok('createBlock', { body: { name: 'Sea' } })
  await admin.ok('addMembers', { params: { id: blockId }, body: { cubeIds } })
  const items = QUESTIONS.map((query, at) => ({
    cubeId: cubeIds[0] ?? '',
    outcome: 'helped' as const,
    requestId: `r${at}`,
    query,
  }))
  await admin.ok('sendFeedback', { body: { items: items.slice(0, 1) } })
  await admin.ok('sendFeedback', { body: { items: items.slice(1) } })
  return { blockId, cubeIds }
}

const open = async ({ id }: Tenant, blockId: string) => {
  const context = systemContext(id, 'evolveBlock', edge.clock.nowMs, new AbortController().signal)
  const session = await edge.components.edge.sessions(context, 'write')
  return { context, session, opened: await edge.components.edge.blocks.open(session, blockId, 'write') }
}

/** Carries out what no rule would propose, as a run does that dies before it judges. */
async function spoil(tenant: Tenant, blockId: string, proposal: Proposal) {
  const { context, session, opened } = await open(tenant, blockId)
  const { operator, evolution } = edge.components.edge
  const before = await replay(operator, session, opened, context)
  expect(before.quality).toBe(1)
  expect(await evolution.carryOut(session, opened, proposal, before, context)).not.toBeNull()
  const spoilt = await open(tenant, blockId)
  const after = await replay(operator, spoilt.session, spoilt.opened, spoilt.context)
  expect(after.quality).toBeLessThan(1)
}

const first = async (caller: Caller) =>
  (await caller.ok('search', { body: { query: QUESTIONS[0] ?? '', mode: 'lexical' } })).results[0]?.cube

describe('a block that changes itself', () => {
  it('takes back a retirement that hides what helped', async () => {
    const tenant = await newTenant(edge)
    const { blockId, cubeIds } = await judgedBlock(tenant)
    await spoil(tenant, blockId, { kind: 'retire', reason: 'adversary', cubeIds: cubeIds.slice(0, 1) })
    const { changes } = await tenant.admin.ok('evolveBlock', { params: { id: blockId }, body: {} })
    expect(changes.slice(0, 2)).toMatchObject([
      { kind: 'retire', qualityBefore: 1, undoneAt: expect.any(String) },
      { kind: 'rollback', questions: 2, reason: expect.stringContaining('worse') },
    ])
    expect(changes[0]?.qualityAfter).toBeLessThan(1)
    expect((await first(tenant.admin))?.cubeId).toBe(cubeIds[0])
    const { items } = await tenant.admin.ok('listMembers', { params: { id: blockId }, query: {} })
    expect(items.every(({ retiredAt }) => retiredAt === null)).toBe(true)
  })

  it('takes back ranks that put what helped last, to the digit', async () => {
    const tenant = await newTenant(edge)
    const { blockId, cubeIds } = await judgedBlock(tenant)
    const ranksOf = async () =>
      (await tenant.admin.ok('listMembers', { params: { id: blockId }, query: {} })).items.map((one) => [
        one.usefulness,
        one.weight,
      ])
    const before = await ranksOf()
    const byId = new Map(
      (await tenant.admin.ok('listMembers', { params: { id: blockId }, query: {} })).items.map((one) => [
        one.cubeId,
        one,
      ]),
    )
    const ranks = cubeIds.map((cubeId, at) => {
      const { usefulness, weight } = byId.get(cubeId) ?? { usefulness: 0, weight: 0 }
      return {
        cubeId,
        from: { usefulness, weight },
        to: at === 0 ? { usefulness: -1, weight: -1 } : { usefulness: 1, weight: 1 },
      }
    })
    await spoil(tenant, blockId, { kind: 'rank', reason: 'adversary', cubeIds, ranks, choice: null })
    expect(await ranksOf()).not.toEqual(before)
    const { changes } = await tenant.admin.ok('evolveBlock', { params: { id: blockId }, body: {} })
    expect(changes.map(({ kind }) => kind).slice(0, 2)).toEqual(['rank', 'rollback'])
    expect(await ranksOf()).toEqual(before)
  })

  it('evolves in upkeep once feedback has gathered, and again only on new feedback', async () => {
    const tenant = await newTenant(edge)
    const { blockId } = await judgedBlock(tenant)
    const changes = async () =>
      (await tenant.admin.ok('listBlockChanges', { params: { id: blockId }, query: {} })).items
    const due = () => edge.rows('select due_ms is null from blocks where id = ?', blockId)
    await edge.components.tick(['blocks'])
    expect(await changes()).toEqual([])
    expect(await due()).toEqual([[0]])
    edge.clock.nowMs += 3_700_000
    // One block a tick: those of the other tests are due before.
    for (let n = 0; n < 8; n++) await Promise.all([edge.components.tick(['blocks']), edge.components.tick(['blocks'])])
    expect((await changes()).map(({ kind }) => kind)).toEqual(['rewrite'])
    expect(await due()).toEqual([[1]])
    edge.clock.nowMs += 3_700_000
    await edge.components.tick(['blocks'])
    expect(await changes()).toHaveLength(1)
  })
})
