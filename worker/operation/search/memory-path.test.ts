import { describe, expect, it } from 'vitest'
import { memoryPath, type PathFacts } from './memory-path.ts'

const result = (more: object = {}) =>
  ({
    namespace: { name: 'team', layer: 'shared' },
    model: null,
    terms: ['boat'],
    spelling: {},
    sessions: 0,
    graph: null,
    ...more,
  }) as unknown as PathFacts['results'][number]

const path = ({ results = [result()], request = {}, notes = [], window = {} }: Record<string, unknown> = {}) =>
  memoryPath({
    results,
    request: { mode: 'auto', diversity: 0, rerank: false, includeArchived: false, ...(request as object) },
    report: { notes },
    call: { window: { from: null, to: null, ...(window as object) } },
  } as unknown as PathFacts)

const step = (steps: ReturnType<typeof path>, channel: string) => steps.find((one) => one.channel === channel)

describe('memoryPath', () => {
  it('goes from topic to concept to fact to ranking, numbered', () => {
    const steps = path()
    expect([...new Set(steps.map(({ what }) => what))]).toEqual(['topic', 'concept', 'fact', 'ranking'])
    expect(steps.map(({ order }) => order)).toEqual(steps.map((_, at) => at + 1))
    expect(step(steps, 'namespace')).toMatchObject({ where: 'team (shared)', used: true })
  })

  it('tells each namespace apart and why it was searched', () => {
    const steps = path({ results: [result(), result()], request: { namespaces: ['team'] } })
    const places = steps.filter(({ channel }) => channel === 'namespace')
    expect(places.map(({ why }) => why)).toEqual(['The request names it.', 'The request names it.'])
    expect(step(path({ request: { userId: 'ana' } }), 'namespace')?.why).toContain('private memory')
  })

  it('says why a channel was passed by', () => {
    expect(step(path({ request: { mode: 'lexical' } }), 'vectors')).toMatchObject({
      used: false,
      why: 'The request asks for words only.',
    })
    expect(step(path({ request: { mode: 'vector' } }), 'words')?.used).toBe(false)
    expect(step(path({ results: [result({ terms: [] })] }), 'words')?.used).toBe(false)
    expect(step(path(), 'graph')?.used).toBe(false)
    const unknown = { entities: [], hits: [], nodes: 0, note: 'No entity of the query is known.' }
    expect(step(path({ results: [result({ graph: unknown })] }), 'graph')).toMatchObject({
      used: false,
      why: unknown.note,
    })
  })

  it('names the entities, model and conversations that were used', () => {
    const graph = { entities: ['gondolin'], hits: [{}, {}], nodes: 7, note: null }
    const steps = path({ results: [result({ graph, model: 'm', sessions: 4, spelling: { baot: ['boat'] } })] })
    expect(step(steps, 'graph')?.why).toBe('From gondolin over 7 nodes to 2 memories.')
    expect(step(steps, 'vectors')?.why).toContain('space of m')
    expect(step(steps, 'sessions')?.why).toContain('4 conversations')
    expect(step(steps, 'words')?.why).toContain('correction')
  })

  it('tells what narrows the search, and that a time in the question does not', () => {
    const steps = path({
      request: { filter: {}, includeArchived: true, includeInvalid: true, asOf: 'x' },
      window: { from: '2026-01-01' },
    })
    expect(steps.filter(({ channel, used }) => channel === 'filter' && used)).toHaveLength(1)
    expect(steps.filter(({ channel }) => channel === 'time').map(({ used }) => used)).toEqual([true, false])
  })

  it('says when reranking was wanted and did not happen', () => {
    const note = 'No reranker is configured.'
    expect(step(path({ request: { rerank: true }, notes: [note] }), 'rerank')).toMatchObject({ used: false, why: note })
    expect(step(path({ request: { rerank: true } }), 'rerank')?.used).toBe(true)
    expect(step(path({ request: { diversity: 0.5 } }), 'diversity')?.used).toBe(true)
  })
})
