import { isoOf } from '../../../schemas/common.ts'
import { entityKey } from '../../../schemas/entity-key.ts'
import { FACTS_PER_CUBE_MAX } from '../../../schemas/limits.ts'
import type { DraftFact, FactSource } from './contracts.ts'
import { type Clause, clausesOf } from './fact-clauses.ts'
import { dateMs } from './fact-dates.ts'
import type { FactPattern, Groups } from './fact-pattern.ts'
import { CHINESE_PATTERNS } from './fact-patterns-chinese.ts'
import { ENGLISH_PATTERNS } from './fact-patterns-english.ts'

/** Text that is read for facts, UTF-16 units. */
const TEXT_LENGTH_MAX = 20_000
const OWN_CONFIDENCE = 0.9
const OTHERS_CONFIDENCE = 0.75
/** Who speaks where nobody is named. */
const UNNAMED = 'user'

const FIRST_PERSON = /^(?:i|we|my|our|我|我们|我的|我们的)$/iu
/** Words that open a clause with a capital and name nobody. */
const NO_NAME =
  /^(?:the|this|that|these|those|it|he|she|they|you|who|there|here|what|everyone|nobody|anyone|people|one|your|his|her|their|its|some|all|most|many|if|when|please|thanks|dear|new|old|next|last|every|each|no|not)\b/i
/** Objects that say nothing outside of their sentence. */
const NO_OBJECT =
  /^(?:it|that|this|them|him|her|you|these|those|what|how|when|where|who|the way|the idea|the fact|your|his|their|my|our|its|to be|being|everything|nothing|something|anything|all|both|neither|each other|there|here|one|some|many|more|less|so|as|if|not|working with you|it when|an? (?:lot|bit|new|good))\b/iu
/** "The idea", "option 2": what it is stands somewhere else. */
const DEICTIC =
  /^the \p{Ll}|\b(?:idea|plan|option|suggestion|approach|version|sound|question|answer|draft|design|format|outline|structure|proposal|concept|part|rest|first|second|two|latter|former)s?\b/u
const OBJECT_WORDS_MAX = 7
const TASTES: ReadonlySet<string> = new Set(['likes', 'dislikes', 'prefers'])

/**
 * Statements of fact in the text of one cube, by rules for English and Chinese: first and third person, present and past, with the time that
 * the text names, else when it was said. Precision before recall: what an assistant, a system or a tool said, questions, conditions and
 * wishes state nothing.
 */
export function extractFacts(source: FactSource): DraftFact[] {
  if (source.role !== null && source.role !== 'user') return []
  const self = entityKey(source.speaker ?? '') || UNNAMED
  const found = new Map<string, DraftFact>()
  for (const clause of clausesOf(source.content.slice(0, TEXT_LENGTH_MAX), source.saidAtMs))
    for (const fact of factsOf(clause, self, source.saidAtMs)) {
      const { subject, predicate, object, validFromMs, validToMs } = fact
      found.set(JSON.stringify([subject, predicate, object, validFromMs, validToMs]), fact)
      if (found.size === FACTS_PER_CUBE_MAX) return [...found.values()]
    }
  return [...found.values()]
}

function factsOf(clause: Clause, self: string, saidAtMs: number): DraftFact[] {
  for (const pattern of clause.isChinese ? CHINESE_PATTERNS : ENGLISH_PATTERNS) {
    if (pattern.needsOver === true && !clause.isOver) continue
    const groups = pattern.match.exec(pattern.isDated === true ? clause.raw : clause.bare)?.groups
    if (groups === undefined) continue
    const facts = factsOfMatch(pattern, groups, clause, { self, saidAtMs })
    if (facts.length > 0) return facts
  }
  return []
}

interface Speaking {
  self: string
  saidAtMs: number
}

function factsOfMatch(pattern: FactPattern, groups: Groups, clause: Clause, { self, saidAtMs }: Speaking): DraftFact[] {
  const subject = subjectOf(pattern, groups, self)
  const object = objectOf(pattern, groups, saidAtMs)
  if (subject === '' || object === null) return []
  const predicate = typeof pattern.predicate === 'string' ? pattern.predicate : pattern.predicate(groups)
  const { fromMs, toMs, atMs } = pattern.isDated === true ? { fromMs: null, toMs: null, atMs: null } : clause.time
  const saysEnd = pattern.says === 'ends' || clause.isOver
  const make = (name: string, value: string, validFromMs: number, validToMs: number | null): DraftFact => ({
    ...{ subject, predicate: name, object: value, validFromMs, validToMs, source: 'rules' },
    objectKey: pattern.isEntity === true && value !== '' ? entityKey(value) : null,
    confidence: subject === self ? OWN_CONFIDENCE : OTHERS_CONFIDENCE,
  })
  if (saysEnd && (fromMs === null || toMs === null || fromMs >= toMs)) {
    const endMs = toMs ?? fromMs ?? atMs ?? saidAtMs
    return [make(predicate, object, endMs, endMs)]
  }
  const startMs = fromMs ?? atMs ?? saidAtMs
  const facts = [make(predicate, object, startMs, toMs !== null && toMs > startMs ? toMs : null)]
  if (groups.p !== undefined) facts.push(make(predicate, clean(groups.p), startMs, startMs))
  if (groups.j !== undefined) facts.push({ ...make('job', clean(groups.j), startMs, null), objectKey: null })
  return facts
}

function subjectOf(pattern: FactPattern, groups: Groups, self: string): string {
  const { s = '' } = groups
  const named = pattern.subject?.(groups, self) ?? s
  if (FIRST_PERSON.test(named)) return self
  const own = /^(?:my|our) (.+?)(?:'s)?$/i.exec(named)
  if (own !== null) {
    const name = /\p{Lu}[\p{L}'-]+(?: \p{Lu}[\p{L}'-]+)*$/u.exec(own[1] ?? '')?.[0]
    return entityKey(name ?? `${self}'s ${own[1]}`)
  }
  const relation = /^我(?:的)?(\p{Script=Han}+)$/u.exec(named)
  if (relation !== null) return entityKey(`${self}的${relation[1]}`)
  return pattern.subject === undefined && NO_NAME.test(named) ? '' : entityKey(named)
}

/** The object as it is kept; null for one that must not be. */
function objectOf(pattern: FactPattern, groups: Groups, saidAtMs: number): string | null {
  const { object = ({ o }: Groups) => o ?? '', says, refuse } = pattern
  const words = (typeof object === 'string' ? object : object(groups)).trim()
  const value = clean(words)
  if (pattern.isDated === true) return datedObject(pattern, value, saidAtMs)
  if (value === '') return says === 'ends' && object === '' ? '' : null
  if (
    NO_OBJECT.test(words) ||
    (TASTES.has(String(pattern.predicate)) && DEICTIC.test(words)) ||
    refuse?.test(value) === true ||
    value.split(' ').length > OBJECT_WORDS_MAX
  )
    return null
  return value
}

/** A day of the calendar as ISO 8601 where the words tell it; a birthday keeps its words, for it may have no year. */
function datedObject({ predicate, says }: FactPattern, value: string, saidAtMs: number): string | null {
  if (value === '') return says === 'ends' ? '' : null
  if (predicate === 'birthday') return value
  const ms = dateMs(value, saidAtMs, 'future')
  return ms === null ? null : isoOf(ms).slice(0, 10)
}

const clean = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/^[\s,.'-]+|[\s,.'-]+$/g, '')
    .replace(/^(?:the|an?) /i, '')
    .trim()
