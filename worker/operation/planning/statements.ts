import type { Message } from '../../../schemas/memories.ts'
import type { OperationReason } from '../../../schemas/reading.ts'
import { type Directive, directiveOf } from './directives.ts'
import { junkReason } from './junk-gate.ts'
import { citesMemory, recalledSpans } from './recalled-text.ts'
import { splitSentences, type TextSpan } from './split-sentences.ts'

/** A message with more sentences is a document: its paragraphs are kept whole. */
export const SENTENCES_SPLIT_MAX = 24

/** A longer sentence is kept as it is: no greeting, question or directive is so long, and patterns need an end. */
const SENTENCE_READ_LENGTH_MAX = 1000

/** One thing that a message says. */
export interface Statement extends Directive {
  message: number
  span: TextSpan
  role: Message['role']
  /** Why it is left out; null while nothing speaks against it. */
  junk: OperationReason | null
}

/** A sentence that leans on the one before: without it nobody knows who or what it means. */
const LEANS =
  /^(?:he|she|it|they|his|her|its|their|this|that|these|those|and|but|so|also|because|then|which|who|there|him|them)\b|^(?:他|她|它|这|那|而且|但是?|所以|因为|然后|并且|也)/i

/** What a message says, sentence by sentence, in order; what is no memory is named with its reason. */
export function statementsOf(message: Message, at: number): Statement[] {
  const { content, role } = message
  const recalled = recalledSpans(content)
  const found: Statement[] = []
  const add = (span: TextSpan, junk: OperationReason | null) => {
    const text = content.slice(span.start, span.end)
    const directive = role === 'user' && junk === null && isShort(text) ? directiveOf(text) : plain(text)
    found.push({ ...directive, message: at, span, role, junk: directive.kind === 'state' ? junk : null })
  }
  for (const span of recalled) add(span, 'recalled')
  for (const piece of outside(content, recalled)) {
    for (const span of unitsOf(content.slice(piece.start, piece.end)).map((unit) => shifted(unit, piece.start))) {
      const text = content.slice(span.start, span.end)
      add(span, junkOf(text, role))
    }
  }
  return joined(
    found.toSorted((a, b) => a.span.start - b.span.start),
    content,
  )
}

const plain = (content: string): Directive => ({ kind: 'state', content, query: null, semanticType: null })
const shifted = ({ start, end }: TextSpan, by: number): TextSpan => ({ start: start + by, end: end + by })

const isShort = (text: string): boolean => text.length <= SENTENCE_READ_LENGTH_MAX

function junkOf(text: string, role: Message['role']): OperationReason | null {
  if (!isShort(text) && role !== 'system') return null
  const junk = junkReason(text, role)
  // A directive in the form of a question or a request is still a directive.
  if ((junk === 'question' || junk === 'instruction') && role === 'user' && directiveOf(text).kind !== 'state')
    return null
  return junk ?? (role === 'assistant' && citesMemory(text) ? 'recalled' : null)
}

function outside(text: string, spans: readonly TextSpan[]): TextSpan[] {
  const pieces: TextSpan[] = []
  let at = 0
  for (const { start, end } of spans) {
    pieces.push({ start: at, end: start })
    at = end
  }
  pieces.push({ start: at, end: text.length })
  return pieces.filter(({ start, end }) => text.slice(start, end).trim() !== '')
}

/** Sentences of a short text, paragraphs of a long one. */
function unitsOf(text: string): TextSpan[] {
  const sentences = splitSentences(text)
  if (sentences.length <= SENTENCES_SPLIT_MAX) return sentences
  const paragraphs = [...text.matchAll(/(?:[^\n]|\n(?!\s*\n))+/g)]
  return paragraphs
    .map((match) => ({ start: match.index, end: match.index + match[0].length }))
    .filter(({ start, end }) => text.slice(start, end).trim() !== '')
}

/** Sentences that lean on the one before become one statement with it. */
function joined(statements: readonly Statement[], content: string): Statement[] {
  const out: Statement[] = []
  for (const one of statements) {
    const last = out.at(-1)
    const leans = one.kind === 'state' && one.junk === null && LEANS.test(one.content)
    if (last === undefined || !leans || last.junk !== null || last.kind === 'forget') {
      out.push(one)
      continue
    }
    const between = content.slice(last.span.end, one.span.start)
    out[out.length - 1] = {
      ...last,
      span: { start: last.span.start, end: one.span.end },
      content: `${last.content}${between}${one.content}`,
    }
  }
  return out
}
