import { expect, it } from 'vitest'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'
import type { TickingEdge } from './knowledge-graph.suite.ts'

const told = async (caller: Caller, query: object = {}) =>
  (await caller.ok('listFacts', { query })).items.map(({ subject, predicate, object, validTo }) =>
    [subject, predicate, object, validTo === null ? 'holds' : 'over'].join(' '),
  )

/**
 * Goal: what memories state is found in the background by rules, follows the text through revisions, and shows in context packs.
 * Method: ordinary writes; the minute of the host is called by hand.
 */
export function factExtraction(open: () => Promise<TickingEdge>) {
  let edge: TickingEdge
  const opened: OpenEdge = async () => {
    edge = await open()
    return edge
  }
  describeEdge('facts found in texts', opened, (tenant) => {
    it('reads messages for facts and presents the newest statement as the current one', async () => {
      const { admin } = await tenant()
      const messages = [
        { content: 'I moved to Lisbon.', role: 'user' as const, saidAt: '2025-03-05T10:00:00Z' },
        { content: 'You live in Lisbon, how nice!', role: 'assistant' as const, saidAt: '2025-03-05T10:01:00Z' },
        { content: '我最喜欢的城市是里斯本。', role: 'user' as const, saidAt: '2025-03-06T10:00:00Z' },
        {
          content: 'I no longer live in Lisbon, I moved to Porto.',
          role: 'user' as const,
          saidAt: '2025-09-05T10:00:00Z',
        },
      ]
      await admin.ok('remember', { body: { session: 's', messages } })
      await edge.tick()
      expect((await told(admin, { predicate: 'lives_in' })).toSorted()).toEqual([
        'user lives_in Lisbon over',
        'user lives_in Lisbon over',
        'user lives_in Porto holds',
      ])
      expect(await told(admin, { predicate: 'favourite_城市' })).toEqual(['user favourite_城市 里斯本 holds'])
      const { text } = await admin.ok('context', { body: { query: 'Where do I live, Lisbon or Porto?' } })
      const line = (words: string) => text.split('\n').find((one) => one.includes(words)) ?? ''
      expect(line('I moved to Lisbon.')).toContain('(superseded by [')
      expect(line('I moved to Porto')).not.toContain('superseded by')
    })

    it('follows a revised text: what it no longer states is taken back, what stays is kept', async () => {
      const { admin } = await tenant()
      const body = { content: 'I work at Acme. I love sardines.', saidAt: '2025-03-05T10:00:00Z' }
      const { cubeId } = await admin.ok('createCube', { body })
      await edge.tick()
      const [kept] = (await admin.ok('listFacts', { query: { predicate: 'likes' } })).items
      await admin.ok('updateCube', { params: { cubeId }, body: { content: 'I work at Initech. I love sardines.' } })
      await edge.tick()
      expect((await told(admin)).toSorted()).toEqual(['user likes sardines holds', 'user works_at Initech holds'])
      expect((await admin.ok('listFacts', { query: { predicate: 'likes' } })).items[0]?.id).toBe(kept?.id)
      await edge.tick()
      expect(await told(admin)).toHaveLength(2)
    })

    it('does not bring back what a caller took back', async () => {
      const { admin } = await tenant()
      const { cubeId } = await admin.ok('createCube', { body: { content: 'I work at Acme.' } })
      await edge.tick()
      const [fact] = (await admin.ok('listFacts', { query: {} })).items
      await admin.ok('retractFact', { params: { id: fact?.id ?? '' } })
      await admin.ok('updateCube', { params: { cubeId }, body: { content: 'I work at Acme. It rains.' } })
      await edge.tick()
      expect(await told(admin)).toEqual([])
    })

    it('finds nothing where the namespace does not want it', async () => {
      const { admin } = await tenant()
      await admin.ok('createNamespace', {
        body: { name: 'quiet', layer: 'shared', settings: { knowledge: { extract: false } } },
      })
      await admin.ok('createCube', { body: { content: 'I work at Acme.', namespace: 'quiet' } })
      await edge.tick()
      expect(await told(admin, { namespace: 'quiet' })).toEqual([])
    })
  })
}
