import { z } from 'zod'
import type { ChatMessage, CompletionOptions } from '../../ports/language-model.ts'
import { strictSchema } from './strict-schema.ts'

/** Parameters that servers and models of this API differ in; those that were refused are sent in another way, or not at all. */
const DIFFERING = ['response_format', 'max_tokens', 'temperature'] as const
export type Differing = (typeof DIFFERING)[number]

/** Body of one `POST /chat/completions`. Reasoning models of OpenAI refuse `max_tokens` for a newer name, and every temperature but their own. */
export function chatRequest(
  model: string,
  messages: readonly ChatMessage[],
  { schema, maxTokens }: CompletionOptions,
  refused: ReadonlySet<Differing>,
): Record<string, unknown> {
  return {
    model,
    messages,
    ...(refused.has('max_tokens') ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens }),
    ...(refused.has('temperature') ? {} : { temperature: 0 }),
    ...(schema === undefined || refused.has('response_format')
      ? {}
      : {
          response_format: {
            type: 'json_schema',
            json_schema: { name: schema.name, schema: strictSchema(schema.schema), strict: true },
          },
        }),
  }
}

/** `{error: {param}}` is OpenAI's; others leave the parameter out, or answer in a form of their own. */
const Refusal = z.object({ error: z.object({ param: z.string().nullish(), code: z.string().nullish() }) })

/**
 * The parameter that a 400 is about: the one it names, else the schema, which is what servers that know no structured answers trip over. Null for
 * one that no other way of asking would mend, such as a prompt that is too long.
 */
export function refusedParameter(body: string): Differing | null {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return 'response_format'
  }
  const { param, code } = Refusal.safeParse(json).data?.error ?? {}
  if (param == null) return code === 'context_length_exceeded' ? null : 'response_format'
  return DIFFERING.find((one) => param === one || param.startsWith(`${one}.`)) ?? null
}
