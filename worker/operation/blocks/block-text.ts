import type { EditBlock } from '../../../schemas/block.ts'
import { toCanonicalText } from '../../../schemas/canonical-text.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { BLOCK_PAGE_TOKENS_MAX } from '../../../schemas/limits.ts'
import { estimateTokens } from '../retrieval/tokens.ts'

/** A cube cannot be empty, so the core of a block that says nothing yet holds the block's name. */
export const coreContent = (text: string, name: string): string => (text === '' ? toCanonicalText(name) : text)
/** The text of a block: that of its core, unless this only repeats the title. */
export const blockText = (content: string | null, title: string | null): string =>
  content === null || content === title ? '' : content

/**
 * The text after an edit, without blank space around it.
 * @throws MemosError invalid_request where the text looked for does not occur once
 */
export function editedText(text: string, { op, old, new: added }: Pick<EditBlock, 'op' | 'old' | 'new'>): string {
  const fresh = toCanonicalText(added)
  switch (op) {
    case 'append':
      return joined([text, fresh])
    case 'rewrite':
      return fresh.trim()
    case 'replace': {
      const at = placeOf(text, old ?? '')
      return (text.slice(0, at.from) + fresh + text.slice(at.to)).trim()
    }
    case 'insert': {
      if (old === undefined) return joined([fresh, text])
      const { to } = placeOf(text, old)
      const lineEnd = text.indexOf('\n', to)
      return lineEnd === -1 ? joined([text, fresh]) : joined([text.slice(0, lineEnd), fresh, text.slice(lineEnd + 1)])
    }
  }
}

const joined = (parts: readonly string[]): string =>
  parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('\n')

function placeOf(text: string, old: string): { from: number; to: number } {
  const wanted = toCanonicalText(old)
  const from = text.indexOf(wanted)
  if (from === -1 || text.indexOf(wanted, from + 1) !== -1)
    throw new MemosError('invalid_request', { field: 'old', expected: 'text that occurs exactly once in the block' })
  return { from, to: from + wanted.length }
}

export interface PagedText {
  /** What stays. */
  text: string
  /** What goes, oldest first, each piece the text of a cube. */
  pages: string[]
}

/**
 * Moves the oldest lines out until the rest counts at most `tokensMax`. Lines that were there before the edit go first; the last line stays.
 * @throws MemosError invalid_request where the last line alone is too long
 */
export function pageOut(before: string, after: string, tokensMax: number): PagedText {
  if (estimateTokens(after) <= tokensMax) return { text: after, pages: [] }
  const lines = after.split('\n')
  const known = new Set(before.split('\n'))
  const last = lines.length - 1
  const movable = lines.map((_, at) => at).filter((at) => at !== last)
  const order = [
    ...movable.filter((at) => known.has(lines[at] as string)),
    ...movable.filter((at) => !known.has(lines[at] as string)),
  ]
  // Sums of rounded-up lines: never less than the whole counts.
  const costs = lines.map((line) => estimateTokens(`${line}\n`))
  let total = costs.reduce((sum, cost) => sum + cost, 0)
  const gone = new Set<number>()
  for (const at of order) {
    if (total <= tokensMax) break
    gone.add(at)
    total -= costs[at] as number
  }
  const text = joined(lines.filter((_, at) => !gone.has(at)))
  if (estimateTokens(text) > tokensMax)
    throw new MemosError('invalid_request', {
      field: 'new',
      expected: `a last line of at most ${tokensMax} estimated tokens, the size of the block`,
    })
  return { text, pages: pagesOf(lines.filter((line, at) => gone.has(at) && line.trim() !== '')) }
}

/** Neighbouring lines together, as long as a page is not full. */
function pagesOf(lines: readonly string[]): string[] {
  const pages: string[] = []
  for (const line of lines) {
    const last = pages.at(-1)
    const together = last === undefined ? '' : `${last}\n${line}`
    if (last !== undefined && estimateTokens(together) <= BLOCK_PAGE_TOKENS_MAX) pages[pages.length - 1] = together
    else pages.push(line)
  }
  return pages
}
