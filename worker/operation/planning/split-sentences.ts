/** A piece of a text and where it stands, in UTF-16 units; `end` is exclusive. */
export interface TextSpan {
  start: number
  end: number
}

const FENCE = /```[^\n]*\n?[\s\S]*?(?:```|$)/g
/** Ends of sentences: full-width marks always, others before a blank unless an abbreviation or an initial stands before them. */
const END = /[。！？]+[”」』"）]*|(?<!\b(?:Dr|Mr|Mrs|Ms|Prof|St|vs|etc|e\.g|i\.e|[A-Z]))[.!?]+["”’)]*(?=\s|$)|\n+/g

/** Sentences of a text in their order; a block of code counts as one. Blank ones are left out. */
export function splitSentences(text: string): TextSpan[] {
  const spans: TextSpan[] = []
  let at = 0
  for (const fence of text.matchAll(FENCE)) {
    spans.push(...plainSentences(text, at, fence.index))
    spans.push({ start: fence.index, end: fence.index + fence[0].length })
    at = fence.index + fence[0].length
  }
  spans.push(...plainSentences(text, at, text.length))
  return spans.map((span) => trimmed(text, span)).filter(({ start, end }) => start < end)
}

function plainSentences(text: string, from: number, to: number): TextSpan[] {
  const spans: TextSpan[] = []
  let start = from
  for (const end of text.slice(from, to).matchAll(END)) {
    const stop = from + end.index + end[0].length
    spans.push({ start, end: stop })
    start = stop
  }
  spans.push({ start, end: to })
  return spans
}

function trimmed(text: string, { start, end }: TextSpan): TextSpan {
  const piece = text.slice(start, end)
  const lead = piece.length - piece.trimStart().length
  return { start: start + lead, end: start + lead + piece.trim().length }
}
