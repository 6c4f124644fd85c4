import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../../test/conformance/seeded-random.ts'
import type { FactLinkRow, FactRow } from '../../ports/rows.ts'
import type { FactWrite } from '../../ports/writes/facts.ts'
import { type FactChange, type PlacedFact, planFacts, SYSTEM } from './plan-facts.ts'

const NAMESPACE = 7
const MARCH = Date.UTC(2026, 2, 1)
const MAY = Date.UTC(2026, 4, 1)
const JUNE = Date.UTC(2026, 5, 1)

/** Facts and links as the statements of each decision leave them. */
class Store {
  facts: FactRow[] = []
  links: FactLinkRow[] = []
  nowMs = MAY
  writes: FactWrite[] = []

  change(change: Partial<FactChange>, by = SYSTEM): this {
    this.nowMs += 1
    const known = { facts: this.facts, links: this.links, groups: [] }
    const whole = { drafts: [], retracted: [], undone: [], ...change }
    this.writes = planFacts(whole, known, { namespaceId: NAMESPACE, nowMs: this.nowMs, by })
    for (const write of this.writes) this.#apply(write)
    return this
  }

  say(...drafts: PlacedFact[]): this {
    return this.change({ drafts })
  }

  #apply(write: FactWrite): void {
    if (write.kind === 'insert_facts') this.facts.push(...write.facts.map((fact) => ({ ...fact })))
    if (write.kind === 'link_facts') this.links.push(...write.links.map((link) => ({ ...link })))
    if (write.kind === 'end_facts')
      for (const end of write.facts) Object.assign(this.facts.find(({ id }) => id === end.id) ?? {}, end)
    if (write.kind === 'retract_facts')
      for (const fact of this.facts.filter(({ id }) => write.ids.includes(id)))
        Object.assign(fact, { retractedAtMs: write.atMs, retractedBy: write.by })
    if (write.kind === 'unlink_facts')
      for (const one of write.links)
        for (const link of this.links)
          if (
            link.undoneAtMs === null &&
            link.fromId === one.fromId &&
            link.toId === one.toId &&
            link.relation === one.relation
          )
            Object.assign(link, { undoneAtMs: write.atMs, undoneBy: write.by })
  }

  /** How long each live statement holds, by what it says. */
  picture(): string[] {
    return this.facts
      .filter(({ retractedAtMs }) => retractedAtMs === null)
      .map(({ subject, predicate, object, validFromMs, validToMs, cubeId }) =>
        [cubeId, subject, predicate, object, validFromMs, validToMs ?? 'open'].join(' '),
      )
      .sort()
  }

  /** Pairs that are linked now, by cube. */
  linked(): string[] {
    const cubeOf = (id: string) => this.facts.find((fact) => fact.id === id)?.cubeId
    return this.links
      .filter(({ undoneAtMs }) => undoneAtMs === null)
      .map(({ fromId, toId, relation }) => [cubeOf(fromId), relation, cubeOf(toId)].join(' '))
      .sort()
  }

  endOf(cubeId: string): number | null | undefined {
    return this.facts.find((fact) => fact.cubeId === cubeId)?.validToMs
  }
}

function draft(cubeId: string, object: string, validFromMs: number, more: Partial<PlacedFact> = {}): PlacedFact {
  return {
    seq: Number(cubeId.slice(1)),
    cubeId,
    subject: 'ana',
    predicate: 'lives_in',
    object,
    objectKey: object.toLowerCase(),
    validFromMs,
    validToMs: null,
    confidence: 0.9,
    source: 'rules',
    ...more,
  }
}
const over = (cubeId: string, object: string, atMs: number, more: Partial<PlacedFact> = {}) =>
  draft(cubeId, object, atMs, { validToMs: atMs, ...more })

