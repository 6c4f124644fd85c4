import { z } from 'zod'
import { LanguageModelError } from '../../ports/language-model.ts'

const Answer = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
})

/** Text of a chat completion. @throws LanguageModelError refused, cut_off, malformed */
export function contentOf(answer: unknown): string {
  const choice = Answer.safeParse(answer).data?.choices[0]
  if (choice === undefined) throw new LanguageModelError('malformed')
  if (choice.message.refusal != null || choice.finish_reason === 'content_filter')
    throw new LanguageModelError('refused')
  if (choice.finish_reason === 'length') throw new LanguageModelError('cut_off')
  const { content } = choice.message
  if (content == null || content.trim() === '') throw new LanguageModelError('malformed')
  return content
}
