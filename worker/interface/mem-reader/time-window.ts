import type { TimePhrase, TimeWindow } from './calendar.ts'
import { chineseTimes } from './chinese-times.ts'
import { englishTimes } from './english-times.ts'

export type { TimeWindow } from './calendar.ts'

const OPEN: TimeWindow = { fromMs: null, toMs: null }

const SINCE = /(?:\b(?:ever )?since(?: the| last)?|\bstarting(?: from| in| on)?|自从?|从)\s*$/i
const AFTER = /\bafter(?: the)?\s*$/i
const BEFORE = /\b(?:before|prior to|earlier than)(?: the)?\s*$/i
const UNTIL = /\b(?:until|till|up to|by|through)(?: the end of| the)?\s*$/i
const BETWEEN = /\b(?:between|from)(?: the)?\s*$|从\s*$/i
const AND = /^\s*(?:and|to|until|till|through|[-–—]|到|至|和)\s*(?:the )?$/i
const ONWARDS = /^\s*(?:onwards?\b|and later|(?:to|until|till) (?:now|date)\b)/i
const SINCE_BEHIND = /^(?:以来|至今|到现在|起(?!码)|开始)/
const AFTER_BEHIND = /^(?:之后|以后)/
const BEFORE_BEHIND = /^(?:之前|以前)/
const UNTIL_BEHIND = /^为止/

/** Phrases of time in a text, in either language. */
export const timePhrases = (text: string, nowMs: number): TimePhrase[] =>
  [...englishTimes(text, nowMs), ...chineseTimes(text, nowMs)].toSorted((a, b) => a.start - b.start)

/**
 * The window of time that a prompt names, in UTC; open where it names none. `since`, `before`, `from … to …` join phrases; of several phrases
 * that nothing joins, the window spans all.
 */
export function timeWindow(prompt: string, nowMs: number): TimeWindow {
  const phrases = timePhrases(prompt, nowMs)
  const [first, second] = phrases
  if (first === undefined) return OPEN
  const before = prompt.slice(0, first.start)
  if (
    second !== undefined &&
    AND.test(prompt.slice(first.end, second.start).replace(/\s+$/, ' ')) &&
    isRange(before, prompt, first, second)
  )
    return range(prompt, nowMs, first, second)
  if (second !== undefined) return spanning(phrases)
  return bounded(first, before, prompt.slice(first.end))
}

const isRange = (before: string, prompt: string, first: TimePhrase, second: TimePhrase): boolean =>
  BETWEEN.test(before) || !/\band\b|和/i.test(prompt.slice(first.end, second.start))

function bounded({ span }: TimePhrase, before: string, behind: string): TimeWindow {
  if (SINCE_BEHIND.test(behind) || SINCE.test(before) || ONWARDS.test(behind))
    return { fromMs: span.fromMs, toMs: null }
  if (AFTER.test(before) || AFTER_BEHIND.test(behind)) return { fromMs: span.toMs, toMs: null }
  if (BEFORE.test(before) || BEFORE_BEHIND.test(behind)) return { fromMs: null, toMs: span.fromMs }
  if (UNTIL.test(before) || UNTIL_BEHIND.test(behind)) return { fromMs: null, toMs: span.toMs }
  return span
}

/** From one phrase to the other. One that is less exact than the end is meant as seen from the end: `between March and May 2025`. */
function range(prompt: string, nowMs: number, first: TimePhrase, second: TimePhrase): TimeWindow {
  const { toMs } = second.span
  if (first.span.fromMs < toMs) return { fromMs: first.span.fromMs, toMs }
  const again = timePhrases(prompt.slice(0, first.end), Math.min(toMs - 1, nowMs)).find(
    ({ start }) => start === first.start,
  )
  const fromMs = again?.span.fromMs ?? first.span.fromMs
  return fromMs < toMs ? { fromMs, toMs } : spanning([first, second])
}

const spanning = (phrases: readonly TimePhrase[]): TimeWindow => ({
  fromMs: Math.min(...phrases.map(({ span }) => span.fromMs)),
  toMs: Math.max(...phrases.map(({ span }) => span.toMs)),
})