describe('planFacts', () => {
  it('ends the earlier of two single-valued statements where the later begins, and links them', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH)).say(draft('c2', 'Rome', MAY))
    expect(store.endOf('c1')).toBe(MAY)
    expect(store.endOf('c2')).toBeNull()
    expect(store.links).toMatchObject([{ relation: 'supersedes', previousToMs: null, undoneAtMs: null }])
    expect(store.facts[0]?.supersededBy).toBe(store.facts[1]?.id)
  })

  it('puts a statement that arrives late into its place in valid time', () => {
    const store = new Store()
      .say(draft('c1', 'Oslo', MARCH))
      .say(draft('c3', 'Paris', JUNE))
      .say(draft('c2', 'Rome', MAY))
    expect([store.endOf('c1'), store.endOf('c2'), store.endOf('c3')]).toEqual([MAY, JUNE, null])
    expect(store.linked()).toEqual(['c2 supersedes c1', 'c3 supersedes c2'])
    expect(store.links.find(({ undoneAtMs }) => undoneAtMs !== null)?.undoneBy).toBe(SYSTEM)
  })

  it('takes the same value again as a confirmation that ends nothing', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH)).say(draft('c2', 'oslo ', MAY))
    expect([store.endOf('c1'), store.endOf('c2')]).toEqual([null, null])
    expect(store.links).toEqual([])
  })

  it('links two values for one moment as a contradiction and ends neither', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH)).say(draft('c2', 'Rome', MARCH))
    expect([store.endOf('c1'), store.endOf('c2')]).toEqual([null, null])
    expect(store.links.map(({ relation }) => relation)).toEqual(['contradicts'])
  })

  it('lets multi-valued statements stand beside each other until one is said to be over', () => {
    const pets = { predicate: 'has_pet' }
    const store = new Store().say(draft('c1', 'cat', MARCH, pets)).say(draft('c2', 'dog', MAY, pets))
    expect([store.endOf('c1'), store.endOf('c2')]).toEqual([null, null])
    store.say(over('c3', 'cat', JUNE, pets))
    expect([store.endOf('c1'), store.endOf('c2')]).toEqual([JUNE, null])
  })

  it('ends what held where a statement says that it is over, and nothing else', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH)).say(over('c2', 'Rome', MAY))
    expect(store.endOf('c1')).toBeNull()
    store.say(over('c3', 'Oslo', JUNE))
    expect(store.endOf('c1')).toBe(JUNE)
    const work = { predicate: 'works_at' }
    store.say(draft('c4', 'Acme', MARCH, work)).say(over('c5', '', MAY, work))
    expect(store.endOf('c4')).toBe(MAY)
  })

  it('lets dislike end like of the same thing only', () => {
    const store = new Store().say(
      draft('c1', 'jazz', MARCH, { predicate: 'likes' }),
      draft('c2', 'tea', MARCH, { predicate: 'likes' }),
    )
    store.say(draft('c3', 'jazz', MAY, { predicate: 'dislikes' }))
    expect([store.endOf('c1'), store.endOf('c2')]).toEqual([MAY, null])
  })

  it('keeps other subjects and predicates apart', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH))
    store.say(draft('c2', 'Rome', MAY, { subject: 'bo' }), draft('c3', 'Rome', MAY, { predicate: 'works_at' }))
    expect(store.endOf('c1')).toBeNull()
    expect(store.links).toEqual([])
  })

  it('gives back the end of before when a supersession is undone, for good', () => {
    const until = Date.UTC(2026, 11, 1)
    const store = new Store().say(draft('c1', 'Oslo', MARCH, { validToMs: until })).say(draft('c2', 'Rome', MAY))
    expect(store.links[0]?.previousToMs).toBe(until)
    store.change({ undone: store.links.map((link) => ({ ...link })) }, 'key')
    expect(store.endOf('c1')).toBe(until)
    expect(store.links).toMatchObject([{ undoneBy: 'key' }])
    store.say(draft('c3', 'Rome', JUNE))
    expect(store.linked()).toEqual(['c3 supersedes c1'])
    expect(store.endOf('c1')).toBe(JUNE)
  })

  it('leaves alone what a model linked, until a caller takes it apart', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH), draft('c2', 'steak', MARCH, { predicate: 'likes' }))
    const [fromId = '', toId = ''] = store.facts.map(({ id }) => id)
    const link = { fromId, toId, relation: 'contradicts' as const }
    const made = { namespaceId: NAMESPACE, previousToMs: null, createdBy: 'model:m', createdAtMs: 1 }
    store.links.push({ ...link, ...made, undoneAtMs: null, undoneBy: null })
    store.say(draft('c3', 'Rome', MAY))
    expect(store.linked()).toEqual(['c1 contradicts c2', 'c3 supersedes c1'])
    store.change({ undone: [link] }, 'key')
    expect(store.linked()).toEqual(['c3 supersedes c1'])
  })

  it('reopens what a retracted statement had ended', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH)).say(draft('c2', 'Rome', MAY))
    store.change({ retracted: [store.facts[1]?.id ?? ''] }, 'key')
    expect(store.endOf('c1')).toBeNull()
    expect(store.facts[1]).toMatchObject({ retractedBy: 'key' })
  })

  it('finds its facts again when a cube is read twice, and does not bring back what a caller retracted', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH))
    expect(store.say(draft('c1', 'Oslo', MARCH)).writes).toEqual([])
    store.change({ retracted: [store.facts[0]?.id ?? ''] }, 'key')
    expect(store.say(draft('c1', 'Oslo', MARCH)).writes).toEqual([])
    expect(store.say(draft('c1', 'Oslo', MARCH, { source: 'caller' })).facts).toHaveLength(2)
  })

  it('takes a statement in again that a revision had dropped', () => {
    const store = new Store().say(draft('c1', 'Oslo', MARCH))
    store.change({ retracted: [store.facts[0]?.id ?? ''] })
    store.say(draft('c1', 'Oslo', MARCH))
    expect(store.picture()).toHaveLength(1)
    expect(store.say(draft('c1', 'Oslo', MARCH)).writes).toEqual([])
  })

  const seed = startSeed()
  it(`ends in the same picture whatever the order of arrival (SEED=${seed})`, () => {
    const random = seededRandom(seed)
    const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T
    for (let round = 0; round < 200; round++) {
      const statements = Array.from({ length: 2 + random(10) }, (_, n) => {
        const fromMs = MARCH + random(6) * 86_400_000
        const predicate = pick(['lives_in', 'lives_in', 'likes', 'dislikes', 'has_pet'])
        const make = random(4) === 0 ? over : draft
        const until = random(5) === 0 && make === draft ? { validToMs: fromMs + (1 + random(4)) * 86_400_000 } : {}
        return make(`c${n + 1}`, pick(['A', 'B', 'C']), fromMs, { predicate, subject: pick(['ana', 'bo']), ...until })
      })
      const inOrder = statements.reduce((store, statement) => store.say(statement), new Store())
      const shuffled = statements.map((one) => ({ one, at: random(1000) })).sort((a, b) => a.at - b.at)
      const again = shuffled.reduce((store, { one }) => store.say(one), new Store())
      const atOnce = new Store().say(...statements)
      expect(again.picture()).toEqual(inOrder.picture())
      expect(again.linked()).toEqual(inOrder.linked())
      expect(atOnce.picture()).toEqual(inOrder.picture())
      expect(atOnce.linked()).toEqual(inOrder.linked())
    }
  })
})
