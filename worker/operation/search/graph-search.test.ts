import { describe, expect, it } from 'vitest'
import { GRAPH_NODES_MAX } from '../../../schemas/limits.ts'
import type { EntityCubes } from '../../infrastructure/knowledge/graph-reader.ts'
import { namesIn, searchGraph, wantsGraph } from './graph-search.ts'

/** A graph in memory: names by cube. */
function graphOf(cubes: Record<number, string[]>) {
  const calls: string[] = []
  const of = (key: string): EntityCubes => ({
    key,
    shown: key,
    cubes: Object.entries(cubes).flatMap(([seq, names]) =>
      names.includes(key) ? [[Number(seq), 1] as [number, number]] : [],
    ),
  })
  return {
    calls,
    reader: {
      cubesOf: async (_: number, names: readonly string[]) => {
        calls.push('cubesOf')
        return [...new Set(names)].map(of).filter((entity) => entity.cubes.length > 0)
      },
      entitiesOf: async (_: number, seqs: readonly number[]) => {
        calls.push('entitiesOf')
        return seqs.flatMap((seq) => (cubes[seq] ?? []).map((name) => [seq, name, 1] as [number, string, number]))
      },
      factsOf: async () => [],
    } as never,
  }
}

const scope = { filter: null, includeArchived: false }
const ask = (reader: never, query: string, more: object = {}) =>
  searchGraph(reader, { namespaceId: 1, query, scope, lexical: [], signal: new AbortController().signal, ...more })

describe('searchGraph', () => {
  const world = { 1: ['gondolin', 'zorblax'], 2: ['zorblax'], 3: ['quendor'], 4: ['gondolin'] }

  it('reaches what shares an entity with what shares an entity with the question', async () => {
    const { hits, entities } = await ask(graphOf(world).reader, 'Who lives in gondolin?')
    expect(entities).toEqual(['gondolin'])
    const seqs = hits.map(({ seq }) => seq)
    expect(seqs.slice(0, 2).sort()).toEqual([1, 4])
    expect(seqs[2]).toBe(2)
    expect(seqs).not.toContain(3)
    expect(hits[0]?.share).toBe(1)
  })

  it('asks once and gives up when the question names nothing that is known', async () => {
    const { reader, calls } = graphOf(world)
    expect(await ask(reader, 'What is new?')).toEqual({
      hits: [],
      entities: [],
      nodes: 0,
      note: 'No entity of the query is known.',
    })
    expect(calls).toEqual(['cubesOf'])
  })

  it('also starts where words were found, and gives no credit for that alone', async () => {
    const lexical = [{ seq: 3, score: 5 }]
    const { hits } = await ask(graphOf(world).reader, 'Is zorblax near the quendor?', { lexical })
    const alone = await ask(graphOf({ ...world, 5: [] }).reader, 'zorblax', { lexical: [{ seq: 5, score: 9 }] })
    expect(hits.map(({ seq }) => seq)).toContain(3)
    expect(alone.hits.map(({ seq }) => seq)).not.toContain(5)
  })

  it('stays within its nodes', async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, seq) => [seq, ['gondolin', `met${seq}`]]))
    const { nodes } = await ask(graphOf(many).reader, 'gondolin')
    expect(nodes).toBe(GRAPH_NODES_MAX)
  })

  it('says so when it had to end early', async () => {
    const { reader, calls } = graphOf(world)
    const { note } = await ask(reader, 'gondolin', { signal: AbortSignal.abort() })
    expect(note).toBe('The walk over the graph ended early.')
    expect(calls).toEqual(['cubesOf'])
  })
})

it('tries runs of words as names, those first that are written as such, and no stop words', () => {
  expect(namesIn('where does melanie smith work with Ana?')).toEqual([
    'ana',
    'melanie smith work',
    'smith work with',
    'work with ana',
    'melanie smith',
    'smith work',
    'work with',
    'melanie',
    'smith',
    'work',
  ])
})

it('walks when the request says so, else when the namespace does', () => {
  const on = { settings: { knowledge: { graphSearch: true } } }
  const off = { settings: {} }
  expect([wantsGraph(on, undefined), wantsGraph(on, false), wantsGraph(off, undefined), wantsGraph(off, true)]).toEqual(
    [true, false, false, true],
  )
})
