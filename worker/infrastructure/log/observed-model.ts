import type { ChatMessage, CompletionOptions, LanguageModel, ModelOutcome } from '../../ports/language-model.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Metrics } from './metrics.ts'

/**
 * A language model whose failures are counted and logged. What a failure costs is decided where the model is asked, and that is nothing but its
 * answer: the rules stand, tasks succeed, and nobody would notice a key that ran out. Carries no text of questions or answers.
 */
export class ObservedModel implements LanguageModel {
  readonly model: string
  readonly #inner: LanguageModel
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor({ model, logger, metrics }: { model: LanguageModel; logger: Logger; metrics: Metrics }) {
    this.model = model.model
    this.#inner = model
    this.#logger = logger
    this.#metrics = metrics
  }

  complete(messages: readonly ChatMessage[], options: CompletionOptions): Promise<string> {
    return this.#inner.complete(messages, options)
  }

  report(outcome: ModelOutcome): void {
    const { form } = outcome
    if ('dropped' in outcome) {
      this.#metrics.count('memos_language_model_dropped_total', DROPPED, outcome.dropped)
      this.#logger.warn('language_model_dropped', { form, model: this.model, dropped: outcome.dropped })
      return
    }
    this.#metrics.count('memos_language_model_questions_total', ASKED, 1)
    if (outcome.failure === null) return
    this.#metrics.count('memos_language_model_failures_total', FAILED, 1)
    this.#logger.warn('language_model_failed', { form, model: this.model, reason: outcome.failure })
  }
}

const ASKED = 'Questions that a language model was asked.'
const FAILED = 'Questions that were left to the rules because the language model gave no answer of use.'
const DROPPED = 'Parts of answers of a language model that were not used because nothing says so.'
