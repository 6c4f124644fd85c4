import { CONTEXT_HEADER } from '../retrieval/context.ts'
import type { TextSpan } from './split-sentences.ts'

/** A line of a context pack: `[3] 2025-03-05 (newest) Ana: text`. */
const ENTRY = /^\[\d{1,3}\](?: \d{4}-\d{2}-\d{2})?(?: \([a-z ,]+\))?(?: .{0,80}?)?: /
/** The same with a date, which nobody types by hand in this form. */
const DATED_ENTRY = /^\[\d{1,3}\] \d{4}-\d{2}-\d{2}/
/** A sentence that cites a pack: what it tells is remembered already. */
const CITES = /\[\d{1,3}\](?:\[\d{1,3}\])*[.!?。！？]?$/
/** The part of the header that stays the same when its wording is tuned. */
const HEADER_START = CONTEXT_HEADER.slice(0, CONTEXT_HEADER.indexOf(','))

/**
 * Where a text repeats what came out of memory: the header of a context pack and its entries. Memory that is stored again as if it were new
 * grows without end, and loses who said it when.
 */
export function recalledSpans(text: string): TextSpan[] {
  const spans: TextSpan[] = []
  let inPack = false
  let start = 0
  for (const line of text.split('\n')) {
    const isHeader = line.includes(HEADER_START)
    const isEntry: boolean = DATED_ENTRY.test(line) || (inPack && ENTRY.test(line))
    inPack = isHeader || isEntry
    if (inPack) spans.push({ start: isHeader ? start + line.indexOf(HEADER_START) : start, end: start + line.length })
    start += line.length + 1
  }
  return spans
}

/** Whether an assistant's sentence cites a context pack. */
export const citesMemory = (sentence: string): boolean => CITES.test(sentence.trim())
