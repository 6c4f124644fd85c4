import { describe, expect, it } from 'vitest'
import { isoOf } from '../../../schemas/common.ts'
import { FACTS_PER_CUBE_MAX } from '../../../schemas/limits.ts'
import { LABELLED_FACTS, SAID_AT_MS, UNSEEN_FACTS } from '../../../test/support/labelled-facts.ts'
import type { DraftFact, FactSource } from './contracts.ts'
import { extractFacts } from './extract-facts.ts'

/** Shares below which the rules must not fall. */
const PRECISION_MIN = 0.95
const RECALL_MIN = 0.9
const UNSEEN_PRECISION_MIN = 0.9
const UNSEEN_RECALL_MIN = 0.6

const source = (content: string, more: Partial<FactSource> = {}): FactSource => ({
  seq: 1,
  cubeId: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  content,
  title: null,
  speaker: null,
  role: 'user',
  saidAtMs: SAID_AT_MS,
  createdAtMs: SAID_AT_MS,
  ...more,
})

const dayOf = (ms: number) => isoOf(ms).slice(0, 10)
const SAID_ON = dayOf(SAID_AT_MS)

/** A fact in the form in which the sentences are labelled. */
function labelOf({ subject, predicate, object, validFromMs, validToMs }: DraftFact): string {
  const day = dayOf(validFromMs)
  const parts = [subject, predicate, object]
  if (validToMs === validFromMs) return [...parts, day === SAID_ON ? 'end' : `end ${day}`].join('|')
  if (validToMs !== null) return [...parts, day, dayOf(validToMs)].join('|')
  return (day === SAID_ON ? parts : [...parts, day]).join('|')
}
const labelsOf = (text: string, more: Partial<FactSource> = {}) => extractFacts(source(text, more)).map(labelOf)

/** Precision and recall over labelled sentences, and each sentence that was read otherwise. */
function scoreOf(sentences: typeof LABELLED_FACTS): { precision: number; recall: number; told: string } {
  const outcomes = sentences.map(([text, ...wanted]) => ({ text, wanted, found: labelsOf(text) }))
  const sum = (of: (one: (typeof outcomes)[number]) => number) => outcomes.reduce((total, one) => total + of(one), 0)
  const right = sum(({ wanted, found }) => found.filter((label) => wanted.includes(label)).length)
  const precision = right / sum(({ found }) => found.length)
  const recall = right / sum(({ wanted }) => wanted.length)
  const wrong = outcomes.filter(({ wanted, found }) => wanted.toSorted().join() !== found.toSorted().join())
  const told = [
    `${outcomes.length} sentences: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}`,
    ...wrong.map(({ text, wanted, found }) => `${text} means ${wanted.join(' & ')}; read ${found.join(' & ')}`),
  ].join('\n')
  return { precision, recall, told }
}

describe('extractFacts', () => {
  it('reads the labelled sentences with the precision and recall that are promised', async ({ annotate }) => {
    const { precision, recall, told } = scoreOf(LABELLED_FACTS)
    await annotate(told)
    expect(LABELLED_FACTS.length).toBeGreaterThanOrEqual(120)
    expect(precision, told).toBeGreaterThanOrEqual(PRECISION_MIN)
    expect(recall, told).toBeGreaterThanOrEqual(RECALL_MIN)
  })

  it('is precise on sentences that it was not adjusted to', async ({ annotate }) => {
    const { precision, recall, told } = scoreOf(UNSEEN_FACTS)
    await annotate(told)
    expect(precision, told).toBeGreaterThanOrEqual(UNSEEN_PRECISION_MIN)
    expect(recall, told).toBeGreaterThanOrEqual(UNSEEN_RECALL_MIN)
  })

  it('says what a speaker says of itself under the name of the speaker', () => {
    expect(labelsOf('I live in Oslo.', { speaker: 'Ana Maria', role: null })).toEqual(['ana maria|lives_in|Oslo'])
  })

  it.each(['assistant', 'system', 'tool'] as const)('takes nothing from the role %s', (role) => {
    expect(labelsOf('I live in Oslo.', { role })).toEqual([])
  })

  it('finds statements inside a longer text, each with its own time', () => {
    const text =
      'Hi there! I moved to Lisbon in March, and I started at Google last week. How are you? I love sardines.'
    expect(labelsOf(text)).toEqual([
      'user|lives_in|Lisbon|2026-03-01',
      'user|works_at|Google|2026-04-27',
      'user|likes|sardines',
    ])
  })

  it('names the entity of a place and none for a plain value', () => {
    const facts = extractFacts(source('I live in New York. I am 34 years old.'))
    expect(facts.map(({ objectKey }) => objectKey)).toEqual(['new york', null])
  })

  it('stays within its bound', () => {
    const text = Array.from({ length: 400 }, (_, n) => `I like game${n}.`).join('\n')
    expect(extractFacts(source(text))).toHaveLength(FACTS_PER_CUBE_MAX)
  })

  it('is quick on text made to be slow', () => {
    const texts = [
      `I live in ${'A'.repeat(20_000)}`,
      `My ${'dentist '.repeat(3000)}is`,
      'I '.repeat(10_000),
      '我'.repeat(20_000),
      `${'我喜欢'.repeat(6000)}`,
    ]
    for (const text of texts) expect(extractFacts(source(text)).length).toBeLessThanOrEqual(FACTS_PER_CUBE_MAX)
  })
})
