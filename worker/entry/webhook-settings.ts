import { z } from 'zod'
import { parseEnvironment } from './model-settings.ts'

const Origin = z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).origin)

/** Origins that pipelines may notify, commas between; every host reads the same. */
export const WEBHOOK_VARIABLES = {
  MEMOS_WEBHOOK_ORIGINS: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .pipe(z.array(Origin, 'origins such as https://hooks.example.com, separated by commas'))
    .optional(),
}

/** @throws ConfigError naming the variable and what was expected */
export const webhookOriginsOf = (environment: object): readonly string[] =>
  parseEnvironment(z.object(WEBHOOK_VARIABLES), environment).MEMOS_WEBHOOK_ORIGINS ?? []
