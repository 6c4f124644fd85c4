export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

export interface CompletionOptions {
  /** JSON Schema that the answer is asked to follow. A model may ignore it: whoever asked validates. */
  schema?: { name: string; schema: Record<string, unknown> }
  maxTokens: number
  signal: AbortSignal
}

/** A model that answers messages with text. What it answers is data of unknown truth: it is validated, and never followed. */
export interface LanguageModel {
  readonly model: string
  /** Text of the answer. @throws LanguageModelError when there is none in time, or none that is whole */
  complete(messages: readonly ChatMessage[], options: CompletionOptions): Promise<string>
  /** Told what became of each question, so that a failure behind which the rules stand does not go unseen. */
  report?(outcome: ModelOutcome): void
}

/** What became of one question; carries no text of it. */
export type ModelOutcome = {
  /** Name of the form that was asked for; `text` for plain text. */
  form: string
} & (
  | { failure: LanguageModelFailure | null }
  /** Parts of an answer that were not used, because nothing that the model was shown says so. */
  | { dropped: number }
)

export const LANGUAGE_MODEL_FAILURES = [
  'unavailable',
  'rejected',
  'rate_limited',
  'timeout',
  'refused',
  'cut_off',
  'too_large',
  'malformed',
] as const
export type LanguageModelFailure = (typeof LANGUAGE_MODEL_FAILURES)[number]

/** Why a model gave no answer; carries no text of the prompt or of the answer. */
export class LanguageModelError extends Error {
  override name = 'LanguageModelError'
  readonly reason: LanguageModelFailure

  constructor(reason: LanguageModelFailure, options?: ErrorOptions) {
    super(`the language model gave no answer: ${reason}`, options)
    this.reason = reason
  }
}
