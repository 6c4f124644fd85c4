import { FORGET_TARGETS_MAX } from '../../../schemas/limits.ts'
import type { MemoryOperation, OperationReason } from '../../../schemas/reading.ts'
import { overlapOf } from '../lifecycle/says-the-same.ts'
import { agrees, type Claim, claimsOf, contradicts } from './claims.ts'
import { isContained, isEqual, isSame, type Wording, wordingOf } from './sameness.ts'
import type { SimilarMemory } from './similar-memories.ts'
import { splitSentences } from './split-sentences.ts'
import type { Statement } from './statements.ts'

/** What is to be forgotten must hold this much of the words that name it: a loss cannot be undone. */
export const FORGET_COVERAGE_MIN = 0.7
/** A correction finds what it corrects by this much of its words. */
export const CORRECT_COVERAGE_MIN = 0.5
/** A change is one of a memory that shares this much of all words with it: `we moved the sofa` does not end what is said of its colour. */
const CHANGED_OVERLAP_MIN = 0.5
/** A memory is rewritten by a statement of which it is this much: a common phrase inside a long one is no detail of it. */
const DETAIL_SHARE_MIN = 0.4
/** A reference finds what it refers to by this much. */
export const REFER_COVERAGE_MIN = 0.6

/** Words that say that something is no longer as it was. */
const CHANGED =
  /\b(?:no longer|not .{1,40} any ?more|any ?more|used to|now|switched|changed|moved|instead|quit|stopped|became)\b|不再|已经不|现在|换成?|改成?|搬到?|不是.+了|戒了/i

/** Who and when of a statement. */
export interface Spoken {
  speaker: string | null
  saidAtMs: number
}

/** A statement with what is compared of it. */
export interface Candidate extends Statement, Spoken {
  wording: Wording
  claims: readonly Claim[]
}

export interface Decision {
  op: MemoryOperation['op']
  reason: OperationReason
  target: SimilarMemory | null
  /** Text of the target after an update. */
  updated?: string
  /** Until when the statement held: it was said before what is known. */
  validToMs?: number
}

export const candidateOf = (statement: Statement, spoken: Spoken): Candidate => ({
  ...statement,
  ...spoken,
  wording: wordingOf(statement.content),
  // An assistant's "I" is nobody whose facts are kept.
  claims: statement.role === 'user' ? claimsOf({ content: statement.content, ...spoken }) : [],
})

const skip = (reason: OperationReason, target: SimilarMemory | null = null): Decision => ({
  op: 'skip',
  reason,
  target,
})

/** What is done with a statement, given the memories that share its words, best first. */
export function decide(candidate: Candidate, similar: readonly SimilarMemory[], nowMs: number): Decision {
  const current = similar.filter(({ full: { cube } }) => cube.validToMs === null || cube.validToMs > nowMs)
  const known = knownAlready(candidate, current)
  if (known !== null) return known
  // Only those who are remembered change what is remembered of them: what an assistant or a tool says stands beside it.
  const changed =
    candidate.role === 'user'
      ? (contradicted(candidate, current) ?? corrected(candidate, current) ?? detailed(candidate, current))
      : null
  if (changed !== null) return changed
  if (candidate.kind === 'refer') {
    const target = current.find(({ coverage }) => coverage >= REFER_COVERAGE_MIN)
    if (target !== undefined) return { op: 'link', reason: 'refers_to', target }
  }
  return { op: 'add', reason: candidate.kind === 'remember' ? 'asked_to_remember' : 'statement', target: null }
}

/** Deletions that a request to forget means. */
export function decideForget(similar: readonly SimilarMemory[]): Decision[] {
  const meant = similar.filter(({ coverage }) => coverage >= FORGET_COVERAGE_MIN)
  if (meant.length === 0) return [skip('no_target')]
  if (meant.length > FORGET_TARGETS_MAX) return [skip('too_many_targets')]
  return meant.map((target) => ({ op: 'forget', reason: 'asked_to_forget', target }))
}

