import type { ChatMessage, TextTokenizer } from '../model/text-tokenizer.ts'
import { NodeError } from '../node-error.ts'

/** What a chat template puts around memory. */
export interface MemoryFrame {
  /** In front of the first entry: `<bos><|memory|>`. */
  prefixIds: readonly number[]
  /** Behind the last entry, with the whole conversation. */
  tailIds: readonly number[]
}

/** Two texts whose tokens differ from the first one on. */
const WITNESSES = ['a', '7'] as const

/**
 * Finds the frame by what two prompts with different memory have in common, so it holds for every template that puts entries in one place.
 * @throws NodeError `invalid_input` for a template without a place for memory
 */
export function memoryFrame(tokenizer: TextTokenizer, messages: readonly ChatMessage[]): MemoryFrame {
  const [a, b] = WITNESSES.map((entry) => tokenizer.chat(messages, { memory: [entry] })) as [number[], number[]]
  const prefix = commonStart(a, b)
  if (prefix === a.length || prefix === b.length)
    throw new NodeError('invalid_input', 'the chat template has no place for memory')
  const behind = commonStart(a.slice(prefix).toReversed(), b.slice(prefix).toReversed())
  return { prefixIds: a.slice(0, prefix), tailIds: a.slice(a.length - behind) }
}

/** Tokens of one memory. Names of special tokens in it are broken up: memory is text of others. */
export const entryIds = (tokenizer: TextTokenizer, text: string): number[] => tokenizer.encode(tokenizer.plain(text))

function commonStart(a: readonly number[], b: readonly number[]): number {
  const end = a.findIndex((id, at) => id !== b[at])
  return end < 0 ? a.length : end
}
