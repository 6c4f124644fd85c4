import { Template } from '@huggingface/jinja'
import { Tokenizer } from '@huggingface/tokenizers'
import { NodeError } from '../node-error.ts'
import type { TokenizerConfig } from './model-parts.ts'
import type { ChatMessage, TextTokenizer } from './text-tokenizer.ts'

export interface TokenizerParts {
  /** `tokenizer.json` and `tokenizer_config.json`, parsed. */
  tokenizerJson: unknown
  tokenizerConfig: TokenizerConfig
  /** Jinja; null for a model that does not converse. */
  chatTemplate: string | null
}

/** A tokenizer in the files of the Hugging Face hub. @throws NodeError `invalid_input` if they cannot be used */
export class HubTokenizer implements TextTokenizer {
  readonly stopIds: ReadonlySet<number>
  readonly #tokenizer: Tokenizer
  readonly #template: Template | null
  readonly #words: Readonly<Record<string, string>>
  /** Names of added tokens; the longest first. */
  readonly #added: readonly string[]

  constructor({ tokenizerJson, tokenizerConfig, chatTemplate }: TokenizerParts) {
    try {
      this.#tokenizer = new Tokenizer(tokenizerJson as object, tokenizerConfig)
      this.#template = chatTemplate === null ? null : new Template(chatTemplate)
    } catch (error) {
      throw new NodeError('invalid_input', `tokenizer: ${(error as Error).message}`, { cause: error })
    }
    this.#words = specialWords(tokenizerConfig)
    const added = [...this.#tokenizer.get_added_tokens_decoder().values()].map(({ content }) => content)
    this.#added = added.filter((word) => word.length > 1).toSorted((a, b) => b.length - a.length)
    const stop = [this.#words.eos_token, '<|im_end|>', '<|eot_id|>', '<|end|>']
    const ids = stop.map((word) => (word === undefined ? undefined : this.#tokenizer.token_to_id(word)))
    this.stopIds = new Set(ids.filter((id) => id !== undefined))
  }

  encode(text: string): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: false }).ids
  }

  decode(ids: readonly number[]): string {
    return ids.length === 0 ? '' : this.#tokenizer.decode([...ids], { skip_special_tokens: true })
  }

  plain(text: string): string {
    let plain = text
    for (const word of this.#added) plain = plain.replaceAll(word, `${word.slice(0, 1)} ${word.slice(1)}`)
    return plain
  }

  chat(messages: readonly ChatMessage[], { memory = [] }: { memory?: readonly string[] } = {}): number[] {
    if (!this.#template) throw new NodeError('invalid_input', 'the model has no chat template')
    if (!messages.every(({ role }) => /^[a-z]+$/.test(role)))
      throw new NodeError('invalid_input', 'expected roles of small letters')
    const values = {
      ...this.#words,
      messages: messages.map(({ role, content }) => ({ role, content: this.plain(content) })),
      memory: memory.map((entry) => this.plain(entry)),
      add_generation_prompt: true,
    }
    try {
      return this.encode(this.#template.render(values))
    } catch (error) {
      throw new NodeError('invalid_input', `chat template: ${(error as Error).message}`, { cause: error })
    }
  }
}

/** `bos_token` and its like, as text or as an object with the text in it. */
function specialWords(config: TokenizerConfig): Record<string, string> {
  const words: Record<string, string> = {}
  for (const [name, value] of Object.entries(config)) {
    const word = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value
    if (name.endsWith('_token') && typeof word === 'string') words[name] = word
  }
  return words
}