function knownAlready(
  { wording, claims, speaker, content }: Candidate,
  similar: readonly SimilarMemory[],
): Decision | null {
  const isLong = splitSentences(content).length > 1
  for (const one of similar) {
    if (!isSameSpeaker(one, speaker)) continue
    const text = one.full.content ?? ''
    const sentences = splitSentences(text).map(({ start, end }) => wordingOf(text.slice(start, end)))
    const whole = wordingOf(text)
    if (isEqual(wording, whole) || sentences.some((sentence) => isEqual(wording, sentence)))
      return skip('duplicate', one)
    // One sentence is looked for in single ones: words strewn over a long text say something else there.
    const places = isLong ? [whole] : sentences
    if (isSame(wording, whole) || places.some((place) => isContained(wording, place)))
      return skip('near_duplicate', one)
    if (agrees(claims, claimsOfMemory(one)) && isAbout(wording, whole)) return skip('near_duplicate', one)
  }
  return null
}

/** Claims agree on what they are about only; the words must be those of a statement about as long. */
const isAbout = (a: Wording, b: Wording): boolean => Math.abs(a.gist.terms.size - b.gist.terms.size) <= 1

const claimsOfMemory = ({ full: { cube, content } }: SimilarMemory): Claim[] =>
  cube.role === 'assistant' || cube.role === 'tool'
    ? []
    : claimsOf({ content: content ?? '', speaker: cube.speaker, saidAtMs: cube.saidAtMs })

/** Speakers differ only where both are known: "I live in Rome" of two persons is no duplicate. */
const isSameSpeaker = ({ full: { cube } }: SimilarMemory, speaker: string | null): boolean =>
  cube.speaker === null || speaker === null || cube.speaker === speaker

/** A memory that says something else of the same attribute ends; one that says more than that is rewritten in that sentence only. */
function contradicted(candidate: Candidate, similar: readonly SimilarMemory[]): Decision | null {
  for (const target of similar) {
    const { cube, content } = target.full
    if (!isSameSpeaker(target, candidate.speaker) || !contradicts(candidate.claims, claimsOfMemory(target))) continue
    if (candidate.saidAtMs < cube.saidAtMs)
      return { op: 'add', reason: 'same_attribute', target, validToMs: cube.saidAtMs }
    const reason =
      candidate.kind === 'correct' ? 'correction' : CHANGED.test(candidate.content) ? 'changed_state' : 'same_attribute'
    const updated = withSentence(content ?? '', candidate, cube.speaker)
    return updated === null ? { op: 'supersede', reason, target } : { op: 'update', reason, target, updated }
  }
  return null
}

/** A text of several sentences with the contradicted one replaced; null where it has only that one, or none alone is contradicted. */
function withSentence(text: string, candidate: Candidate, speaker: string | null): string | null {
  const sentences = splitSentences(text)
  if (sentences.length < 2) return null
  const at = sentences.find(({ start, end }) =>
    contradicts(candidate.claims, claimsOf({ content: text.slice(start, end), speaker, saidAtMs: candidate.saidAtMs })),
  )
  return at === undefined ? null : `${text.slice(0, at.start)}${candidate.content}${text.slice(at.end)}`
}

/** What a correction or a change names by its words, where no attribute tells. */
function corrected(candidate: Candidate, similar: readonly SimilarMemory[]): Decision | null {
  const isCorrection = candidate.kind === 'correct'
  if (!isCorrection && !(candidate.kind === 'state' && CHANGED.test(candidate.content))) return null
  const target = similar.find(
    (one) =>
      one.coverage >= CORRECT_COVERAGE_MIN &&
      (isCorrection || overlapOf(one.terms, candidate.wording.gist.terms) >= CHANGED_OVERLAP_MIN) &&
      isSameSpeaker(one, candidate.speaker) &&
      one.full.cube.saidAtMs <= candidate.saidAtMs &&
      splitSentences(one.full.content ?? '').length === 1,
  )
  if (target === undefined) return null
  return { op: 'supersede', reason: isCorrection ? 'correction' : 'changed_state', target }
}

/** A memory that the statement contains and adds to. */
function detailed(candidate: Candidate, similar: readonly SimilarMemory[]): Decision | null {
  const target = similar.find(
    (one) =>
      isSameSpeaker(one, candidate.speaker) &&
      one.full.cube.saidAtMs <= candidate.saidAtMs &&
      one.terms.size >= DETAIL_SHARE_MIN * candidate.wording.gist.terms.size &&
      isContained(wordingOf(one.full.content ?? ''), candidate.wording),
  )
  return target === undefined ? null : { op: 'update', reason: 'adds_detail', target, updated: candidate.content }
}
